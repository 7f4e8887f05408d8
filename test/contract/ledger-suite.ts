/** The suite that every engine of the ledger passes. An engine runs it in a few lines: see ledger-sqlite.test.ts. */
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { type Bench, benchOn } from "../support/ledger-fixture.ts";
import { accountsTests } from "./ledger-suite-accounts.ts";
import { alertTests } from "./ledger-suite-alerts.ts";
import { arrivingTests } from "./ledger-suite-arriving.ts";
import { backfillTests } from "./ledger-suite-backfill.ts";
import { careTests } from "./ledger-suite-care.ts";
import { checkTests } from "./ledger-suite-checks.ts";
import { claimTests } from "./ledger-suite-claim.ts";
import { crmStateTests } from "./ledger-suite-crm-state.ts";
import { discrepancyTests, extraTests } from "./ledger-suite-discrepancies.ts";
import { historyTests } from "./ledger-suite-history.ts";
import { intakeTests } from "./ledger-suite-intake.ts";
import { nameTests } from "./ledger-suite-names.ts";
import { pacingTests } from "./ledger-suite-pacing.ts";
import { peopleTests } from "./ledger-suite-people.ts";
import { recoveryTests } from "./ledger-suite-recovery.ts";
import { repairTests } from "./ledger-suite-repairs.ts";
import { sampleTests } from "./ledger-suite-samples.ts";
import { takeoverTests } from "./ledger-suite-takeover.ts";
import { traceTests } from "./ledger-suite-traces.ts";
import { turnTests } from "./ledger-suite-turn.ts";
import { versionsTests } from "./ledger-suite-versions.ts";

export interface LedgerEngine {
  name: string;
  /** A new, empty ledger. */
  fresh(): Promise<Ledger>;
  /** Another connection to the ledger that `fresh` made last. */
  again(): Promise<Ledger>;
  /** Closes what the test opened. */
  clean(): Promise<void>;
  /** Before the first test, and after the last one. */
  prepare(): Promise<void>;
  end(): Promise<void>;
}

/** The ledger under test. Filled before each test. */
export interface Subject {
  bench: Bench;
  again(): Promise<Ledger>;
}

export function ledgerSuite(engine: LedgerEngine): void {
  describe(`ledger on ${engine.name}`, () => {
    const subject = { again: () => engine.again() } as Subject;
    beforeAll(() => engine.prepare());
    afterAll(() => engine.end());
    beforeEach(async () => {
      subject.bench = await benchOn(await engine.fresh());
    });
    afterEach(() => engine.clean());
    intakeTests(subject);
    claimTests(subject);
    turnTests(subject);
    traceTests(subject);
    pacingTests(subject);
    recoveryTests(subject);
    crmStateTests(subject);
    peopleTests(subject);
    arrivingTests(subject);
    backfillTests(subject);
    versionsTests(subject);
    checkTests(subject);
    accountsTests(subject);
    careTests(subject);
    extraTests(subject);
    discrepancyTests(subject);
    repairTests(subject);
    takeoverTests(subject);
    sampleTests(subject);
    alertTests(subject);
    historyTests(subject);
    nameTests(subject);
  });
}

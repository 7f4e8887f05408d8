import type { Config } from "../config/config.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { AcceptVerdict, Ledger } from "../ledger/ledger.ts";
import type { Now, RejectRow } from "../ledger/rows.ts";
import { safeLine } from "../report/safe-text.ts";
import type { Reply } from "./command.ts";
import { openMapping } from "./todays-map.ts";

const DECISIONS = ["take", "keep", "drop"] as const;
type Decision = (typeof DECISIONS)[number];

interface Desk {
  ledger: Ledger;
  config: Config | null;
  now(): Now;
}

export function isDecision(text: string): text is Decision {
  return (DECISIONS as readonly string[]).includes(text);
}

/**
 * Decides on one reject or conflict: `drop` sets it aside; `keep` leaves a conflict's submission as it is; `take` puts the
 * conflict's newer content in its place, where nothing of it was sent. Rejects with `usage` where that can't be.
 */
export async function decide(desk: Desk, decision: Decision, id: string, why: string | undefined): Promise<Reply> {
  const row = await desk.ledger.findReject(id);
  if (row === null) {
    throw new CrmledgerError("inputUnreadable", `There is no open reject or conflict ${id}`, {
      hint: "IDs: crmledger rejects",
    });
  }
  if (decision === "drop") return await drop(desk, row, why?.trim() ?? "");
  if (row.kind !== "conflict") {
    throw new CrmledgerError("usage", `${id} is a reject: there is no other version to choose`, {
      hint: `Mend it (crmledger rejects --export FILE), or: crmledger rejects drop ${id} --why TEXT`,
    });
  }
  return decision === "keep" ? await keep(desk, row) : await take(desk, row);
}

async function drop({ ledger, now }: Desk, row: RejectRow, why: string): Promise<Reply> {
  if (why === "") throw new CrmledgerError("usage", "rejects drop needs --why", { hint: 'e.g. --why "spam"' });
  await ledger.closeReject(row.id, `dropped: ${why}`, now());
  return replyOf(row, "dropped", "Set aside. It stays in the ledger.");
}

async function keep({ ledger, now }: Desk, row: RejectRow): Promise<Reply> {
  await ledger.closeReject(row.id, "the earlier content was kept", now());
  return replyOf(row, "kept", `${nameOf(row)} stays as it is. The other version stays in the ledger.`);
}

async function take({ ledger, config, now }: Desk, row: RejectRow): Promise<Reply> {
  if (config === null) {
    throw new CrmledgerError("configMissing", "rejects take needs the config, whose map reads the record", {
      hint: "Name it with --config FILE.",
    });
  }
  const { remapRaw } = await import("../intake/mapping.ts");
  const mapped = await remapRaw(await openMapping(config, row.source), row.raw);
  if (mapped === null) {
    throw new CrmledgerError(
      "inputUnreadable",
      `Today's map of ${row.source} would skip or reject the record of ${row.id}`,
      {
        hint: "Nothing was changed. Mend the map, or export and mend the record.",
      },
    );
  }
  const verdict = await ledger.acceptConflict(row.id, mapped, now());
  if (verdict !== "taken") throw notTaken(verdict, row);
  return replyOf(row, "taken", `${nameOf(row)} has the newer content now. Send it with: crmledger sync`);
}

function notTaken(verdict: Exclude<AcceptVerdict, "taken">, row: RejectRow): CrmledgerError {
  const name = nameOf(row);
  if (verdict === "busy") {
    return new CrmledgerError("usage", `A run is working on ${name} just now`, {
      hint: "Nothing was changed. Try again.",
    });
  }
  if (verdict === "gone") return new CrmledgerError("usage", `${row.id} was decided on meanwhile`);
  return new CrmledgerError(
    "usage",
    `${name} is in the CRM already, or may be; this version can't change what was sent`,
    {
      hint: `Nothing was changed. Change it in the CRM by hand, then: crmledger rejects keep ${row.id}`,
    },
  );
}

function replyOf({ id, kind, source, key }: RejectRow, result: string, sentence: string): Reply {
  return { json: { id, kind, source, key, result }, text: () => `${id}: ${safeLine(sentence)}\n`, exitCode: 0 };
}

const nameOf = ({ source, key }: RejectRow): string => `${source}/${key}`;

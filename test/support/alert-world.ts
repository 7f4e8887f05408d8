/** A ledger file on a clock that the test moves, and channels that are real: a server on loopback and a program. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { programRunner } from "../../src/cli/run-program.ts";
import { defaultAlerts } from "../../src/config/alert-settings.ts";
import type { AlertSettings } from "../../src/domain/alert.ts";
import { createTransport } from "../../src/http/transport.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import type { Channel } from "../../src/notify/channels.ts";
import type { ChangedName, ClosedFiles, Surroundings } from "../../src/notify/facts.ts";
import type { NoticeAlert } from "../../src/notify/notice.ts";
import { deliver, look, type NotifierDeps } from "../../src/notify/notifier.ts";
import { type ChannelServer, createChannelServer } from "./channel-server.ts";
import { type Bench, benchOn } from "./ledger-fixture.ts";

export interface AlertWorld {
  bench: Bench;
  server: ChannelServer;
  deps: NotifierDeps;
  settings: AlertSettings;
  /** Room on the disk that the next looks find. */
  freeBytes: number;
  /** Names of the CRM that the next looks find changed. */
  changedNames: ChangedName[];
  /** Files that the next looks find closed. */
  closedFiles: ClosedFiles[];
  /** Rows of tables that no verb writes. */
  sql(text: string): void;
  /** Looks and tells; what could not be told. */
  tell(more?: Partial<Surroundings>): Promise<string[]>;
  /** Events that the webhook was told since this was asked last. */
  told(): NoticeAlert[];
  /** Lines of the program: level and number of alerts. */
  commands(): string[];
  close(): Promise<void>;
}

export async function createAlertWorld(): Promise<AlertWorld> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-alerts-"));
  const path = join(folder, "ledger.db");
  const server = await createChannelServer();
  const start = { wallMs: Date.UTC(2026, 10, 23, 12), monoMs: 1_000_000, bootId: "boot-a" };
  const bench = await benchOn(await openSqliteLedger({ path, create: true, nowMs: start.wallMs }), start);
  const end = { stopped: "drained", exitCode: 0, summary: null, nowMs: start.wallMs };
  await bench.ledger.closeRun(bench.run, end);
  const script = join(folder, "notify.sh");
  writeFileSync(
    script,
    `#!/bin/sh\ncat > /dev/null\necho "$CRMLEDGER_ALERT_LEVEL $CRMLEDGER_ALERT_COUNT" >> told.txt\n`,
  );
  chmodSync(script, 0o700);
  const channels: Channel[] = [
    { type: "webhook", name: "webhook:1", label: "webhook", url: `${server.url}/hook` },
    { type: "command", name: "command:1", label: "command", argv: ["./notify.sh"] },
  ];
  const client = createTransport({ userAgent: "test", allowPrivate: true });
  const clock = {
    wallMs: () => bench.now.wallMs,
    monoMs: () => bench.now.monoMs,
    bootId: "boot-a",
    sleep: async () => {},
  };
  const deps: NotifierDeps = {
    ...{ ledger: bench.ledger, clock, host: "web1", channels, send: client.send, timeoutMs: 30_000 },
    runProgram: programRunner(folder, { PATH: process.env.PATH }, []),
  };
  const world: AlertWorld = {
    ...{ bench, server, deps, settings: defaultAlerts(), freeBytes: 1e12, changedNames: [] },
    closedFiles: [],
    sql(text) {
      const db = new Database(path);
      db.exec(text);
      db.close();
    },
    async tell(more) {
      const { settings, freeBytes } = world;
      const now = { ...bench.now };
      const around = { now, credential: bench.credential, settings, freeBytes, stateOf: () => "died" as const };
      const names = { changedNames: async () => world.changedNames, closedFiles: world.closedFiles };
      await look(deps, { ...around, ...names, ...more });
      return await deliver(deps);
    },
    told: () => server.taken().flatMap(({ body }) => JSON.parse(body).alerts as NoticeAlert[]),
    commands() {
      try {
        return readFileSync(join(folder, "told.txt"), "utf8").trim().split("\n");
      } catch {
        return [];
      }
    },
    async close() {
      await client.close();
      await bench.ledger.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

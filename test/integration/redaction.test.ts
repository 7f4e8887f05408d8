/** A CRM that answers with our own token: nothing of it is kept or told. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { HttpResult } from "../../src/domain/wire.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { createRig, lead, START_MS, TOKEN } from "../support/drain-rig.ts";

/** Whatever the CRM says has the token in it, refusals and records alike. */
function echoing(result: HttpResult): HttpResult {
  if (result.type !== "response") return result;
  const body = result.body
    .replace(/"(name|title|error)":"/g, `"$1":"${TOKEN} `)
    .replace('"success":false', `"success":false,"error_info":"${Buffer.from(TOKEN).toString("base64")}"`);
  return { ...result, body };
}

it("the token is taken out of everything that the CRM answers before it is stored or shown", async () => {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-redaction-"));
  try {
    const ledger = await openSqliteLedger({ path: join(folder, "l.db"), create: true, nowMs: START_MS });
    const rig = await createRig({
      ledger,
      transport: async (request) => echoing(await rig.simulator.handle(request)),
    });
    rig.simulator.addPerson({ name: "Known", emails: [{ value: "lead.1@example.com", primary: true, label: "work" }] });
    rig.simulator.failNext({ kind: "planCap", match: { method: "POST", path: /\/deals$/ } });
    await rig.take([
      lead(1, { deal: { title: "T", pipeline: "Sales" }, organization: { name: "Engines" } }),
      lead(2, { person: { email: "lead.2@example.com", owner: "nobody@example.com" } }),
    ]);
    const report = await rig.run();
    await ledger.close();
    const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    for (const text of [...kept, JSON.stringify(report)]) {
      expect(text).not.toContain(TOKEN);
      expect(text).not.toContain(Buffer.from(TOKEN).toString("base64"));
    }
    expect(kept.join("")).toContain("[redacted]");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

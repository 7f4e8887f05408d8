import { CrmledgerError } from "../domain/errors.ts";
import type { HoldScope } from "../domain/hold.ts";
import type { RunCommand } from "./command.ts";
import { withShop } from "./compose.ts";
import { holdDocument } from "./hold-document.ts";
import { sourceNamed } from "./sources.ts";

/** `crmledger pause --why`: a hold by hand. Ingest goes on; nothing that waits uses up a try. */
export const run: RunCommand = (invocation) => {
  const why = (invocation.flags.why as string | undefined)?.trim();
  if (!why) throw new CrmledgerError("usage", "pause needs --why", { hint: 'e.g. --why "CRM clean-up until Monday"' });
  return withShop(invocation, "create", async (shop) => {
    const source = invocation.flags.source as string | undefined;
    const scope: HoldScope = source === undefined ? "account" : `source:${sourceNamed(shop.config, source).name}`;
    const hold = { kind: "paused" as const, scope, untilMs: null, probe: false, message: why };
    // Without an account: the hold is a person's, whatever account the ledger is bound to.
    const row = await shop.ledger.openHold(null, hold, shop.clock.wallMs());
    const what = source === undefined ? "Everything" : `The source ${source}`;
    const document = { paused: holdDocument(row) };
    return {
      json: document,
      text: () =>
        `${what} is on hold: ${why}\nIngest goes on. End it with: crmledger resume${source === undefined ? "" : ` --source ${source}`}\n`,
      exitCode: 0,
    };
  });
};

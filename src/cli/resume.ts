import { counted } from "../report/human.ts";
import type { RunCommand } from "./command.ts";
import { withShop } from "./compose.ts";
import { remapHeld } from "./remap-held.ts";
import { sourceNamed } from "./sources.ts";

/**
 * `crmledger resume`: ends holds that people set or can judge: a pause, a source whose map was mended, a ledger that was
 * restored on purpose. The others end by themselves.
 */
export const run: RunCommand = (invocation) =>
  withShop(invocation, "open", async (shop) => {
    const source = invocation.flags.source as string | undefined;
    const filter = source === undefined ? {} : { scope: `source:${source}` as const };
    const kinds = source === undefined ? (["paused", "staleLedger"] as const) : (["paused", "source"] as const);
    const held = await shop.ledger.holds();
    // A source that left the config may still be paused: it can be let go.
    if (source !== undefined && !held.some(({ scope }) => scope === filter.scope)) sourceNamed(shop.config, source);
    const before = held.length;
    if (source !== undefined) await remapHeld(shop, invocation);
    let closed = before - (await shop.ledger.holds()).length;
    for (const kind of kinds) closed += await shop.ledger.closeHolds({ kind, ...filter }, shop.clock.wallMs());
    const others = (await shop.ledger.holds()).filter((hold) => source === undefined || hold.scope === filter.scope);
    const left = others.map((hold) => `${hold.kind} (${hold.scope})`);
    const rest = left.length === 0 ? "" : `\nStill on hold: ${left.join(", ")}; see: crmledger status`;
    return {
      json: { resumed: closed },
      text: () => (closed === 0 ? `Nothing was paused.${rest}\n` : `Ended ${counted(closed, "hold")}.${rest}\n`),
      exitCode: 0,
    };
  });

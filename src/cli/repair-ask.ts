import { renderRepairs } from "../report/reconcile-price.ts";
import { createStyle } from "../report/style.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { canAsk, openQuestions } from "./questions.ts";
import type { ReconcileFlags } from "./reconcile-flags.ts";
import type { Checked } from "./reconcile-run.ts";
import { endStaleLedger, NOTHING_REPAIRED, type Repaired, repairAll, repairPlan, wishOf } from "./repair-run.ts";

const ROWS_SHOWN = 20;

/** What `--repair` asks for, of what this check found. A person at a terminal sees what would be queued before it is. */
export async function askAndRepair(
  shop: Shop,
  invocation: Invocation,
  flags: ReconcileFlags,
  checked: Checked,
  ids: ReadonlySet<string>,
): Promise<Repaired> {
  const { talk } = invocation;
  if (checked.report === null) {
    talk.warn("the check did not come to its end, so nothing was repaired");
    return NOTHING_REPAIRED;
  }
  const wish = wishOf(flags);
  const plan = await repairPlan(shop, checked.adapter, wish, ids, { check: checked.report.check.id });
  const how = wish === "safe" ? "--repair" : `--repair=${wish}`;
  for (const id of plan.unknown) talk.warn(`${id} is not open any more, or nothing that ${how} could mend`);
  if (plan.repairs.length > 0) {
    if (!flags.yes && !(await isWanted(invocation, plan))) {
      talk.say("Nothing was queued.");
      return NOTHING_REPAIRED;
    }
    return await repairAll(shop, invocation, checked, wish, ids);
  }
  talk.say(`There is nothing that ${how} could mend.`);
  if (wish === "safe" && ids.size === 0) await endStaleLedger(shop, invocation, checked);
  return NOTHING_REPAIRED;
}

/** Without a terminal nobody is asked: the flag is the answer. A signal while the question stands is a no. */
async function isWanted(
  { io, signals, globals }: Invocation,
  plan: Awaited<ReturnType<typeof repairPlan>>,
): Promise<boolean> {
  if (!canAsk(io)) return true;
  if (signals.received() !== null) return false;
  const style = createStyle({ isTTY: true, columns: io.stderr.columns }, globals, io.env);
  io.stderr.write(renderRepairs(plan, style, ROWS_SHOWN));
  const questions = openQuestions(io);
  const signal = signals.graceful();
  try {
    const left = new Promise<string>((answer) => signal.addEventListener("abort", () => answer("n"), { once: true }));
    const answer = await Promise.race([questions.ask("Queue this? [y/N]: "), left]);
    return /^y(es)?$/i.test(answer);
  } finally {
    questions.close();
  }
}

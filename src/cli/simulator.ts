import { PLAN_MULTIPLIERS, type PlanName } from "../config/daily-tokens.ts";
import { nearest } from "../config/problem.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { LimitOptions } from "../simulator/limits.ts";
import type { RunCommand } from "./command.ts";
import { createRealClock } from "./real-clock.ts";

/** Requests per 2 s by plan (Pipedrive's rate limiting page, read 2026-11-23). */
const BURST: Record<PlanName, number> = { lite: 20, growth: 40, premium: 100, ultimate: 120 };
const TOKENS_PER_SEAT = 30_000;

/** `crmledger simulator`: the embedded CRM on loopback, until it is told to stop. */
export const run: RunCommand = async (invocation) => {
  const flags = invocation.flags as { port?: number; seed?: number; faults?: string; limits?: PlanName | "none" };
  const [{ createSimulator }, { FAULT_PRESETS }] = await Promise.all([
    import("../simulator/simulator.ts"),
    import("../simulator/fault-plan.ts"),
  ]);
  const presets: Record<
    string,
    Pick<Parameters<typeof createSimulator>[0], "faults" | "others" | "edits">
  > = FAULT_PRESETS;
  const name = flags.faults ?? "calm";
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (preset === undefined) {
    const near = nearest(name, Object.keys(presets));
    throw new CrmledgerError("usage", `There are no faults called ${JSON.stringify(name)}`, {
      hint: near === null ? `Presets: ${Object.keys(presets).join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  const { faults, others, edits } = preset;
  const limits = limitsOf(flags.limits ?? "lite");
  const simulator = createSimulator({ clock: createRealClock(), seed: flags.seed ?? 1, limits, faults, others, edits });
  const server = await simulator.serve({ port: flags.port ?? 0 }).catch((error: NodeJS.ErrnoException) => {
    throw new CrmledgerError("usage", `Port ${flags.port ?? 0} can't be had (${error.code})`, {
      hint: "Name another with --port.",
    });
  });
  const signal = invocation.signals.graceful();
  const token = simulator.tokens[0]!;
  const config = `crm:\n  type: pipedrive\n  baseUrl: ${server.url}\n  apiToken: ${token}\n`;
  invocation.print({
    json: { baseUrl: server.url, token, config },
    text: (style) =>
      `The simulator answers at ${style.bold(server.url)} with the token ${token}\n\nFor crmledger.yaml (chmod 600, the token stands in it):\n\n${config}\nStop it with Ctrl-C.\n`,
    exitCode: 0,
  });
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await server.close();
  return null;
};

function limitsOf(plan: PlanName | "none"): Partial<LimitOptions> | null {
  return plan === "none" ? null : { burst: BURST[plan], dailyTokens: TOKENS_PER_SEAT * PLAN_MULTIPLIERS[plan] };
}

import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { PLAN_MULTIPLIERS } from "../config/daily-tokens.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { InitAnswers } from "./config-text.ts";
import type { Io } from "./io.ts";
import { type Ask, openQuestions } from "./questions.ts";

const TOKEN_FILE = "./pipedrive.token";

/** Asks for what the flags left open. The token is not echoed and goes into a file that only its owner can read. */
export async function askAnswers(given: InitAnswers, io: Io, folder: string): Promise<InitAnswers> {
  const { ask, close } = openQuestions(io);
  try {
    const company = given.baseUrl ?? (await ask("Your company's address at the CRM (https://acme.pipedrive.com): "));
    const token = await ask("API token (not shown; empty: you write the file yourself): ", true);
    const plan = given.plan ?? (await askPlan(ask));
    const seats = given.seats ?? Number(plan === null ? "" : await ask("Seats: "));
    if (token !== "") writeToken(resolve(folder, TOKEN_FILE), token);
    return {
      ...given,
      baseUrl: company === "" ? null : company,
      tokenFile: TOKEN_FILE,
      plan,
      seats: Number.isInteger(seats) && seats > 0 ? seats : null,
    };
  } finally {
    close();
  }
}

async function askPlan(ask: Ask): Promise<string | null> {
  const plans = Object.keys(PLAN_MULTIPLIERS);
  const plan = await ask(`Plan (${plans.join(", ")}; empty: unknown): `);
  if (plan !== "" && !plans.includes(plan)) throw new CrmledgerError("usage", `There is no plan ${plan}`);
  return plan === "" ? null : plan;
}

function writeToken(path: string, token: string): void {
  if (existsSync(path)) {
    throw new CrmledgerError("usage", `${path} is there already`, { hint: "Name it with --token-file, or remove it." });
  }
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: "wx" });
}

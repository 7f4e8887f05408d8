import { expect } from "vitest";
import type { CliWorld } from "./cli-world.ts";

export interface Check {
  name: string;
  status: string;
  message: string;
  fix: string | null;
}

/** What `crmledger doctor` says in this world. Whatever is not in order must come with a fix. */
export async function doctorOf(
  world: CliWorld,
  ...args: string[]
): Promise<{ code: number; ok: boolean; named(name: string): Check[] }> {
  const { code, json } = await world.run("doctor", "--json", ...args);
  const checks = json.checks as Check[];
  for (const { status, message, fix } of checks) {
    if (status !== "ok") expect(fix, `a fix for: ${message}`).toEqual(expect.stringMatching(/\w/));
  }
  return { code, ok: json.ok, named: (name) => checks.filter((check) => check.name === name) };
}

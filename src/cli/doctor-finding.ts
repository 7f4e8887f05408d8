import { EXIT_CODES } from "../domain/errors.ts";
import type { Check } from "../report/doctor-list.ts";
import { errorDocument } from "./error-document.ts";
import { exitCodeOfError } from "./exit-code.ts";

/** A check's result, with the exit code that a failed one leaves. */
export interface Finding extends Check {
  exitCode: number;
}

export function ok(name: string, message: string): Finding {
  return { name, status: "ok", message, fix: null, exitCode: 0 };
}

export function warn(name: string, message: string, fix: string | null): Finding {
  return { name, status: "warn", message, fix, exitCode: 0 };
}

export function fail(name: string, message: string, fix: string | null, exitCode: number): Finding {
  return { name, status: "fail", message, fix, exitCode };
}

export function fromError(name: string, error: unknown): Finding {
  const { message, hint } = errorDocument(error);
  return fail(name, message, hint, exitCodeOfError(error));
}

const NODE_NEEDED = [20, 19] as const;

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
  if (enough) return ok("Node", version);
  return fail(
    "Node",
    `${version} is too old`,
    `Install Node ${NODE_NEEDED.join(".")} or newer.`,
    EXIT_CODES.unexpected,
  );
}

import { safeText } from "./safe-text.ts";
import type { Style } from "./style.ts";

export interface Check {
  name: string;
  status: "ok" | "warn" | "fail";
  message: string;
  fix: string | null;
}

/** The document of `doctor --json`. */
export interface DoctorDocument {
  ok: boolean;
  checks: Check[];
}

export function renderDoctor(doctor: DoctorDocument, style: Style): string {
  const paint = { ok: style.green, warn: style.yellow, fail: style.red };
  const width = Math.max(...doctor.checks.map((check) => check.name.length));
  const lines = doctor.checks.flatMap((check) => {
    const indent = " ".repeat(width + 8);
    const message = safeText(check.message).replaceAll("\n", `\n${indent}`);
    const head = `${paint[check.status](check.status.padEnd(4))}  ${check.name.padEnd(width)}  ${message}`;
    return check.fix === null ? [head] : [head, `${indent}fix: ${safeText(check.fix)}`];
  });
  const bad = doctor.checks.filter((check) => check.status !== "ok").length;
  lines.push(
    bad === 0
      ? style.green("All is well.")
      : doctor.ok
        ? "It works; see the warnings."
        : style.red("Not ready; see the fixes."),
  );
  return `${lines.join("\n")}\n`;
}

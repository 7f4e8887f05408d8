import type { Measurement } from "../domain/measurement.ts";
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
  /** What `--measure` saw; absent without it, null where it was not taken to its end. */
  measurement?: MeasurementDocument | null;
  /** Test records of measurements that are or may be at the CRM. */
  left?: LeftRecord[];
}

export interface MeasurementDocument extends Omit<Measurement, "atMs"> {
  at: string;
  /** Lines of the config. */
  proposals: string[];
  /** Keys that the config has otherwise. */
  changes: string[];
}

export interface LeftRecord {
  entity: string;
  /** Null: no answer came to its making. */
  id: string | null;
  stamp: string;
  link: string | null;
  /** What the CRM said against its deletion; absent: nothing. */
  refusal?: string;
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
  if (doctor.measurement) lines.push("", ...proposalLines(doctor.measurement, style), "");
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

function proposalLines({ proposals, changes }: MeasurementDocument, style: Style): string[] {
  const title =
    changes.length === 0
      ? "The settings suit what was measured:"
      : `What was measured calls for other settings (${changes.join(", ")}):`;
  return [style.bold(title), ...proposals.map((line) => `  ${safeText(line)}`)];
}

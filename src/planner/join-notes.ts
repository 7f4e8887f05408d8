/** Several notes of a submission as one. Pure. */
import type { Step, StepContent } from "../domain/chain.ts";
import type { PlanSettings } from "../domain/settings.ts";

/** An empty line, so that each still stands by itself. */
export const PART_BREAK = { text: "\n\n", html: "<br><br>" } as const;

/** Spaces and line ends are lost where a long note is cut. */
export const solid = (text: string): string => text.replace(/[\n ]/g, "");

/**
 * A chain of which a note is or may be at the CRM keeps to the way in which its notes were planned, whatever the config says
 * by now: else a text would be left out, or come twice.
 */
export function notesAsBegun(
  settings: PlanSettings,
  steps: readonly Pick<Step, "entity" | "state" | "content">[],
): PlanSettings {
  const begun = steps.find(
    ({ entity, state, content }) =>
      entity === "note" && content.repair === undefined && state !== "open" && state !== "failed",
  );
  if (begun === undefined) return settings;
  return { ...settings, notes: { ...settings.notes, join: begun.content.joined !== undefined } };
}

type NoteContent = Pick<StepContent, "format" | "joined">;

/**
 * The texts that were joined, out of the pieces that they were cut into, each without spaces and line ends; those that are
 * not there whole are left out.
 */
export function partsOf(pieces: readonly string[], { format = "text", joined }: NoteContent): string[] {
  const text = pieces.map(solid).join("");
  const between = solid(PART_BREAK[format]).length;
  let from = 0;
  return (joined?.lengths ?? []).flatMap((length) => {
    const part = text.slice(from, from + length);
    from += length + between;
    return part.length === length ? [part] : [];
  });
}

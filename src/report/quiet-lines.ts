import { count, localTimeOf } from "./human.ts";
import { safeLine } from "./safe-text.ts";

/** A source or lane that has quiet hours now. */
export interface QuietDocument {
  /** `source:NAME` or `lane:NAME`. */
  scope: string;
  /** RFC 3339. */
  until: string;
  /** Submissions of it that wait, for whatever reason. */
  waiting: number;
}

/** `source website until 07:00; 12 submissions wait`. */
export function quietLine({ scope, until, waiting }: QuietDocument): string {
  const [kind = "", ...name] = scope.split(":");
  const what = kind === "lane" ? `the ${name.join(":")} lane` : `${kind} ${safeLine(name.join(":"))}`;
  const waits = waiting === 0 ? "nothing of it waits" : waiting === 1 ? "1 waits" : `${count(waiting)} wait`;
  return `${what} until ${localTimeOf(until)}; ${waits}`;
}

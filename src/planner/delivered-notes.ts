/** Which of a revision's notes its earlier versions brought to the CRM already. Pure. */
import type { EarlierStep, StepContent } from "../domain/chain.ts";
import { htmlOfText } from "./note-text.ts";

/** The texts of the note steps, in order, without the last lines that the plan added. */
export function notePieces(earlier: readonly EarlierStep[]): string[] {
  return earlier.flatMap(({ entity, content }) => (entity === "note" ? [pieceOf(content)] : []));
}

function pieceOf({ values, format, reference }: StepContent): string {
  const { text = "" } = values;
  const lineEnd = format === "html" ? "<br>" : "\n";
  if (reference) {
    const lastLine = `${lineEnd}${format === "html" ? htmlOfText(reference) : reference}`;
    return text.endsWith(lastLine) ? text.slice(0, -lastLine.length) : text;
  }
  const number = /\(\d+\/\d+\)$/.exec(text)?.[0];
  if (number === undefined || !text.endsWith(lineEnd + number)) return text;
  return text.slice(0, -(lineEnd.length + number.length));
}

/** A long note was cut at line ends or spaces, which no piece has. */
const solid = (text: string): string => text.replace(/[\n ]/g, "");

/** Whether a text is one of the pieces, or several of them in a row. Spaces and line ends make no difference. */
export function isDelivered(text: string, pieces: readonly string[]): boolean {
  const wanted = solid(text);
  return pieces.some((_, start) => {
    let rest = wanted;
    for (const piece of pieces.slice(start).map(solid)) {
      if (!rest.startsWith(piece)) return false;
      rest = rest.slice(piece.length);
      if (rest === "") return true;
    }
    return false;
  });
}

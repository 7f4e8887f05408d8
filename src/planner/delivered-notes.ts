/** Which of a revision's notes its earlier versions brought to the CRM already. Pure. */
import type { EarlierStep, StepContent } from "../domain/chain.ts";
import { partsOf, solid } from "./join-notes.ts";
import { htmlOfText } from "./note-text.ts";

/** The texts of the note steps, in order, without the last lines that the plan added. Joined ones are told apart. */
export function notePieces(earlier: readonly EarlierStep[]): string[] {
  const notes = earlier.filter(({ entity }) => entity === "note").map(({ content }) => content);
  return notes.flatMap((content, index) => {
    const { joined } = content;
    if (joined === undefined) return [pieceOf(content)];
    if (joined.piece > 1) return [];
    const rest = notes.slice(index);
    const end = rest.findIndex((each, offset) => each.joined?.piece !== offset + 1);
    return partsOf(rest.slice(0, end < 0 ? rest.length : end).map(pieceOf), content);
  });
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

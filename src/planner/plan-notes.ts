import type { StepContent } from "../domain/chain.ts";
import type { NoteSettings } from "../domain/settings.ts";
import { noteReference } from "../domain/stamp.ts";
import type { BadValue } from "../domain/submission.ts";
import { isDelivered } from "./delivered-notes.ts";
import { PART_BREAK, solid } from "./join-notes.ts";
import { cleanText, htmlOfText, sentLength, splitText } from "./note-text.ts";

export interface NotesInput {
  notes: readonly string[];
  badValues: readonly BadValue[];
  stamp: string;
  settings: NoteSettings;
  /** Longest note in characters, as sent. */
  lengthMax: number;
  /** Pieces of notes that earlier versions brought to the CRM: a text that they make up is not sent once more. */
  delivered?: readonly string[];
}

/** Room for text that must be left however long the reference is, so that cutting ends. */
const TEXT_ROOM_MIN = 16;

/**
 * The notes of a chain: those that came, values that fields could not take as lines of the first, each note within the
 * CRM's size and with its reference as the last line.
 */
export function planNotes(input: NotesInput): StepContent[] {
  const { format, reference, join } = input.settings;
  const texts = withBadValues(input).filter((text) => !isDelivered(text, input.delivered ?? []));
  const isJoined = join === true && texts.length > 1;
  const { pieces, split } = cutAll(isJoined ? [texts.join(PART_BREAK[format])] : texts, input);
  const lengths = isJoined ? texts.map((text) => solid(text).length) : null;
  return pieces.map((piece, index) => {
    const mark = reference ? noteReference(input.stamp, index + 1, pieces.length) : null;
    const lastLine = mark ?? (split ? `(${index + 1}/${pieces.length})` : null);
    const text = lastLine === null ? piece : joinLines([piece, inFormat(lastLine, format)], format);
    const joined = lengths !== null && { joined: { piece: index + 1, lengths } };
    return { values: { text }, onMatch: "keep" as const, format, reference: mark, ...joined };
  });
}

function withBadValues(input: NotesInput): string[] {
  const { format } = input.settings;
  const texts = input.notes.map((note) => cleanText(note).trim()).filter((note) => note !== "");
  const lines = input.badValues.map((bad) => inFormat(cleanText(`${bad.label}: ${bad.value}`), format));
  if (lines.length === 0) return texts;
  const [first, ...others] = texts;
  return [joinLines(first === undefined ? lines : [first, ...lines], format), ...others];
}

/** The number of pieces decides how long the last line is, and that how many pieces there are. */
function cutAll(texts: readonly string[], input: NotesInput): { pieces: string[]; split: boolean } {
  const { format, reference } = input.settings;
  const lastLineLength = (parts: number): number => {
    const line = reference ? noteReference(input.stamp, parts, parts) : `(${parts}/${parts})`;
    return sentLength(joinLines(["", inFormat(line, format)], format), format);
  };
  if (!reference && texts.every((text) => sentLength(text, format) <= input.lengthMax))
    return { pieces: [...texts], split: false };
  for (let parts = Math.max(1, texts.length); ; ) {
    const room = Math.max(TEXT_ROOM_MIN, input.lengthMax - lastLineLength(parts));
    const pieces = texts.flatMap((text) => splitText(text, format, room));
    if (pieces.length <= parts || lastLineLength(pieces.length) <= lastLineLength(parts))
      return { pieces, split: pieces.length > texts.length };
    parts = pieces.length;
  }
}

const joinLines = (lines: readonly string[], format: NoteSettings["format"]): string =>
  lines.join(format === "html" ? "<br>" : "\n");

const inFormat = (line: string, format: NoteSettings["format"]): string =>
  format === "html" ? htmlOfText(line) : line;

import type { Style } from "./style.ts";
import { pairs } from "./table.ts";

/** Less than this beside the names reads worse than below them. */
const BESIDE_MIN = 24;

/** `pairs` within a terminal's width: what does not fit goes on below itself. Files keep one line for each. */
export function wrappedPairs(rows: readonly (readonly [string, string])[], style: Style): string {
  if (!style.isTerminal) return pairs(rows, style);
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  const room = style.width - nameWidth - 2;
  if (room >= BESIDE_MIN) {
    const folded = rows.flatMap(([name, value]) =>
      wrapped(value, room).map((line, index) => [index === 0 ? name : "", line] as const),
    );
    return pairs(folded, style);
  }
  const below = rows.flatMap(([name, value]) => {
    const lines = wrapped(value, style.width - 2).map((line) => `  ${line}`);
    return name === "" ? lines : [style.dim(name), ...lines];
  });
  return below.join("\n");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of our own colours
const COLOURS = /\u001b\[[\d;]*m/g;

/** Lines of at most so many columns, broken at blanks; a longer word is cut. A colour that is open goes on in the next line. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let [line, used] = ["", 0];
  const flush = (): void => {
    lines.push(line);
    [line, used] = ["", 0];
  };
  for (const word of text.split(" ").flatMap((one) => cut(one, width))) {
    const size = [...word.replace(COLOURS, "")].length;
    if (used > 0 && used + 1 + size > width) flush();
    line += used > 0 ? ` ${word}` : word;
    used += size + (used > 0 ? 1 : 0);
  }
  flush();
  return carried(lines);
}

function cut(word: string, width: number): string[] {
  const plain = [...word.replace(COLOURS, "")];
  if (plain.length <= width) return [word];
  // Only texts of others have such words, and those are coloured as a whole.
  const parts = Array.from({ length: Math.ceil(plain.length / width) }, (_, index) =>
    plain.slice(index * width, (index + 1) * width).join(""),
  );
  const colours = word.match(COLOURS) ?? [];
  return parts.map((part, index) => {
    const before = index === 0 && word.startsWith("\u001b") ? (colours[0] ?? "") : "";
    const after = index === parts.length - 1 && word.endsWith("m") ? (colours.at(-1) ?? "") : "";
    return before + part + after;
  });
}

/** Each line closes the colour that it leaves open, and the next opens it again: names stand between them. */
function carried(lines: readonly string[]): string[] {
  let open = "";
  return lines.map((line) => {
    const whole = open + line;
    for (const [code] of whole.matchAll(COLOURS)) open = /\[(0|22|39)m/.test(code) ? "" : code;
    return open === "" ? whole : `${whole}\u001b[0m`;
  });
}

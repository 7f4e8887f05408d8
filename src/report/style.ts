import { Chalk } from "chalk";

type Paint = (text: string) => string;

/** How text for people looks on one stream. */
export interface Style {
  bold: Paint;
  dim: Paint;
  red: Paint;
  green: Paint;
  yellow: Paint;
  cyan: Paint;
  /** Columns of the terminal; a fixed width elsewhere, so that output in files does not depend on who looks. */
  width: number;
  /** Somebody looks at it: lines may be broken to fit. */
  isTerminal: boolean;
  /** A terminal that says that it shows all letters. */
  unicode: boolean;
}

const WIDTH_ELSEWHERE = 120;

export interface StreamFacts {
  isTTY: boolean;
  columns: number | undefined;
}

/** Colour only on a terminal, and only where neither `--no-color`, `NO_COLOR` nor a dumb terminal says no. */
export function createStyle(
  stream: StreamFacts,
  wanted: { color: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  const color = stream.isTTY && wanted.color && !env.NO_COLOR && env.TERM !== "dumb";
  const chalk = new Chalk({ level: color ? 1 : 0 });
  return {
    bold: chalk.bold,
    dim: chalk.dim,
    red: chalk.red,
    green: chalk.green,
    yellow: chalk.yellow,
    cyan: chalk.cyan,
    isTerminal: stream.isTTY,
    unicode: stream.isTTY && env.TERM !== "dumb" && /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ""),
    width: stream.isTTY ? Math.max(40, stream.columns ?? WIDTH_ELSEWHERE) : WIDTH_ELSEWHERE,
  };
}

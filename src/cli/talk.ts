import { createRedactor } from "../crm/wrappers/redactor.ts";
import { safeText } from "../report/safe-text.ts";
import type { Style } from "../report/style.ts";

/** Talk goes to standard error: standard output carries data only. */
export interface Talk {
  say(text: string): void;
  warn(text: string): void;
  /** With `--verbose` only. */
  detail(text: string): void;
  /** Always shown, also with `--quiet`. */
  error(message: string, hint: string | undefined): void;
  /** From here on this secret is taken out of everything that is shown. */
  keepSecret(secret: string): void;
  redact(text: string): string;
}

export function createTalk(
  stream: NodeJS.WritableStream,
  style: Style,
  wanted: { quiet: boolean; verbose: boolean },
): Talk {
  const secrets: string[] = [];
  let redact = (text: string): string => text;
  const write = (text: string): void => {
    stream.write(`${redact(text)}\n`);
  };
  return {
    say: (text) => {
      if (!wanted.quiet) write(safeText(text));
    },
    warn: (text) => {
      if (!wanted.quiet) write(`${style.yellow("warning:")} ${safeText(text)}`);
    },
    detail: (text) => {
      if (wanted.verbose) write(style.dim(safeText(text)));
    },
    error: (message, hint) => {
      write(`${style.red("error:")} ${safeText(message)}`);
      if (hint !== undefined && hint !== "") write(`${style.dim("hint:")} ${safeText(hint)}`);
    },
    keepSecret: (secret) => {
      secrets.push(secret);
      redact = createRedactor(secrets);
    },
    redact: (text) => redact(text),
  };
}

import { CrmledgerError } from "../domain/errors.ts";
import type { CommandRow, RunCommand } from "./command.ts";
import { completable, SHELLS } from "./completable.ts";
import { bashCompletion } from "./completion-bash.ts";
import { fishCompletion } from "./completion-fish.ts";
import { zshCompletion } from "./completion-zsh.ts";
import { manualPage } from "./manual-page.ts";

/** `crmledger completion bash|zsh|fish`, and `man` for the manual page: made from the command table, so they can't lag behind. */
export const run: RunCommand = async ({ args, commands }) => {
  const shell = args[0]!;
  const make: Record<(typeof SHELLS)[number], (rows: readonly CommandRow[]) => string> = {
    bash: (rows) => bashCompletion(completable(rows)),
    zsh: (rows) => zshCompletion(completable(rows)),
    fish: (rows) => fishCompletion(completable(rows)),
    man: manualPage,
  };
  const known = SHELLS.find((name) => name === shell);
  if (known === undefined) {
    const hint = "bash, zsh or fish; or man for the manual page";
    throw new CrmledgerError("usage", `No completion for ${JSON.stringify(shell)}`, { hint });
  }
  const script = make[known](commands);
  return { json: { shell, script }, text: () => script, exitCode: 0 };
};

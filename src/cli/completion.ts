import { CrmledgerError } from "../domain/errors.ts";
import type { CommandRow, RunCommand } from "./command.ts";
import { GLOBAL_FLAGS } from "./program.ts";

/** `crmledger completion bash|zsh|fish`: made from the command table, so it can't lag behind. */
export const run: RunCommand = async ({ args, commands }) => {
  const shell = args[0]!;
  const make = { bash, zsh, fish }[shell];
  if (make === undefined) {
    throw new CrmledgerError("usage", `No completion for ${JSON.stringify(shell)}`, { hint: "bash, zsh or fish" });
  }
  const script = make(commands);
  return { json: { shell, script }, text: () => script, exitCode: 0 };
};

const shownOptions = (row: CommandRow) => (row.options ?? []).filter(({ hidden }) => !hidden);

function flagsOf(row: CommandRow): string[] {
  return [...shownOptions(row).map(({ flags }) => flags.split(" ")[0]!), ...GLOBAL_FLAGS, "--help"];
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash(rows: readonly CommandRow[]): string {
  const cases = rows.map((row) => `    ${row.name}) words=${quoted(flagsOf(row).join(" "))} ;;`).join("\n");
  const names = rows.map((row) => row.name).join(" ");
  return `_crmledger() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
    "") words=${quoted(names)} ;;
${cases}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _crmledger crmledger
`;
}

function zsh(rows: readonly CommandRow[]): string {
  const names = rows.map((row) => quoted(`${row.name}:${row.summary.replaceAll(":", "\\:")}`)).join(" ");
  const cases = rows.map((row) => `    ${row.name}) compadd -- ${flagsOf(row).join(" ")}; _files ;;`).join("\n");
  return `#compdef crmledger
_crmledger() {
  local -a commands=(${names})
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "\${words[2]}" in
${cases}
    *) _files ;;
  esac
}
compdef _crmledger crmledger
`;
}

function fish(rows: readonly CommandRow[]): string {
  const names = rows.map(
    (row) => `complete -c crmledger -n __fish_use_subcommand -f -a ${row.name} -d ${quoted(row.summary)}`,
  );
  const flags = rows.flatMap((row) =>
    shownOptions(row).map(({ flags, description }) => {
      const name = flags.split(" ")[0]!.replace(/^--/, "");
      return `complete -c crmledger -n '__fish_seen_subcommand_from ${row.name}' -l ${name} -d ${quoted(description)}`;
    }),
  );
  const global = GLOBAL_FLAGS.map((flag) => `complete -c crmledger -l ${flag.replace(/^--/, "")}`);
  return `${[...names, ...flags, ...global].join("\n")}\n`;
}

import { type Completable, type Flag, GLOBAL, quoted } from "./completable.ts";

/** For a folder in \`fpath\`, under the name \`_crmledger\`, or to be read in by \`source\`. */
export function zshCompletion(commands: readonly Completable[]): string {
  const names = commands.map(({ name, summary }) => quoted(`${name}:${plain(summary)}`)).join("\n    ");
  return `#compdef crmledger
_crmledger() {
  local curcontext="$curcontext" state line
  local -a commands=(
    ${names}
  )
  _arguments -C \\
    ${GLOBAL.map(spec).join(" \\\n    ")} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${commands.map(commandCase).join("\n")}
      esac ;;
  esac
}
if [[ $funcstack[1] == _crmledger ]]; then _crmledger "$@"; else compdef _crmledger crmledger; fi
`;
}

function commandCase({ name, flags, words, files }: Completable): string {
  const first = words.length > 0 ? [quoted(`1:argument:(${words.join(" ")})`)] : [];
  const rest = files ? [quoted("*:file:_files")] : [];
  return `        ${name}) _arguments ${[...flags, ...GLOBAL].map(spec).concat(first, rest).join(" ")} ;;`;
}

function spec({ name, description, takes, optional }: Flag): string {
  const what = `[${plain(description)}]`;
  if (takes === "nothing") return quoted(`${name}${what}`);
  const value = takes === "file" ? "file:_files" : `value:${takes === "text" ? "" : `(${takes.join(" ")})`}`;
  return quoted(optional ? `${name}=-${what}::${value}` : `${name}=${what}:${value}`);
}

/** In a description zsh reads brackets, colons and backslashes as its own. */
const plain = (text: string): string => text.replaceAll(/[[\]:\\]/g, "\\$&");

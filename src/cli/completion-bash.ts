import { type Completable, type Flag, GLOBAL, quoted } from "./completable.ts";

/**
 * bash gives `--repair=merge` as three words, since `=` breaks words there; and a flag's value must not be taken for the command.
 */
export function bashCompletion(commands: readonly Completable[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const valued = GLOBAL.filter(({ takes }) => takes !== "nothing").map(({ name }) => name);
  return `_crmledger() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" skip="" at word words="" files=""
  if [[ $current == "=" ]]; then current=""; fi
  if [[ $previous == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    if [[ -n $skip ]]; then skip=""; continue; fi
    case "$word" in
      ${valued.join("|")}) skip=1 ;;
      -*) ;;
      *) command="$word"; break ;;
    esac
  done
  case "$command $previous" in
${commands.flatMap(({ name, flags }) => flags.flatMap((flag) => valueCase(name, flag))).join("\n")}
${GLOBAL.flatMap((flag) => valueCase("*", flag)).join("\n")}
    *)
      case "$command" in
        "") words=${quoted(`${names} ${flagNames([])}`)} ;;
${commands.map(commandCase).join("\n")}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ -n $files ]]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _crmledger crmledger
`;
}

const flagNames = (flags: readonly Flag[]): string => [...flags, ...GLOBAL].map(({ name }) => name).join(" ");

function valueCase(command: string, { name, takes, optional }: Flag): string[] {
  const when = command === "*" ? `    *" ${name}")` : `    "${command} ${name}")`;
  // Its value is behind \`=\` or not there: what follows a space is the next word.
  if (takes === "nothing" || optional) return optional ? [`${when} ${optionalValue(takes)} ;;`] : [];
  if (takes === "file") return [`${when} files=1 ;;`];
  return [`${when} words=${quoted(takes === "text" ? "" : takes.join(" "))} ;;`];
}

const optionalValue = (takes: Flag["takes"]): string => `words=${quoted(Array.isArray(takes) ? takes.join(" ") : "")}`;

function commandCase({ name, flags, words, files }: Completable): string {
  const all = [...words, flagNames(flags)].join(" ");
  return `        ${name}) words=${quoted(all)}${files ? "; files=1" : ""} ;;`;
}

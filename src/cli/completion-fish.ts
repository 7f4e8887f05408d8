import { type Completable, type Flag, GLOBAL, quoted } from "./completable.ts";

export function fishCompletion(commands: readonly Completable[]): string {
  const names = commands.map(
    ({ name, summary }) => `complete -c crmledger -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
  );
  return `${["complete -c crmledger -f", ...names, ...commands.flatMap(ofCommand), ...GLOBAL.map((flag) => line("", flag))].join("\n")}\n`;
}

function ofCommand({ name, flags, words, files }: Completable): string[] {
  const when = ` -n '__fish_seen_subcommand_from ${name}'`;
  return [
    ...flags.map((flag) => line(when, flag)),
    ...(words.length > 0 ? [`complete -c crmledger${when} -a ${quoted(words.join(" "))}`] : []),
    ...(files ? [`complete -c crmledger${when} -F`] : []),
  ];
}

function line(when: string, { name, description, takes }: Flag): string {
  const value =
    takes === "nothing"
      ? ""
      : takes === "file"
        ? " -r -F"
        : takes === "text"
          ? " -x"
          : ` -x -a ${quoted(takes.join(" "))}`;
  return `complete -c crmledger${when} -l ${name.replace(/^--/, "")}${value} -d ${quoted(description)}`;
}

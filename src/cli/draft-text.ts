import { Document, type Pair, type Scalar, type YAMLMap } from "yaml";
import type { SourceDraft } from "../intake/known-tools/draft.ts";
import type { FittedDraft } from "./draft-around.ts";

/**
 * A draft as a `sources:` block with its comments, ready to be put into `crmledger.yaml`. `spooled`: its records come one by
 * one; else as a file that somebody imports.
 */
export function draftText(draft: SourceDraft | FittedDraft, name: string, heading: string, spooled: boolean): string {
  const settings = {
    ...(spooled ? { spool: `./spool/${name}` } : {}),
    ...draft.settings,
    ...(Object.keys(draft.map).length > 0 ? { map: draft.map } : {}),
  };
  // A source without any settings is one with defaults.
  const document = new Document({ sources: { [name]: Object.keys(settings).length > 0 ? settings : null } });
  const source = document.getIn(["sources", name], true) as YAMLMap<Scalar, unknown> | null;
  comment(source?.items ?? [], draft.comments);
  const map = document.getIn(["sources", name, "map"], true) as YAMLMap<Scalar, unknown> | undefined;
  comment(map?.items ?? [], draft.comments);
  document.commentBefore = [heading, ...draft.remarks, ...(spooled ? [] : [importLine(name)])]
    .map((line) => ` ${line}`)
    .join("\n");
  // Lines are never folded: an expression is easier to read and mend in one.
  return document.toString({ lineWidth: 0 });
}

const importLine = (name: string): string => `Take the file in with: crmledger import --source ${name} FILE`;

function comment(items: readonly Pair<Scalar, unknown>[], comments: SourceDraft["comments"]): void {
  for (const { key } of items) {
    const text = comments[String(key.value)];
    if (text !== undefined) key.commentBefore = ` ${text}`;
  }
}

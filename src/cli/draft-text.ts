import { Document, type Pair, type Scalar, type YAMLMap } from "yaml";
import type { SourceDraft } from "../intake/known-tools/draft.ts";

/** A draft as a `sources:` block with its comments, ready to be put into `crmledger.yaml`. */
export function draftText(draft: SourceDraft, name: string, heading: string): string {
  const spooled = draft.settings.format !== "csv";
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

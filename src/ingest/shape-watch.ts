/** Counts which members a source's records have, and finds what changed of that. Keeps no values, and waits for nothing. */
import type { SourceSettings } from "../domain/settings.ts";
import type { Mapping } from "../intake/mapping.ts";
import { pathText } from "../intake/path.ts";
import { isAbsent } from "../intake/values.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Drift, Layout, MemberRow, MemberType, SourceShape } from "../ledger/members.ts";
import { judgeDrifts } from "./shape-drift.ts";
import { driftText } from "./shape-words.ts";
import { isNobodys } from "./warnings.ts";

/** Members of one source and layout. Records with more have names that are data, and no shape. */
export const MEMBERS_MAX = 500;
const DEPTH_MAX = 12;
/** Of a run with more records each tenth is looked at from here on. */
const ALL_RECORDS = 1_000;
const EACH = 10;
/** Until a member is known as one that nothing reads, a record with it is kept to find out. */
const EXAMPLES_UNTIL = 10;
const TOLD_MAX = 5;

interface Cell {
  row: MemberRow;
  /** The number of the last record that was counted. */
  seenNo: number;
  isChanged: boolean;
  example: object | null;
}

interface Node {
  path: string;
  mapped: boolean;
  children: Map<string, Node>;
  cells: Partial<Record<MemberType, Cell>>;
}

interface Watched {
  shape: SourceShape;
  root: Node;
  nodes: number;
  cells: Cell[];
  /** Of this run. */
  offered: number;
}

export class ShapeWatch {
  readonly #ledger: Ledger;
  readonly #source: SourceSettings;
  readonly #mapping: Mapping;
  readonly #reads: readonly (readonly string[])[] | null;
  readonly #layouts = new Map<Layout, Watched>();

  constructor(ledger: Ledger, source: SourceSettings, mapping: Mapping) {
    this.#ledger = ledger;
    this.#source = source;
    this.#mapping = mapping;
    const rest = mapping.lines.filter(({ target }) => target === "restToNote").flatMap(({ readers }) => readers);
    this.#reads = mapping.reads === null ? null : [...mapping.reads, ...rest.flatMap(({ reads }) => reads)];
  }

  /** Takes in records that came for the first time, in their order. `key`: of the submission; null where it was rejected. */
  async count(flat: boolean, records: readonly { record: unknown; key: string | null }[]): Promise<void> {
    if (records.length === 0) return;
    const watched = await this.#open(flat ? "flat" : "tree");
    for (const { record, key } of records) {
      watched.offered += 1;
      const isPassed = watched.offered > ALL_RECORDS && watched.offered % EACH !== 0;
      if (watched.shape.tooMany || isPassed || record === null || typeof record !== "object") continue;
      watched.shape.records += 1;
      this.#members(watched, watched.root, record, record, key, 0);
    }
  }

  async #open(layout: Layout): Promise<Watched> {
    const known = this.#layouts.get(layout);
    if (known !== undefined) return known;
    const shape = await this.#ledger.sourceShape(this.#source.name, layout);
    const root: Node = { path: "", mapped: false, children: new Map(), cells: {} };
    const watched: Watched = { shape, root, nodes: 0, cells: [], offered: 0 };
    this.#layouts.set(layout, watched);
    return watched;
  }

  #members(watched: Watched, at: Node, value: object, record: object, key: string | null, depth: number): void {
    if (Array.isArray(value)) {
      const element = this.#child(watched, at, null);
      if (element !== null) for (const item of value) this.#see(watched, element, item, record, key, depth);
      return;
    }
    for (const name in value) {
      const child = this.#child(watched, at, name);
      if (child === null) return;
      this.#see(watched, child, (value as Record<string, unknown>)[name], record, key, depth);
    }
  }

  #see(watched: Watched, node: Node, value: unknown, record: object, key: string | null, depth: number): void {
    const type = typeOf(value);
    const no = watched.shape.records;
    const cell = node.cells[type] ?? this.#cell(watched, node, type);
    if (cell.seenNo !== no) {
      const { row } = cell;
      cell.seenNo = no;
      cell.isChanged = true;
      row.count += 1;
      row.lastNo = no;
      row.lastKey = key;
      row.mapped = node.mapped;
      if (!node.mapped && row.count <= EXAMPLES_UNTIL) cell.example = record;
    }
    if ((type === "object" || type === "list") && depth < DEPTH_MAX)
      this.#members(watched, node, value as object, record, key, depth + 1);
  }

  #cell(watched: Watched, node: Node, type: MemberType): Cell {
    const { path, mapped } = node;
    const known = watched.shape.members.find((row) => row.path === path && row.type === type);
    const no = watched.shape.records;
    const row = known ?? { path, type, count: 0, firstNo: no, lastNo: no, mapped, lastKey: null };
    if (known === undefined) watched.shape.members.push(row);
    const cell: Cell = { row, seenNo: 0, isChanged: false, example: null };
    watched.cells.push(cell);
    node.cells[type] = cell;
    return cell;
  }

  /** Null once there are too many. `name`: null for elements of a list. */
  #child(watched: Watched, at: Node, name: string | null): Node | null {
    // Sought under the name itself: names that are data share a node.
    const own = name === null ? "[]" : name;
    const known = at.children.get(own) ?? (isNobodys(own) ? undefined : at.children.get("*"));
    if (known !== undefined) return known;
    watched.nodes += 1;
    if (watched.nodes > MEMBERS_MAX) {
      watched.shape.tooMany = true;
      return null;
    }
    const shown = name === null ? "[]" : isNobodys(name) ? name : "*";
    const path = name === null ? `${at.path}[]` : joined(at.path, shown);
    const node: Node = { path, mapped: this.#isMapped(path), children: new Map(), cells: {} };
    at.children.set(name === null ? "[]" : shown, node);
    return node;
  }

  /** Without a map each known member is read, and of the others ingest tells anyway. */
  #isMapped(path: string): boolean {
    return this.#reads === null || this.#reads.some((read) => covers(read, path));
  }

  /** Writes what was counted and gives what began to differ, for people. Safe to repeat. */
  async keep(nowMs: number): Promise<string[]> {
    const told: string[] = [];
    for (const [layout, watched] of this.#layouts) {
      const { shape, cells } = watched;
      shape.tooMany ||= new Set(shape.members.map(({ path }) => path)).size > MEMBERS_MAX;
      const isRead = (path: string): Promise<boolean> => this.#isRead(cells, path);
      const { begun, ended } = await judgeDrifts(shape, nowMs, isRead);
      const members = cells.filter(({ isChanged }) => isChanged).map(({ row }) => row);
      const drifts = [...ended, ...begun.map((drift) => ({ ...drift, overAtMs: null }))];
      if (members.length === 0 && drifts.length === 0) continue;
      await this.#ledger.saveSourceShape(this.#source.name, layout, { ...shape, members, drifts });
      for (const cell of cells) cell.isChanged = false;
      shape.drifts = [...shape.drifts.filter((one) => !drifts.some((other) => isSame(one, other))), ...drifts];
      told.push(...this.#texts(begun));
    }
    return told;
  }

  #texts(begun: readonly Drift[]): string[] {
    const { name } = this.#source;
    const texts = begun.slice(0, TOLD_MAX).map((drift) => driftText({ ...drift, source: name }));
    const more = begun.length - texts.length;
    return more > 0
      ? [...texts, `source ${name}: ${more} more changes of its records; crmledger status lists them`]
      : texts;
  }

  /** Whether an expression of the map, or a line of the note, takes it; also where that can't be tried. */
  async #isRead(cells: readonly Cell[], path: string): Promise<boolean> {
    const example = cells.find(({ row, example }) => row.path === path && example !== null)?.example;
    if (example == null) return true;
    const left = await this.#mapping.leftovers(example);
    return !left.some((member) => !member.toNote && covers(member.path, path));
  }
}

const isSame = (a: Drift, b: Drift): boolean => a.path === b.path && a.drift === b.drift;

function typeOf(value: unknown): MemberType {
  if (isAbsent(value)) return "empty";
  if (typeof value === "object") return Array.isArray(value) ? "list" : "object";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "text" : "number";
}

function joined(above: string, name: string): string {
  const own = pathText([name]);
  return above === "" ? own : `${above}.${own}`;
}

/** Whether a path that something reads is that of the member, lies above it or below it. Lists count for nothing. */
function covers(read: readonly string[], path: string): boolean {
  const plain = path.replaceAll("[]", "");
  const segments = read
    .filter((segment) => segment !== "[]" && !/^\d+$/.test(segment))
    .map((segment) => segment.trim());
  const text = pathText(segments);
  // A CSV's column may hold dots that are no levels.
  const column = pathText([segments.join(".")]);
  return [text, column].some(
    (one) => plain === one || plain.startsWith(`${one}.`) || one.startsWith(`${plain}.`) || plain === `\`${one}\``,
  );
}

import type { PhoneNormalizer } from "../domain/identity.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { compileMapping, type Mapping } from "../intake/mapping.ts";
import { unwrapReject } from "../intake/rejects-file.ts";
import type { Row } from "../intake/row.ts";
import type { IncomingReject, IncomingSubmission } from "../ledger/rows.ts";
import type { IngestDeps } from "./ingest.ts";
import { Taker } from "./taker.ts";
import type { Warnings } from "./warnings.ts";

/** Open rejects that are looked through for those of one file. */
export const OPEN_REJECTS_MAX = 1_000_000;

/** Who takes which row of an import: a mended reject goes to the source that it came from, all else to the import's own. */
export class Takers {
  readonly #deps: IngestDeps;
  readonly #sources: readonly SourceSettings[];
  readonly #make: (source: SourceSettings, mapping: Mapping) => Taker;
  readonly #own: string;
  readonly #byName = new Map<string, Taker>();
  #sourceOfReject: Map<string, string> | null = null;

  constructor(
    deps: IngestDeps,
    own: SourceSettings,
    mapping: Mapping,
    warnings: Warnings,
    sources: readonly SourceSettings[],
    onReject: (reject: IncomingReject) => void,
  ) {
    this.#deps = deps;
    this.#sources = sources;
    this.#own = own.name;
    this.#make = (source, compiled) => {
      const taker = new Taker(deps, source, compiled, warnings, { mendsRejects: true });
      taker.onReject = onReject;
      if (deps.onVerdict !== undefined) taker.onVerdict = deps.onVerdict;
      return taker;
    };
    this.#byName.set(own.name, this.#make(own, mapping));
  }

  get mapped(): IncomingSubmission[] {
    return [...this.#byName.values()].flatMap((taker) => taker.mapped);
  }

  /** Of all but mended rejects. */
  get own(): Taker {
    return this.#byName.get(this.#own) as Taker;
  }

  async of(row: Row, flat: boolean): Promise<Taker> {
    const own = this.own;
    const { rejectId } = unwrapReject(row.record, flat);
    if (rejectId === null) return own;
    const name = (await this.#origins()).get(rejectId);
    const source = this.#sources.find((one) => one.name === name);
    return source === undefined ? own : await this.#takerOf(source, this.#deps.phone);
  }

  async #takerOf(source: SourceSettings, phone: PhoneNormalizer): Promise<Taker> {
    const known = this.#byName.get(source.name);
    if (known !== undefined) return known;
    const taker = this.#make(source, await compileMapping(source, phone));
    this.#byName.set(source.name, taker);
    return taker;
  }

  async #origins(): Promise<Map<string, string>> {
    if (this.#sourceOfReject === null) {
      const { rows } = await this.#deps.ledger.rejects(OPEN_REJECTS_MAX);
      this.#sourceOfReject = new Map(rows.map((row) => [row.id, row.source]));
    }
    return this.#sourceOfReject;
  }

  async flush(): Promise<void> {
    for (const taker of this.#byName.values()) await taker.flush(null);
  }
}

/** What look-ups cost in this run, in figures for people. */
export class Tally {
  readonly #lines = new Map<string, number[]>();
  readonly #plural: string;

  constructor(plural: string) {
    this.#plural = plural;
  }

  walked(pages: number, tokens: number, searches: number, searchTokens: number): void {
    this.#add("walk", [1, pages, tokens, searches, searchTokens]);
  }

  refreshed(pages: number, tokens: number, searches: number, searchTokens: number): void {
    this.#add("refresh", [1, pages, tokens, searches, searchTokens]);
  }

  stopped(pages: number, tokens: number): void {
    this.#add("stop", [pages, tokens]);
  }

  searched(searches: number, tokens: number): void {
    this.#add("search", [searches, tokens]);
  }

  confirmed(records: number, requests: number, tokens: number): void {
    this.#add("confirm", [records, requests, tokens]);
  }

  lines(): string[] {
    const words: Record<string, (of: number[]) => string> = {
      walk: ([n, pages, tokens, searches, saved]) =>
        `${count(n, "full walk")} of ${count(pages, "page")} (${figure(tokens)} tokens) instead of ${instead(searches, saved)}`,
      refresh: ([n, , tokens, searches, saved]) =>
        `${count(n, "refresh", "refreshes")} (${figure(tokens)} tokens) instead of ${instead(searches, saved)}`,
      stop: ([pages, tokens]) =>
        `stopped paging after ${count(pages, "page")} (${figure(tokens)} tokens): searching was cheaper`,
      search: ([n, tokens]) =>
        `${count(n, "search", "searches")} (${figure(tokens)} tokens): pages would have cost more`,
      confirm: ([n, requests, tokens]) =>
        `${figure(n)} confirmed by id in ${count(requests, "request")} (${figure(tokens)} tokens)`,
    };
    return [...this.#lines].map(([kind, of]) => `${this.#plural}: ${words[kind]?.(of) ?? kind}`);
  }

  #add(kind: string, figures: number[]): void {
    const known = this.#lines.get(kind) ?? figures.map(() => 0);
    this.#lines.set(
      kind,
      known.map((sum, index) => sum + (figures[index] ?? 0)),
    );
  }
}

const instead = (searches?: number, tokens?: number): string =>
  `${count(searches, "search", "searches")} (${figure(tokens)} tokens)`;

/** With thousands separated the same way everywhere, whatever the machine's language is. */
const figure = (n = 0): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

const count = (n = 0, one: string, many = `${one}s`): string => `${figure(n)} ${n === 1 ? one : many}`;

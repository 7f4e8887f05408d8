/**
 * What a look-up costs one way or the other. Pure.
 *
 * Pages (all records, or those changed since the last time) are bought once and answer everything; searches are rent. How
 * many pages there are shows only at the last one. So pages are tried with a budget of twice the searches that were and
 * would now be paid, each time these have trebled: over any sequence the whole costs at most four times what knowing
 * everything beforehand would (factors 2 and 3 minimise that bound), twice where a try is continued instead of begun anew.
 */

const BUDGET_FACTOR = 2;
const TRY_AGAIN_FACTOR = 3;

export interface PageOffer {
  /** Paid for searches since pages were last complete. */
  searchedTokens: number;
  /** What the searches would cost that complete pages save now. */
  savedTokens: number;
  pageTokens: number;
  /** What is known of the price of all pages: it is at least this. */
  atLeastTokens: number;
  /** Pages of a try that can go on where it stopped. */
  spentTokens: number;
}

/** Tokens that pages may cost now, those already spent on this try included; 0: search instead. */
export function pageBudget(offer: PageOffer): number {
  const { searchedTokens, savedTokens, pageTokens, atLeastTokens, spentTokens } = offer;
  const rent = searchedTokens + savedTokens;
  const budget = BUDGET_FACTOR * rent;
  if (savedTokens <= 0 || budget < Math.max(atLeastTokens, spentTokens + pageTokens)) return 0;
  const goesOn = spentTokens > 0;
  return goesOn || steps(rent, pageTokens) > steps(searchedTokens, pageTokens) ? budget : 0;
}

/** How often the rent has trebled, counted from the price of one page. */
function steps(tokens: number, pageTokens: number): number {
  if (tokens < pageTokens) return -1;
  return Math.floor(Math.log(tokens / pageTokens) / Math.log(TRY_AGAIN_FACTOR) + 1e-9);
}

/** Tokens of the pages that hold so many records, at least one. */
export function pagesTokens(records: number, pageSize: number, pageTokens: number): number {
  return Math.max(1, Math.ceil(records / pageSize)) * pageTokens;
}

/** How ids are read the cheapest way: full batches, and the rest as a batch or one by one. */
export function readPlan<T>(
  ids: readonly T[],
  price: { batchMax: number; batchTokens: number; singleTokens: number },
): { batches: T[][]; singles: T[]; tokens: number } {
  const batches: T[][] = [];
  let singles: T[] = [];
  for (let from = 0; from < ids.length; from += price.batchMax) {
    const chunk = ids.slice(from, from + price.batchMax);
    if (chunk.length * price.singleTokens <= price.batchTokens) singles = singles.concat(chunk);
    else batches.push(chunk);
  }
  return { batches, singles, tokens: batches.length * price.batchTokens + singles.length * price.singleTokens };
}

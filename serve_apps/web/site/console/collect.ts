/** Pages of a list, asked one after another until enough is found: what is sought may be far back, or nowhere. */

export interface Found<T> {
  items: T[];
  /** Where to go on; null: that was all. */
  next_cursor: string | null;
  /** How many entries were looked at. */
  looked: number;
}

/**
 * Ask page after page from `cursor` on until `enough` match or `atMost` pages were asked. A page is taken whole, so that going on
 * at its cursor misses nothing; so there may be more than `enough`.
 */
export async function collect<T>(
  ask: (cursor: string | null) => Promise<{ items: T[]; next_cursor: string | null }>,
  cursor: string | null,
  { matches = () => true, enough, atMost }: { matches?: (item: T) => boolean; enough: number; atMost: number },
): Promise<Found<T>> {
  const items: T[] = [];
  let looked = 0;
  for (let pages = 0; pages < atMost; pages++) {
    const page = await ask(cursor);
    looked += page.items.length;
    items.push(...page.items.filter(matches));
    cursor = page.next_cursor;
    if (cursor === null || items.length >= enough) break;
  }
  return { items, next_cursor: cursor, looked };
}

/** What the console has seen since it was opened: a sample a status, for the charts and for everything that is a rate. */

export interface EdgeFigures {
  edge_id: string;
  url: string;
  hits: number;
  misses: number;
  fill_bytes: number;
}

interface StatusFigures {
  edges: readonly EdgeFigures[];
  jobs: readonly unknown[];
  log: { unpublished: number | null };
  live_streams: number | null;
}

export interface Sample {
  readonly atS: number;
  readonly streams: number | null;
  readonly edges: number;
  readonly jobs: number;
  readonly lag: number | null;
  /** Answers from the edges' disks, and those that were fetched first, a second; null at the first sample. */
  readonly hitsPerS: number | null;
  readonly missesPerS: number | null;
}

/** What an edge did in the last seconds. */
export interface EdgeRate {
  readonly hitsPerS: number;
  readonly missesPerS: number;
  readonly fillBytesPerS: number;
}

interface Mark {
  readonly atS: number;
  readonly figures: ReadonlyMap<string, EdgeFigures>;
}

export interface History {
  readonly samples: readonly Sample[];
  /** The last few looks at every edge, oldest first. */
  readonly marks: readonly Mark[];
  /** Edges that were there and are not any more: since when. */
  readonly gone: ReadonlyMap<string, { readonly url: string; readonly sinceS: number }>;
}

export const NOTHING: History = { samples: [], marks: [], gone: new Map() };

const KEPT_SAMPLES = 900;
const WINDOW_S = 10;
const GONE_KEPT_S = 1800;
const GONE_KEPT = 50;

/** Add what a status tells, taken at a time; one that is not newer adds nothing. */
export function recorded(history: History, status: StatusFigures, atMs: number): History {
  const atS = atMs / 1000;
  const last = history.marks.at(-1);
  if (last && atS <= last.atS) return history;
  const mark: Mark = { atS, figures: new Map(status.edges.map((edge) => [edge.edge_id, edge])) };
  const now = last ? total([...mark.figures.keys()].map((id) => between(last, mark, id))) : null;
  const sample: Sample = {
    atS,
    streams: status.live_streams,
    edges: status.edges.length,
    jobs: status.jobs.length,
    lag: status.log.unpublished,
    hitsPerS: now && now.hitsPerS,
    missesPerS: now && now.missesPerS,
  };
  const gone = new Map(history.gone);
  for (const [id, { url }] of last?.figures ?? []) if (!mark.figures.has(id)) gone.set(id, { url, sinceS: atS });
  for (const [id, { sinceS }] of gone) {
    if (mark.figures.has(id) || atS - sinceS > GONE_KEPT_S || gone.size > GONE_KEPT) gone.delete(id);
  }
  // One mark older than the window stays, so that the window is always full.
  const kept = history.marks.filter(
    ({ atS: then }, index, all) => (all[index + 1]?.atS ?? atS) >= atS - WINDOW_S && then < atS,
  );
  return { samples: [...history.samples, sample].slice(-KEPT_SAMPLES), marks: [...kept, mark], gone };
}

/** What an edge does at the moment; null until it was seen twice. */
export function rateOf(history: History, edgeId: string): EdgeRate | null {
  const now = history.marks.at(-1);
  const then = history.marks.find(({ figures }) => figures.has(edgeId));
  return now && then ? between(then, now, edgeId) : null;
}

function between(then: Mark, now: Mark, edgeId: string): EdgeRate | null {
  const [before, after] = [then.figures.get(edgeId), now.figures.get(edgeId)];
  const seconds = now.atS - then.atS;
  if (!before || !after || seconds <= 0) return null;
  // A counter that fell began again at nought.
  const grown = (from: number, to: number): number => (to >= from ? to - from : to) / seconds;
  return {
    hitsPerS: grown(before.hits, after.hits),
    missesPerS: grown(before.misses, after.misses),
    fillBytesPerS: grown(before.fill_bytes, after.fill_bytes),
  };
}

function total(rates: readonly (EdgeRate | null)[]): EdgeRate {
  return rates.reduce<EdgeRate>(
    (sum, rate) => ({
      hitsPerS: sum.hitsPerS + (rate?.hitsPerS ?? 0),
      missesPerS: sum.missesPerS + (rate?.missesPerS ?? 0),
      fillBytesPerS: sum.fillBytesPerS + (rate?.fillBytesPerS ?? 0),
    }),
    { hitsPerS: 0, missesPerS: 0, fillBytesPerS: 0 },
  );
}

/** The share of answers from disk, 0 to 1; null where nothing was asked. */
export function hitRate(hits: number, misses: number): number | null {
  return hits + misses > 0 ? hits / (hits + misses) : null;
}

/** How a figure changed over the last minutes: `+96 in 5 min`; null where there is nothing to compare. */
export function change(samples: readonly Sample[], of: (sample: Sample) => number | null, overS = 300): string | null {
  const known = samples.filter((sample) => of(sample) !== null);
  const now = known.at(-1);
  const then = now && known.find((sample) => sample.atS >= now.atS - overS);
  if (!now || !then || now.atS - then.atS < 30) return null;
  const by = of(now)! - of(then)!;
  const minutes = Math.max(1, Math.round((now.atS - then.atS) / 60));
  return by === 0
    ? `unchanged for ${minutes} min`
    : `${by > 0 ? "+" : "−"}${Math.abs(by).toLocaleString("en")} in ${minutes} min`;
}

/**
 * Which edge delivers: the best-ranked that did not fail lately. Every path of a session works on each, so a request that one edge
 * fails is asked of the next, and the film goes on.
 */

export const AVOIDED_MS = 60_000;

export class Edges {
  private readonly urls: string[];
  private readonly failedAtMs = new Map<string, number>();
  private readonly onMove: (url: string) => void;
  private now: string;

  constructor(urls: readonly string[], onMove: (url: string) => void = () => undefined) {
    this.urls = [...new Set(urls.map((url) => url.replace(/\/+$/, "")))];
    if (!this.urls.length) throw new Error("a session without an edge");
    this.now = this.urls[0]!;
    this.onMove = onMove;
  }

  /** The edge that is asked now. */
  get here(): string {
    return this.now;
  }

  get count(): number {
    return this.urls.length;
  }

  /**
   * Return which edge to ask, best first: those that did not fail lately as they are ranked, then those that did, the longest ago first.
   * An edge that delivers is kept, though a better one comes back. Null: all were tried.
   */
  pick(tried: ReadonlySet<string>, nowMs: number): string | null {
    const left = this.urls.filter((url) => !tried.has(url));
    const well = left.filter((url) => nowMs - (this.failedAtMs.get(url) ?? -Infinity) >= AVOIDED_MS);
    if (well.length) return well.includes(this.now) ? this.now : well[0]!;
    const [best] = left.sort((a, b) => this.failedAtMs.get(a)! - this.failedAtMs.get(b)!);
    return best ?? null;
  }

  /** It did not deliver: a connection that broke, a time-out, a 5xx. */
  failed(url: string, nowMs: number): void {
    this.failedAtMs.set(url, nowMs);
  }

  /** It delivered: go on with it. */
  delivered(url: string): void {
    this.failedAtMs.delete(url);
    if (url === this.now) return;
    this.now = url;
    this.onMove(url);
  }

  /** The same address on another edge; what is on none of ours stays. */
  on(url: string, edge: string): string {
    const from = this.urls.find((each) => url === each || url.startsWith(`${each}/`));
    return from === undefined ? url : edge + url.slice(from.length);
  }
}

/** Whether an answer says that the edge is at fault, and another may do better; a 403 or 404 would be the same everywhere. */
export function isEdgesFault(status: number): boolean {
  return status === 0 || status === 429 || status >= 500;
}

/** How long to wait before all is tried again, after so many times in vain. */
export function pauseMs(times: number): number {
  return Math.min(1000 * 2 ** times, 15_000);
}

/**
 * When a player says that it plays, and with which number, as arithmetic without a clock. A beat whose answer was lost is sent again as
 * it was while it is young (that changes nothing if it had arrived), later the true place under the next number.
 */

export type PlayerState = "playing" | "paused" | "buffering";

export interface Beat {
  sequence: number;
  position_s: number;
  state: PlayerState;
}

const FIRST_PAUSE_MS = 1000;
const SOON_MS = 1000;

export class Beats {
  private readonly intervalMs: number;
  private leaseMs: number;
  private last: { beat: Beat; atMs: number } | null = null;
  private sequence = 0;
  private failures = 0;
  private heardAtMs: number;
  private dueMs: number;

  constructor(intervalS: number, leaseS: number, nowMs: number) {
    this.intervalMs = intervalS * 1000;
    this.leaseMs = leaseS * 1000;
    this.heardAtMs = nowMs;
    this.dueMs = nowMs + this.intervalMs;
  }

  /** How long until the next one is due. */
  dueInMs(nowMs: number): number {
    return Math.max(0, this.dueMs - nowMs);
  }

  /** The beat to send now. */
  take(positionS: number, state: PlayerState, nowMs: number): Beat {
    const repeat = this.failures > 0 && this.last !== null && nowMs - this.last.atMs < this.intervalMs;
    if (!repeat) {
      const position_s = Number.isFinite(positionS) ? Math.max(0, positionS) : 0;
      this.last = { beat: { sequence: ++this.sequence, position_s, state }, atMs: nowMs };
    }
    this.dueMs = nowMs + this.intervalMs;
    return this.last!.beat;
  }

  /** It is saved. */
  saved(leaseS: number, nowMs: number): void {
    this.leaseMs = leaseS * 1000;
    this.heardAtMs = nowMs;
    this.failures = 0;
    this.last = null;
  }

  /** No answer, or none that says anything about the session: again after a pause that grows up to the interval. */
  failed(nowMs: number): void {
    this.dueMs = nowMs + Math.min(FIRST_PAUSE_MS * 2 ** this.failures, this.intervalMs);
    this.failures++;
  }

  /** Something happened that is worth saving before the interval is over: a pause, a seek. */
  soon(nowMs: number): void {
    if (this.failures === 0) this.dueMs = Math.min(this.dueMs, nowMs + SOON_MS);
  }

  /** Since when nothing was saved, in seconds. */
  silentS(nowMs: number): number {
    return (nowMs - this.heardAtMs) / 1000;
  }

  /** Whether the lease may be over because nothing was heard from here: a session that is gone then was not ended by anybody. */
  lapsed(nowMs: number): boolean {
    return nowMs - this.heardAtMs >= this.leaseMs;
  }

  /** Whether the last one failed. */
  get failing(): boolean {
    return this.failures > 0;
  }
}

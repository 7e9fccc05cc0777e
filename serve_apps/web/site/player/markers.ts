/** What the player offers at a moment of the film: to skip the intro, the next episode, the end; and how it goes on by itself. */

export interface Marks {
  intro?: { start_s: number; end_s: number } | null;
  credits?: { start_s: number } | null;
}

export type Offer = "intro" | "next" | "end" | null;

export const COUNTDOWN_S = 10;
/** So many in a row without anybody touching anything; then it asks. */
export const AUTOPLAYS = 3;
/** Not worth a button. */
const LEAST_INTRO_S = 2;

export function offerAt(marks: Marks | null, positionS: number, hasNext: boolean, ended: boolean): Offer {
  if (ended) return hasNext ? "next" : "end";
  const intro = marks?.intro;
  if (intro && positionS >= intro.start_s && positionS < intro.end_s - LEAST_INTRO_S) return "intro";
  const credits = marks?.credits;
  if (credits && credits.start_s > 0 && positionS >= credits.start_s && hasNext) return "next";
  return null;
}

/** What to do when the countdown is over. */
export function onward(autoplays: number): "next" | "ask" {
  return autoplays >= AUTOPLAYS ? "ask" : "next";
}

/** Counts down while it plays; who stops it watches the credits. */
export class Countdown {
  left = COUNTDOWN_S;
  private stopped = false;

  /** Let a second pass; true when it is over. */
  tick(running: boolean): boolean {
    if (this.stopped || !running || this.left <= 0) return false;
    this.left--;
    return this.left === 0;
  }

  stop(): void {
    this.stopped = true;
  }

  get runs(): boolean {
    return !this.stopped;
  }
}

interface Played {
  playable_id: string;
  season: number;
  episode: number;
  name: string;
  available: boolean;
  published: boolean;
}

/** The episodes before and after one, of those that can be played, in their order. */
export function around<E extends Played>(
  seasons: readonly { episodes: readonly E[] }[],
  playableId: string,
): { here: E | null; previous: E | null; next: E | null } {
  const all = seasons.flatMap((season) => season.episodes);
  const at = all.findIndex((each) => each.playable_id === playableId);
  if (at < 0) return { here: null, previous: null, next: null };
  const can = (each: E): boolean => each.available && each.published;
  return {
    here: all[at]!,
    previous: all.slice(0, at).findLast(can) ?? null,
    next: all.slice(at + 1).find(can) ?? null,
  };
}

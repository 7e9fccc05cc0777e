/** A wish for a number of replicas, from the finger to the truth; and what an application's figures look like as seats and a word. */

export interface Range {
  min: number;
  max: number;
}

/** As operations allows it. */
export const REPLICAS_LIMIT = 64;
/** A slider reaches this far; more is typed. */
const SLIDER_TOP = 12;
/** How long what was taken is shown while the status still tells of the time before it. */
const TAKEN_MS = 10_000;

/** One application's scale: what is wished, what is on its way, what was taken, what was refused. */
export interface Scaling {
  /** What is shown instead of the truth. */
  readonly wish: Range | null;
  /** The finger is on the slider. */
  readonly held: boolean;
  /** On its way to the service; one at a time, the newest wish goes next. */
  readonly sending: Range | null;
  /** The service took it; the status does not tell it yet. */
  readonly taken: { readonly range: Range; readonly atMs: number } | null;
  readonly refused: { readonly wish: Range; readonly words: string } | null;
}

export const CALM: Scaling = { wish: null, held: false, sending: null, taken: null, refused: null };

export function same(a: Range | null, b: Range | null): boolean {
  return a?.min === b?.min && a?.max === b?.max;
}

/** The finger moves: shown, not sent. */
export function moved(now: Scaling, wish: Range): Scaling {
  return { ...now, wish, held: true, refused: null };
}

/** The finger lets go: sent, unless it is what holds already. */
export function released(now: Scaling, truth: Range): Scaling {
  if (!now.wish || now.sending) return { ...now, held: false };
  if (same(now.wish, now.taken?.range ?? truth)) return { ...now, held: false, wish: now.taken?.range ?? null };
  return { ...now, held: false, sending: now.wish };
}

/** The service took what was sent. */
export function taken(now: Scaling, nowMs: number): Scaling {
  if (!now.sending) return now;
  const newer = !now.held && now.wish && !same(now.wish, now.sending);
  return { ...now, taken: { range: now.sending, atMs: nowMs }, sending: newer ? now.wish : null };
}

/** The service refused what was sent: back to what holds, with its words, unless something newer is wished. */
export function refused(now: Scaling, words: string): Scaling {
  if (!now.sending) return now;
  if (now.held) return { ...now, sending: null };
  if (now.wish && !same(now.wish, now.sending)) return { ...now, sending: now.wish };
  return { ...now, sending: null, wish: now.taken?.range ?? null, refused: { wish: now.sending, words } };
}

/** A status came: what was taken is the truth now, or should long have been. */
export function seen(now: Scaling, truth: Range, nowMs: number): Scaling {
  if (!now.taken || (!same(now.taken.range, truth) && nowMs - now.taken.atMs <= TAKEN_MS)) return now;
  return { ...now, taken: null, wish: now.held || now.sending ? now.wish : null };
}

/** `3`, or `1 to 4`. */
export function spoken(range: Range): string {
  return range.min === range.max ? String(range.min) : `${range.min} to ${range.max}`;
}

/** How far an application's slider reaches: always as far as what it has. */
export function sliderTop(truth: Range): number {
  return Math.max(SLIDER_TOP, truth.max);
}

/** A typed range, or why it is none. */
export function typedRange(from: string, to: string): { range: Range } | { from?: string; to?: string } {
  const whole = (text: string): number | null => (/^\d{1,4}$/.test(text.trim()) ? Number(text) : null);
  const allowed = `A whole number from 1 to ${REPLICAS_LIMIT}.`;
  const [min, max] = [whole(from), whole(to)];
  const wrong = (value: number | null): value is null => value === null || value < 1 || value > REPLICAS_LIMIT;
  if (wrong(min) || wrong(max)) {
    return { ...(wrong(min) ? { from: allowed } : {}), ...(wrong(max) ? { to: allowed } : {}) };
  }
  return min > max ? { to: "Not less than the lower end." } : { range: { min, max } };
}

export interface Figures {
  state: string;
  replicas: number;
  target: number;
  min_replicas: number;
  max_replicas: number;
  seats: readonly ("running" | "starting" | "unhealthy")[];
}

export type Place = "running" | "starting" | "unhealthy" | "wished";

/** The seats to draw, and how many of how many are ready. */
export interface Seats {
  readonly places: readonly Place[];
  readonly ready: number;
  readonly wanted: number;
  /** `4 of 6 ready`. */
  readonly count: string;
  /** `Replicas: 4 of 6 ready, 2 starting`. */
  readonly words: string;
}

export function seatsOf(told: Figures, wish: Range | null): Seats {
  const wanted = wish ? Math.min(Math.max(told.target, wish.min), wish.max) : told.target;
  const places: Place[] = [...told.seats];
  while (places.length < wanted) places.push("wished");
  const counted = (place: Place): number => places.filter((each) => each === place).length;
  const ready = counted("running");
  const rest = (["starting", "unhealthy", "wished"] as const)
    .map((place) => [counted(place), place] as const)
    .filter(([number]) => number > 0)
    .map(([number, place]) => `, ${number} ${place}`);
  const count = ready > wanted ? `${ready} ready, ${wanted} wanted` : `${ready} of ${wanted} ready`;
  return { places, ready, wanted, count, words: `Replicas: ${count}${rest.join("")}` };
}

export interface Pill {
  readonly tone: "good" | "busy" | "bad";
  readonly word: string;
}

/** An application's state in a word or two. */
export function pillOf(told: Figures): Pill {
  const torn = told.seats.filter((seat) => seat === "unhealthy").length;
  if (torn) return { tone: "bad", word: `${torn} unhealthy` };
  switch (told.state) {
    case "healthy":
      return { tone: "good", word: "Healthy" };
    case "scaling":
      return { tone: "busy", word: told.replicas > told.target ? "Scaling down" : "Scaling up" };
    case "starting":
      return { tone: "busy", word: "Starting" };
    case "stopping":
      return { tone: "busy", word: "Stopping" };
    case "missing":
      return { tone: "bad", word: "Not running" };
    default:
      return { tone: "bad", word: "Unhealthy" };
  }
}

/**
 * What a page shows of the services: cached by key, shown again at once and asked anew, polled while somebody looks.
 * Old data stays when asking fails; whoever shows it says as of when.
 */
import { signal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { asProblem, Problem } from "./problem.ts";

const FRESH_MS = 2000;
const SLOW_MS = 150;
const KEPT = 60;

export interface Loaded<T> {
  data: T | undefined;
  /** Why the last asking failed; `data` may still be there, of `atMs`. */
  error: Problem | undefined;
  pending: boolean;
  /** Nothing to show for so long that a skeleton is due. */
  slow: boolean;
  atMs: number | undefined;
  reload: () => Promise<void>;
}

interface State<T> {
  data: T | undefined;
  error: Problem | undefined;
  pending: boolean;
  slow: boolean;
  atMs: number | undefined;
}

type Get<T> = (abort: AbortSignal) => Promise<T>;

class Entry {
  readonly state: Signal<State<unknown>> = signal({
    data: undefined,
    error: undefined,
    pending: false,
    slow: false,
    atMs: undefined,
  });
  users = 0;
  private asking: { abort: AbortController; done: Promise<void> } | null = null;

  ask(get: Get<unknown>): Promise<void> {
    this.asking?.abort.abort();
    const abort = new AbortController();
    const slow = setTimeout(() => this.set({ slow: this.state.value.data === undefined }), SLOW_MS);
    this.set({ pending: true });
    const done = get(abort.signal)
      .then(
        (data) => {
          if (!abort.signal.aborted) this.set({ data, error: undefined, atMs: Date.now() });
        },
        (thrown: unknown) => {
          if (!abort.signal.aborted) this.set({ error: asProblem(thrown) });
        },
      )
      .finally(() => {
        clearTimeout(slow);
        if (!abort.signal.aborted) {
          this.asking = null;
          this.set({ pending: false, slow: false });
        }
      });
    this.asking = { abort, done };
    return done;
  }

  stop(): void {
    this.asking?.abort.abort();
    this.asking = null;
    this.set({ pending: false, slow: false });
  }

  set(change: Partial<State<unknown>>): void {
    this.state.value = { ...this.state.value, ...change };
  }
}

const entries = new Map<string, Entry>();

function entryOf(key: string): Entry {
  let entry = entries.get(key);
  if (entry) entries.delete(key);
  else {
    entry = new Entry();
    for (const [old, unused] of entries) {
      if (entries.size < KEPT) break;
      if (unused.users === 0) entries.delete(old);
    }
  }
  // To the end: the first are those that were shown longest ago. What a page has just begun to show is never let go of.
  entries.set(key, entry);
  return entry;
}

/**
 * Load and keep. `null` as key loads nothing. `pollMs` asks again while the page is visible; every key is asked again when
 * the window gets the focus back.
 */
export function useLoad<T>(key: string | null, get: Get<T>, pollMs?: number): Loaded<T> {
  const entry = key === null ? IDLE : entryOf(key);
  useEffect(() => {
    if (key === null) return;
    entry.users++;
    const age = Date.now() - (entry.state.peek().atMs ?? 0);
    if (age > FRESH_MS) void entry.ask(get);
    const again = (): void => {
      if (document.visibilityState === "visible" && !entry.state.peek().pending) void entry.ask(get);
    };
    const timer = pollMs ? setInterval(again, pollMs) : undefined;
    const focused = (): void => {
      if (Date.now() - (entry.state.peek().atMs ?? 0) > FRESH_MS) again();
    };
    addEventListener("focus", focused);
    document.addEventListener("visibilitychange", focused);
    addEventListener("online", focused);
    return () => {
      clearInterval(timer);
      removeEventListener("focus", focused);
      document.removeEventListener("visibilitychange", focused);
      removeEventListener("online", focused);
      if (--entry.users === 0) entry.stop();
    };
  }, [key]);
  const state = entry.state.value as State<T>;
  return { ...state, reload: () => (key === null ? Promise.resolve() : entry.ask(get)) };
}

const IDLE = new Entry();

/** Show `data` at this key from now on: what a change answered, or is about to. */
export function put<T>(key: string, data: T): void {
  entryOf(key).set({ data, error: undefined, atMs: Date.now() });
}

/** Return what is shown at this key. */
export function shown<T>(key: string): T | undefined {
  return entries.get(key)?.state.peek().data as T | undefined;
}

/** What is kept under these keys is old: asked again when it is next shown. */
export function outdate(...prefixes: string[]): void {
  for (const [key, entry] of entries) {
    if (prefixes.some((prefix) => key.startsWith(prefix))) entry.set({ atMs: 0 });
  }
}

/** Forget everything: somebody else is here. */
export function forgetAll(): void {
  for (const entry of entries.values()) entry.set({ data: undefined, error: undefined, atMs: undefined });
}

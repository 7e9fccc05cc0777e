/**
 * A playback session on the wire: it starts, says every few seconds where it is, and stops with its place. While the API is away the
 * place is kept here, and told when it answers again. The token is lib/session's affair; nothing of it shows here.
 */
import type { components } from "../api/playback.ts";
import { ok, onceKey, playback } from "../lib/api.ts";
import { asProblem, type Problem } from "../lib/problem.ts";
import { accessToken, remember, remembered, who } from "../lib/session.ts";
import { Beats, type PlayerState } from "./beats.ts";

export type Told = components["schemas"]["Session"];
export type LiveStream = components["schemas"]["LiveStream"];

export interface Where {
  positionS: number;
  state: PlayerState;
}

/** What ends a session from elsewhere: `ended` by somebody, `lapsed` because nothing was heard from here. */
export type Gone = "ended" | "lapsed";

interface Listener {
  where: () => Where;
  onGone: (why: Gone) => void;
  /** Since when nothing could be saved, in seconds; 0: all is saved. */
  onSilent: (seconds: number) => void;
}

const PLACE = "matinee.place";
const TIMEOUT_MS = 8000;
const KEPT_MS = 7 * 86_400_000;

/** Start to watch; throws the Problem where that is refused. */
export async function startSession(playableId: string): Promise<Told> {
  // The key goes with the one act: asked again after a lost answer, it is the same session.
  const headers = onceKey();
  const start = (): Promise<Told> => ok(playback.POST("/sessions", { body: { playable_id: playableId }, headers }));
  const told = await start();
  const unsaved = await unsavedPlace(playableId);
  return unsaved === null ? told : { ...told, position_s: unsaved };
}

/** End another device's stream, so that there is room for this one. One that is gone already is fine. */
export async function endStream(sessionId: string): Promise<void> {
  try {
    await ok(playback.DELETE("/sessions/{session_id}", { params: { path: { session_id: sessionId } } }));
  } catch (thrown) {
    if (asProblem(thrown).status !== 404) throw thrown;
  }
}

export class LiveSession {
  readonly told: Told;
  private readonly listener: Listener;
  private readonly beats: Beats;
  /** Whose place it is, also after this device was signed out. */
  private readonly profile = profileHere();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private token: string | null = null;
  private over = false;

  constructor(told: Told, listener: Listener) {
    this.told = told;
    this.listener = listener;
    this.beats = new Beats(told.heartbeat_interval_s, told.lease_s, performance.now());
    void accessToken().then((token) => (this.token = token));
    this.wait();
  }

  /** Something happened that is worth saving. */
  soon(): void {
    if (this.over) return;
    this.beats.soon(performance.now());
    this.wait();
  }

  /** Say at once where it is: the edges refuse, and the session may be over. */
  now(): Promise<void> {
    clearTimeout(this.timer);
    return this.beat();
  }

  /** Stop, and save the place; goes out even while the page is going. */
  async stop(): Promise<void> {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    const { positionS } = this.listener.where();
    keepPlace(this.profile, this.told.playable_id, positionS);
    const address = `/api/v1/playback/sessions/${encodeURIComponent(this.told.session_id)}?position_s=${positionS.toFixed(3)}`;
    const headers: Record<string, string> = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    try {
      const answer = await fetch(address, { method: "DELETE", keepalive: true, headers });
      if (answer.ok || answer.status === 404) forgetPlace(this.told.playable_id);
    } catch {
      // The place stays here, and is taken up at the next start.
    }
  }

  /** It is over already; nothing is to be said any more. */
  abandon(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  private wait(): void {
    clearTimeout(this.timer);
    if (!this.over) this.timer = setTimeout(() => void this.beat(), this.beats.dueInMs(performance.now()));
  }

  private async beat(): Promise<void> {
    if (this.over) return;
    const { positionS, state } = this.listener.where();
    const body = this.beats.take(positionS, state, performance.now());
    const lapsed = this.beats.lapsed(performance.now());
    try {
      const saved = await ok(
        playback.POST("/sessions/{session_id}/heartbeats", {
          params: { path: { session_id: this.told.session_id } },
          body,
          signal: AbortSignal.timeout(TIMEOUT_MS),
        }),
      );
      this.beats.saved(saved.lease_s, performance.now());
      forgetPlace(this.told.playable_id);
      this.token = await accessToken();
    } catch (thrown) {
      if (this.over) return;
      const problem: Problem = asProblem(thrown);
      if (problem.status === 404) {
        this.abandon();
        this.listener.onGone(lapsed ? "lapsed" : "ended");
        return;
      }
      this.beats.failed(performance.now());
      keepPlace(this.profile, this.told.playable_id, positionS);
    }
    if (this.over) return;
    this.listener.onSilent(this.beats.failing ? this.beats.silentS(performance.now()) : 0);
    this.wait();
  }
}

interface Place {
  profile: string | null;
  playable: string;
  position_s: number;
  at_ms: number;
}

function keptPlace(playableId: string): Place | null {
  try {
    const place = JSON.parse(remembered(PLACE) ?? "null") as Place | null;
    const ours = place?.playable === playableId && place.profile === profileHere();
    return ours && Date.now() - place.at_ms < KEPT_MS ? place : null;
  } catch {
    return null;
  }
}

function profileHere(): string | null {
  return who.value?.profileId ?? null;
}

function keepPlace(profile: string | null, playable: string, position_s: number): void {
  const place: Place = { profile, playable, position_s, at_ms: Date.now() };
  remember(PLACE, JSON.stringify(place));
}

function forgetPlace(playableId: string): void {
  if (keptPlace(playableId)) remember(PLACE, null);
}

/** The place that could not be told, if nothing later is known. Asks only where there is one. */
async function unsavedPlace(playableId: string): Promise<number | null> {
  const kept = keptPlace(playableId);
  if (!kept) return null;
  try {
    const known = await ok(playback.GET("/positions/{playable_id}", { params: { path: { playable_id: playableId } } }));
    if (known.finished || (known.updated_at && Date.parse(known.updated_at) > kept.at_ms)) return null;
  } catch {
    return kept.position_s;
  }
  return kept.position_s;
}

/** What the device around the browser offers: media keys and the lock screen, a screen that stays on. */

export interface Handlers {
  play: () => void;
  pause: () => void;
  seekBy: (byS: number) => void;
  seekTo: (toS: number) => void;
  next: (() => void) | null;
  previous: (() => void) | null;
}

export interface Card {
  title: string;
  series: string;
  pictures: { url: string; width: number; height: number }[];
}

/** Answer the media keys; returns what gives them back. */
export function answerMediaKeys(handlers: Handlers): () => void {
  const session = navigator.mediaSession as MediaSession | undefined;
  if (!session) return () => undefined;
  const { next, previous } = handlers;
  const actions: [MediaSessionAction, MediaSessionActionHandler | null][] = [
    ["play", handlers.play],
    ["pause", handlers.pause],
    ["seekbackward", (told) => handlers.seekBy(-(told.seekOffset ?? 10))],
    ["seekforward", (told) => handlers.seekBy(told.seekOffset ?? 10)],
    ["seekto", (told) => told.seekTime !== undefined && handlers.seekTo(told.seekTime)],
    ["nexttrack", next && (() => next())],
    ["previoustrack", previous && (() => previous())],
  ];
  const set = (action: MediaSessionAction, handler: MediaSessionActionHandler | null): void => {
    try {
      session.setActionHandler(action, handler);
    } catch {
      // A browser that does not know this action: the others work.
    }
  };
  for (const [action, handler] of actions) set(action, handler);
  return () => {
    for (const [action] of actions) set(action, null);
    session.metadata = null;
    session.playbackState = "none";
  };
}

/** Say what plays. */
export function showCard(card: Card): void {
  if (!("mediaSession" in navigator) || typeof MediaMetadata === "undefined") return;
  navigator.mediaSession.metadata = new MediaMetadata({
    title: card.title,
    artist: card.series,
    artwork: card.pictures.map(({ url, width, height }) => ({ src: url, sizes: `${width}x${height}` })),
  });
}

/** Say where it is. */
export function showPlace(playing: boolean, positionS: number, durationS: number, speed: number): void {
  const session = navigator.mediaSession as MediaSession | undefined;
  if (!session) return;
  session.playbackState = playing ? "playing" : "paused";
  if (Number.isFinite(durationS) && durationS > 0 && positionS <= durationS) {
    session.setPositionState?.({ duration: durationS, position: Math.max(0, positionS), playbackRate: speed || 1 });
  }
}

/** Keeps the screen on while something plays and the page is seen. */
export class WakeLock {
  private lock: WakeLockSentinel | null = null;
  private wanted = false;

  constructor() {
    document.addEventListener("visibilitychange", this.again);
  }

  want(wanted: boolean): void {
    this.wanted = wanted;
    if (wanted) this.again();
    else void this.let();
  }

  destroy(): void {
    document.removeEventListener("visibilitychange", this.again);
    this.want(false);
  }

  private readonly again = (): void => {
    if (!this.wanted || this.lock || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    navigator.wakeLock.request("screen").then(
      (lock) => {
        if (!this.wanted) return void lock.release();
        this.lock = lock;
        lock.addEventListener("release", () => (this.lock = null));
      },
      () => undefined, // A low battery may refuse it: nothing else depends on it.
    );
  };

  private async let(): Promise<void> {
    const { lock } = this;
    this.lock = null;
    await lock?.release();
  }
}

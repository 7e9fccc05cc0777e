/**
 * One visit to the player: opens a playable, keeps its session alive, mends what breaks, offers what comes next. Owns the session and the
 * engine; the view shows its signals and calls its acts.
 */
import { batch, computed, effect, signal } from "@preact/signals";

import { catalog, ok, profiles } from "../lib/api.ts";
import { outdate, shown } from "../lib/load.ts";
import { asProblem, type Problem } from "../lib/problem.ts";
import { remember, remembered, who } from "../lib/session.ts";
import { began, flush, inPlayer } from "../lib/telemetry.ts";
import type { Episode, Title } from "../lib/titles.ts";
import { me, readMe, type Profile } from "../members/profile.ts";
import { pauseMs } from "./edges.ts";
import { Engine, type Trouble, type Video, type Wishes } from "./engine.ts";
import { choose, chosenFor, parseKept, type Chosen } from "./languages.ts";
import { around, Countdown, offerAt, onward, type Offer } from "./markers.ts";
import { Notes } from "./notes.ts";
import { LiveSession, startSession, type Gone, type Told, type Where } from "./session.ts";

export type PlayerChange = Partial<
  Pick<Profile, "audio_language" | "subtitle_language" | "caption_size" | "caption_style" | "autoplay_next">
>;

/** What stands over the picture and wants an answer. */
export type Asking = "still" | "stopped" | "keys" | null;

const LANGUAGES = "matinee.languages";
const PROFILE_MS = 1500;
const SILENT_S = 12;
const SHORT_S = 2;
const NOTE_MS = 1600;

export class Play {
  readonly told = signal<Told | null>(null);
  readonly title = signal<Title | null>(null);
  readonly refused = signal<Problem | null>(null);
  readonly starting = signal(true);
  readonly asking = signal<Asking>(null);
  readonly offer = signal<Offer>(null);
  readonly countdown = signal<number | null>(null);
  readonly note = signal<string | null>(null);
  readonly edge = signal<string | null>(null);
  readonly playable = signal("");

  readonly offline = signal(!navigator.onLine);
  readonly silent = signal(false);
  readonly trouble = signal<Trouble["why"] | null>(null);
  /** What does not work right now, in a sentence; the film may play on. */
  readonly banner = computed(() => {
    if (this.trouble.value === "broken") return "This browser cannot play the film. It is tried again.";
    if (this.trouble.value) return "The film does not arrive at the moment. Your place is kept, and it is tried again.";
    if (this.offline.value) return "You are offline. What is loaded plays on, and your place is kept.";
    if (this.silent.value) return "Matinee does not answer at the moment. It plays on, and your place is kept.";
    return null;
  });

  readonly episodes = computed(() => around<Episode>(this.title.value?.seasons ?? [], this.playable.value));
  /** What follows: the catalogue knows what can be played; without it the session's word is taken. */
  readonly nextId = computed(
    () =>
      this.episodes.value.next?.playable_id ??
      (this.title.value === null ? (this.told.value?.next_playable_id ?? null) : null),
  );

  private readonly engine: Engine;
  private readonly video: Video;
  private readonly go: (playableId: string) => void;
  private readonly notes = new Notes(inPlayer);
  private live: LiveSession | null = null;
  private turn = 0;
  private troubles = 0;
  private mendingTurn = -1;
  private autoplays = 0;
  private placeS = 0;
  private startS = 0;
  private swapping = true;
  private waiting = false;
  private count: Countdown | null = null;
  private declined = false;
  private readonly off: (() => void)[] = [];

  constructor(video: Video, go: (playableId: string) => void) {
    this.video = video;
    this.go = go;
    this.engine = new Engine(video, {
      onTrouble: (trouble) => {
        this.notes.failed(trouble.code);
        void this.mend(trouble.why);
      },
      onEdge: (edge) => (this.edge.value = edge),
      onRefusedToPlay: () => undefined, // It stands there with its big button: a touch plays it.
      onTracks: () => undefined,
      onQuality: (height, bitrateBps) => this.notes.shows(height, bitrateBps),
    });
    this.watch();
  }

  // --- opening and leaving

  /** Watch a playable: from `atS`, or from where the profile stopped. What played before is stopped. */
  async open(playableId: string, atS?: number): Promise<void> {
    const turn = this.begin(playableId);
    void this.live?.stop().then(outdatePlaces);
    this.live = null;
    this.notes.closed();
    this.swapping = true;
    this.engine.unload();
    for (let times = 0; ; times++) {
      try {
        const [told] = await Promise.all([startSession(playableId), profileKnown()]);
        if (turn !== this.turn) return void new LiveSession(told, NOBODY).stop();
        began(told);
        await this.start(told, atS ?? told.position_s, true);
        void this.learn(told.title_id);
        return;
      } catch (thrown) {
        if (turn !== this.turn) return;
        const problem = asProblem(thrown);
        batch(() => {
          this.refused.value = problem;
          this.starting.value = false;
        });
        if (!isPassing(problem)) return;
        await pause(Math.max(pauseMs(times), (problem.retryAfterS ?? 0) * 1000));
        if (turn !== this.turn) return;
      }
    }
  }

  /** Leave for good: the place is saved. */
  close(): void {
    this.turn++;
    const stopped = this.live?.stop();
    this.live = null;
    this.notes.closed();
    for (const off of this.off) off();
    this.engine.destroy();
    outdatePlaces();
    void stopped?.then(outdatePlaces);
  }

  /** The page goes away, maybe for ever. */
  readonly hide = (): void => {
    void this.live?.stop();
    this.notes.closed();
    flush();
  };

  /** The page is back as it was, out of the browser's cache of pages: the session was stopped. */
  readonly unhide = (event: PageTransitionEvent): void => {
    if (event.persisted && this.live) void this.renew(!this.video.paused);
  };

  private begin(playableId: string): number {
    batch(() => {
      this.playable.value = playableId;
      this.refused.value = null;
      this.starting.value = true;
      this.asking.value = null;
      this.trouble.value = null;
      this.silent.value = false;
      this.told.value = null;
      this.edge.value = null;
      this.dropOffer();
    });
    this.troubles = 0;
    this.declined = false;
    return ++this.turn;
  }

  private async start(told: Told, atS: number, play: boolean): Promise<void> {
    this.placeS = this.startS = atS;
    this.swapping = true;
    batch(() => {
      this.told.value = told;
      this.edge.value = told.edges[0]!.url;
      this.starting.value = false;
      this.refused.value = null;
    });
    this.notes.opened(told.session_id, atS);
    this.live = new LiveSession(told, {
      where: () => this.where(),
      onGone: (why) => this.gone(why),
      onSilent: (seconds) => (this.silent.value = seconds > SILENT_S),
    });
    const source = { edges: told.edges.map((edge) => edge.url), path: told.path, atS };
    await this.engine.load(source, this.wishes(), play);
  }

  private async learn(titleId: string): Promise<void> {
    if (this.title.value?.title_id === titleId) return;
    this.title.value = shown<Title>(`title:${titleId}`) ?? null;
    const turn = this.turn;
    // Without the title it plays all the same; it only has no name.
    const title = await ok(catalog.GET("/{title_id}", { params: { path: { title_id: titleId } } })).catch(() => null);
    if (title && (turn === this.turn || this.told.value?.title_id === titleId)) this.title.value = title;
  }

  // --- the session

  private where(): Where {
    const state = this.video.paused ? "paused" : this.waiting || this.swapping ? "buffering" : "playing";
    return { positionS: this.placeS, state };
  }

  private gone(why: Gone): void {
    this.live = null;
    if (why === "lapsed") void this.renew(!this.video.paused);
    else {
      this.turn++;
      this.video.pause();
      batch(() => {
        this.trouble.value = null;
        this.silent.value = false;
        this.dropOffer();
        this.asking.value = "stopped";
      });
    }
  }

  /** Go on here after it was stopped from elsewhere. */
  resume(): void {
    void this.open(this.playable.value, this.placeS);
  }

  /** A new session at the same place: the old one lapsed, or its edges are gone. False: not now. */
  private async renew(play: boolean): Promise<boolean> {
    const { turn, placeS } = this;
    try {
      const told = await startSession(this.playable.value);
      if (turn !== this.turn) return true;
      this.live?.abandon();
      await this.start(told, placeS, play);
      return true;
    } catch (thrown) {
      if (turn !== this.turn) return true;
      const problem = asProblem(thrown);
      if (isPassing(problem)) {
        if (!this.live) {
          this.trouble.value ??= "edges";
          void this.mend("edges");
        }
        return false;
      }
      this.video.pause();
      this.refused.value = problem;
      return true;
    }
  }

  // --- what breaks

  /** Nobody delivers: go on asking, first for what is missing, then for a new session with the edges of now. */
  private async mend(why: Trouble["why"]): Promise<void> {
    const { turn } = this;
    if (this.mendingTurn === turn) return;
    this.mendingTurn = turn;
    const wanted = !this.video.paused || this.swapping;
    try {
      for (;;) {
        if (why !== "broken") await this.live?.now();
        if (turn !== this.turn) return;
        if (this.engine.aheadS < SHORT_S) this.trouble.value = why;
        await pause(pauseMs(this.troubles++));
        if (turn !== this.turn) return;
        const mayGoOn = why === "edges" && (this.troubles === 1 || this.engine.aheadS >= SHORT_S);
        if (mayGoOn && this.live && this.engine.goOn()) return;
        if (await this.renew(wanted)) return;
      }
    } finally {
      if (this.mendingTurn === turn) this.mendingTurn = -1;
    }
  }

  // --- what comes next

  /** Skip the intro, if there is one now. */
  skip(): void {
    const intro = this.told.value?.markers?.intro;
    if (intro && this.offer.value === "intro") this.seek(intro.end_s);
  }

  next(byItself = false): void {
    const id = this.nextId.value;
    if (!id) return;
    this.autoplays = byItself ? this.autoplays + 1 : 0;
    this.go(id);
  }

  previous(): void {
    const episode = this.episodes.value.previous;
    if (!episode) return;
    this.autoplays = 0;
    this.go(episode.playable_id);
  }

  /** Stay with the credits. */
  decline(): void {
    this.declined = true;
    this.count?.stop();
    this.countdown.value = null;
  }

  /** Somebody is there. */
  readonly touched = (): void => {
    this.autoplays = 0;
  };

  /** The answer to "still there?". */
  stay(): void {
    this.asking.value = null;
    this.next();
  }

  seek(toS: number): void {
    this.video.currentTime = toS;
    this.look();
  }

  private dropOffer(): void {
    this.offer.value = null;
    this.countdown.value = null;
    this.count = null;
  }

  private look(): void {
    const told = this.told.value;
    if (!told || this.swapping) return;
    const now = offerAt(told.markers, this.video.currentTime, this.nextId.value !== null, this.video.ended);
    if (now === this.offer.value) return;
    if (now !== "next") {
      this.dropOffer();
      this.declined = false;
    }
    this.offer.value = now;
    if (now === "next" && !this.declined && (me.value?.autoplay_next ?? true)) {
      this.count = new Countdown();
      this.countdown.value = this.count.left;
    }
  }

  private second(): void {
    const { count } = this;
    if (!count || this.asking.value) return;
    const over = count.tick(!this.video.paused || this.video.ended);
    if (count.runs) this.countdown.value = count.left;
    if (!over) return;
    if (onward(this.autoplays) === "next") return this.next(true);
    this.video.pause();
    this.count = null;
    this.countdown.value = null;
    this.asking.value = "still";
  }

  // --- what the profile chose

  private get series(): string {
    return `${who.value?.profileId}:${this.told.value?.title_id}`;
  }

  wishes(): Wishes {
    const chosen = chosenFor(parseKept(remembered(LANGUAGES)), this.series);
    return {
      audio: [chosen.audio, me.value?.audio_language],
      subtitles: [chosen.subtitles, me.value?.subtitle_language],
    };
  }

  /** Keep a choice with the profile; a language also for this series. */
  keep(change: PlayerChange): void {
    const chosen: Chosen = {};
    if (change.audio_language) chosen.audio = change.audio_language;
    if (change.subtitle_language) chosen.subtitles = change.subtitle_language;
    if (Object.keys(chosen).length) {
      remember(LANGUAGES, JSON.stringify(choose(parseKept(remembered(LANGUAGES)), this.series, chosen)));
    }
    if (me.value) void readMe({ ...me.value, ...change });
    ok(profiles.PUT("/me/player", { body: change })).then(readMe, () => this.say("It could not be kept for next time"));
  }

  /** A short word over the picture, read out. */
  say(text: string): void {
    this.note.value = text;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => (this.note.value = null), NOTE_MS);
  }
  private noteTimer: ReturnType<typeof setTimeout> | undefined;

  get film(): Engine {
    return this.engine;
  }

  // --- what happens around

  private watch(): void {
    const on = (target: EventTarget, event: string, run: (event: any) => void): void => {
      target.addEventListener(event, run);
      this.off.push(() => target.removeEventListener(event, run));
    };
    const { video } = this;
    on(video, "timeupdate", () => this.moved());
    on(video, "seeked", () => this.moved());
    // A place that nobody delivers right now is where it goes on all the same.
    on(video, "seeking", () => {
      if (this.swapping) return;
      this.notes.sought(video.currentTime);
      this.moved();
    });
    on(video, "ended", () => {
      if (this.swapping) return;
      this.notes.stopped();
      this.placeS = video.duration || this.placeS;
      this.look();
      this.live?.soon();
    });
    on(video, "waiting", () => {
      this.waiting = true;
      this.notes.waits();
    });
    on(video, "playing", () => {
      this.waiting = false;
      this.notes.plays();
      this.moved();
      this.troubles = 0;
      this.trouble.value = null;
      if (this.asking.value === "still") this.asking.value = null;
    });
    on(video, "canplay", () => (this.trouble.value = null));
    on(video, "pause", () => {
      if (this.swapping) return;
      this.notes.stopped();
      this.live?.soon();
    });
    on(video, "seeked", () => this.live?.soon());
    on(window, "pagehide", this.hide);
    on(window, "pageshow", this.unhide);
    // A page that is put away may never be woken again.
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && void this.live?.now());
    on(window, "pointerdown", this.touched);
    on(window, "keydown", this.touched);
    on(window, "online", () => {
      this.offline.value = false;
      void this.live?.now();
    });
    on(window, "offline", () => (this.offline.value = true));
    const timer = setInterval(() => this.second(), 1000);
    this.off.push(() => clearInterval(timer));
    this.off.push(effect(() => this.engine.dress(me.value?.caption_size, me.value?.caption_style)));
  }

  private moved(): void {
    const { video } = this;
    if (video.readyState < 1) return;
    // A new source begins at 0 before it is where it was told to begin: that is nobody's place.
    if (this.swapping && (video.currentTime < this.startS - 2 || !video.src)) return;
    this.swapping = false;
    this.placeS = video.currentTime;
    if (!video.seeking) this.notes.moved(this.placeS);
    this.look();
  }
}

const NOBODY = {
  where: (): Where => ({ positionS: 0, state: "paused" as const }),
  onGone: () => undefined,
  onSilent: () => undefined,
};

/** Whether it may be otherwise in a moment. */
function isPassing(problem: Problem): boolean {
  return problem.status === 0 || problem.status === 429 || problem.status >= 500;
}

/** Wait; not longer than until the network is back. */
function pause(ms: number): Promise<void> {
  return new Promise((wake) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener("online", done);
      wake();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}

function outdatePlaces(): void {
  outdate("home", "continue", "title:");
}

/** The profile's wishes are read by the time it plays, unless that takes too long. */
async function profileKnown(): Promise<void> {
  if (me.peek()) return;
  await new Promise<void>((known) => {
    const timer = setTimeout(known, PROFILE_MS);
    let stop: (() => void) | undefined;
    stop = effect(() => {
      if (!me.value) return;
      clearTimeout(timer);
      queueMicrotask(() => stop?.());
      known();
    });
  });
}

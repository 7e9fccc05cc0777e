/**
 * The film in its element: loads a session's manifest through whichever edge delivers, keeps what the member wishes of quality, sound
 * and subtitles over every change of source, and tells what it cannot mend. The element is never replaced, so full screen stays.
 */
import { Hls, type HlsVideoElement } from "hls-video-element";
import type { ErrorData, HlsConfig } from "hls.js";

import { captionCss, lift, liftedLine } from "./captions.ts";
import { Edges } from "./edges.ts";
import { match } from "./languages.ts";
import { loaderOver } from "./loader.ts";

interface Sound {
  id?: string;
  language: string;
  label: string;
  enabled: boolean;
}

interface Rendition {
  id?: string;
  height?: number;
}

/** The element with its lists of sounds and renditions, which its own types leave out. */
export type Video = HlsVideoElement & {
  audioTracks: Iterable<Sound>;
  videoRenditions: Iterable<Rendition> & { selectedIndex: number; getRenditionById(id: string): Rendition | null };
};

export interface Source {
  /** Edges, best first; `path` is the same on each. */
  edges: readonly string[];
  path: string;
  atS: number;
}

export interface Wishes {
  audio: readonly (string | null | undefined)[];
  /** Languages by preference; `off` for none; empty for what the film asks. */
  subtitles: readonly (string | null | undefined)[];
}

export interface Trouble {
  /** `edges`: nobody delivers; `refused`: the address is no longer good; `broken`: this browser cannot play it. */
  why: "edges" | "refused" | "broken";
  /** What failed, as hls.js calls it. */
  code: string;
}

interface Listener {
  onTrouble: (trouble: Trouble) => void;
  onEdge: (edge: string) => void;
  /** The browser does not play without a touch. */
  onRefusedToPlay: () => void;
  onTracks: () => void;
  /** Another rendition is shown. */
  onQuality: (height: number, bitrateBps: number) => void;
}

const MANIFEST = "master.m3u8";
const FIRST_BYTE_MS = 6000;
const MENDED_ONCE_MS = 5000;
/** How long a quality is left alone after some of it failed; hls.js would leave it alone for good. */
const LEFT_ALONE_MS = 6000;
/** How often a segment is asked for before a lower quality is taken instead: hls.js would ask for half a minute. */
const SEGMENT_RETRY = { maxNumRetry: 2, retryDelayMs: 1000, maxRetryDelayMs: 4000 };

const TRACKS = ["addtrack", "change"] as const;

export class Engine {
  readonly video: Video;
  edges: Edges | null = null;
  private readonly listener: Listener;
  private wishes: Wishes = { audio: [], subtitles: [] };
  /** A height, or null for what the network allows. */
  private quality: number | null = null;
  /** Somebody chose subtitles since it was loaded. */
  private subtitlesChosen = false;
  private speed = 1;
  private mendedAtMs = -Infinity;
  private climbing: ReturnType<typeof setTimeout> | undefined;
  private readonly look = new CSSStyleSheet();
  private readonly off: (() => void)[] = [];

  constructor(video: Video, listener: Listener) {
    this.video = video;
    this.listener = listener;
    const shadow = video.shadowRoot;
    if (shadow) shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, this.look];
    this.listen("ratechange", () => (this.speed = video.playbackRate || this.speed));
    this.listen("error", () => this.nativeError());
  }

  private listen(event: string, run: () => void): void {
    this.video.addEventListener(event, run);
    this.off.push(() => this.video.removeEventListener(event, run));
  }

  get media(): HTMLVideoElement {
    return this.video.nativeEl as HTMLVideoElement;
  }

  get positionS(): number {
    return this.video.currentTime || 0;
  }

  get durationS(): number {
    return this.video.duration;
  }

  /** Load, and play from the place. */
  async load(source: Source, wishes: Wishes, play = true): Promise<void> {
    this.wishes = wishes;
    this.subtitlesChosen = false;
    const edges = new Edges(source.edges, (edge) => this.edges === edges && this.listener.onEdge(edge));
    this.edges = edges;
    const config: Partial<HlsConfig> = {
      startPosition: source.atS,
      loader: loaderOver(edges),
      errorPenaltyExpireMs: LEFT_ALONE_MS,
      fragLoadPolicy: withFirstByte(Hls.DefaultConfig.fragLoadPolicy, SEGMENT_RETRY),
      playlistLoadPolicy: withFirstByte(Hls.DefaultConfig.playlistLoadPolicy),
      manifestLoadPolicy: withFirstByte(Hls.DefaultConfig.manifestLoadPolicy),
    };
    const address = `${edges.here}${source.path}/${MANIFEST}`;
    // The configuration comes before the source: the first segment is then the right one.
    this.video.config = config;
    if (this.video.src === address) void this.video.load();
    else this.video.src = address;
    // The element makes its hls.js in the next microtask, and asks for nothing before the one after that.
    await Promise.resolve();
    await Promise.resolve();
    if (this.edges !== edges) return;
    this.video.defaultPlaybackRate = this.video.playbackRate = this.speed;
    if (this.video.api) this.follow(this.video.api, play);
    else this.playNatively(source.atS, play);
  }

  /** Let go of the film. */
  unload(): void {
    clearTimeout(this.climbing);
    this.edges = null;
    this.video.removeAttribute("src");
  }

  destroy(): void {
    this.unload();
    for (const off of this.off) off();
  }

  play(): void {
    const { media } = this;
    media.play().catch((error: DOMException) => {
      if (error.name === "NotAllowedError") this.listener.onRefusedToPlay();
    });
  }

  /** How much is loaded ahead of the place, in seconds. */
  get aheadS(): number {
    const { buffered } = this.media;
    for (let at = 0; at < buffered.length; at++) {
      if (buffered.start(at) <= this.positionS + 0.1 && buffered.end(at) > this.positionS) {
        return buffered.end(at) - this.positionS;
      }
    }
    return 0;
  }

  /** After all edges failed: ask on for what is missing, without losing what is loaded. False where nothing is loaded yet. */
  goOn(): boolean {
    const hls = this.video.api;
    if (!hls?.levels.some((level) => level.details)) return false;
    hls.startLoad(this.positionS);
    return true;
  }

  // --- what the member wishes

  /** From the quality menu: a rendition's id, or `auto`. */
  wishQuality(id: string): void {
    const rendition = id === "auto" ? null : this.video.videoRenditions.getRenditionById(id);
    this.quality = rendition?.height ?? null;
  }

  /** What is read now was chosen, by a key or in the menu. */
  chooseSubtitles(): void {
    this.subtitlesChosen = true;
  }

  get heard(): { language: string; label: string } | null {
    const track = [...this.video.audioTracks].find((each) => each.enabled);
    return track ? { language: track.language, label: track.label } : null;
  }

  get read(): { language: string; label: string } | null {
    const track = this.texts.find((each) => each.mode === "showing");
    return track ? { language: track.language, label: track.label } : null;
  }

  hear(index: number): void {
    [...this.video.audioTracks].forEach((track, at) => (track.enabled = at === index));
  }

  /** -1: none. */
  show(index: number): void {
    this.texts.forEach((track, at) => (track.mode = at === index ? "showing" : "disabled"));
  }

  /** The next of the sounds; null where there is but one. */
  hearNext(): { language: string; label: string } | null {
    const all = [...this.video.audioTracks];
    if (all.length < 2) return null;
    this.hear((all.findIndex((each) => each.enabled) + 1) % all.length);
    return this.heard;
  }

  /** The next of the subtitles, none being one of them; undefined where there are none. */
  showNext(): { language: string; label: string } | null | undefined {
    const all = this.texts;
    this.chooseSubtitles();
    if (!all.length) return undefined;
    const now = all.findIndex((each) => each.mode === "showing");
    this.show(now + 1 < all.length ? now + 1 : -1);
    return this.read;
  }

  /** Captions off, or on in the language wished; undefined where there are none. */
  toggleCaptions(wishes: Wishes["subtitles"]): { language: string; label: string } | null | undefined {
    const all = this.texts;
    this.chooseSubtitles();
    if (!all.length) return undefined;
    if (this.read) this.show(-1);
    else this.show(Math.max(0, match(all, wishes)));
    return this.read;
  }

  dress(size: string | undefined, style: string | undefined): void {
    this.look.replaceSync(captionCss(size, style));
  }

  /** Keep captions above what covers the foot of the picture. Where a style can move them, the page's does. */
  liftCaptions(up: boolean, barPx: number): void {
    if (CSS.supports("selector(video::-webkit-media-text-track-container)")) return;
    const line = liftedLine(barPx, this.media.clientHeight);
    for (const track of this.texts) if (track.cues) lift(track.cues as unknown as Iterable<VTTCue>, up, line);
  }

  private get texts(): TextTrack[] {
    return [...this.media.textTracks].filter((track) => track.kind === "subtitles" || track.kind === "captions");
  }

  // --- hls.js

  private follow(hls: Hls, play: boolean): void {
    const { Events } = Hls;
    hls.on(Events.MANIFEST_PARSED, () => {
      const audio = match([...this.video.audioTracks], this.wishes.audio);
      if (audio >= 0) this.hear(audio);
      this.applyQuality();
      if (play) this.play();
      this.listener.onTracks();
    });
    // The wish counts until somebody chooses: when a track comes, and when another one was shown. The browser does so once, in its
    // own language, and hls.js takes it for chosen.
    const { textTracks } = this.media;
    const again = (): void => {
      if (this.video.api !== hls) for (const each of TRACKS) textTracks.removeEventListener(each, again);
      else if (!this.subtitlesChosen) this.applySubtitles(hls);
    };
    for (const each of TRACKS) textTracks.addEventListener(each, again);
    // The element pins the lower quality for good after one failed segment. Nobody wished that.
    hls.on(Events.LEVEL_SWITCHED, (_, { level }) => {
      const shown = hls.levels[level];
      if (shown && this.video.api === hls) this.listener.onQuality(shown.height, shown.bitrate);
      if (this.quality === null && this.video.videoRenditions.selectedIndex >= 0) {
        this.video.videoRenditions.selectedIndex = -1;
      }
    });
    hls.on(Events.ERROR, (_, error) => {
      if (error.frag && error.errorAction?.nextAutoLevel !== undefined) this.climbLater(hls);
      this.failed(hls, error);
    });
  }

  /** Try the better quality again, and not only after all that is loaded of the lower one was watched. */
  private climbLater(hls: Hls): void {
    clearTimeout(this.climbing);
    this.climbing = setTimeout(() => {
      if (this.video.api === hls && this.quality === null && hls.nextAutoLevel > hls.currentLevel) hls.nextLevel = -1;
    }, LEFT_ALONE_MS + 500);
  }

  private applyQuality(): void {
    if (this.quality === null) return;
    const all = [...this.video.videoRenditions];
    this.video.videoRenditions.selectedIndex = all.findIndex((each) => each.height === this.quality);
  }

  private applySubtitles(hls: Hls): void {
    const all = this.texts;
    if (this.wishes.subtitles.find(Boolean) === "off") this.show(-1);
    else {
      const wished = match(all, this.wishes.subtitles);
      // Nothing wished: what the film itself asks to be read, the parts in another language than is heard.
      const forced = hls.subtitleTracks.findIndex(
        (track) =>
          track.forced && (!this.heard || match([{ language: track.lang ?? "" }], [this.heard.language]) === 0),
      );
      this.show(wished >= 0 ? wished : forced);
    }
    this.listener.onTracks();
  }

  private failed(hls: Hls, error: ErrorData): void {
    if (!error.fatal || this.video.api !== hls) return;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && performance.now() - this.mendedAtMs > MENDED_ONCE_MS) {
      this.mendedAtMs = performance.now();
      hls.recoverMediaError();
      return;
    }
    const status = error.response?.code ?? 0;
    const network = error.type === Hls.ErrorTypes.NETWORK_ERROR;
    const why = !network ? "broken" : status === 403 || status === 404 ? "refused" : "edges";
    this.listener.onTrouble({ why, code: error.details });
  }

  // --- where the browser plays HLS itself

  private playNatively(atS: number, play: boolean): void {
    const ready = (): void => {
      if (atS > 0) this.video.currentTime = atS;
      const wished = this.wishes.subtitles.find(Boolean) === "off" ? -1 : match(this.texts, this.wishes.subtitles);
      if (this.wishes.subtitles.some(Boolean)) this.show(wished);
      if (play) this.play();
      this.listener.onTracks();
    };
    this.video.addEventListener("loadedmetadata", ready, { once: true });
  }

  private nativeError(): void {
    if (this.video.api || !this.edges || !this.video.src) return;
    const { edges, video } = this;
    edges.failed(edges.here, performance.now());
    const other = edges.pick(new Set([edges.here]), performance.now());
    if (other === null) {
      this.listener.onTrouble({ why: "edges", code: "nativeError" });
      return;
    }
    const atS = this.positionS;
    const address = edges.on(video.src!, other);
    edges.delivered(other);
    this.playNatively(atS, true);
    video.src = address;
  }
}

type Policy = HlsConfig["fragLoadPolicy"];

/** An edge that took the connection and says nothing is as good as dead. */
function withFirstByte(policy: Policy, errorRetry = policy.default.errorRetry): Policy {
  return { ...policy, default: { ...policy.default, maxTimeToFirstByteMs: FIRST_BYTE_MS, errorRetry } };
}

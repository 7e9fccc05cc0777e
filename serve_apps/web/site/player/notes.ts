/**
 * What happens to the picture, as telemetry tells it: seeks, stalls, changes of quality, and what the player could not mend. One play's at
 * a time, and never more than so many a minute; what comes beyond that is not told.
 */
import type { Note } from "../lib/telemetry.ts";

/** Who drags along the bar seeks many times; when that has been over for so long, it was one seek. */
export const SETTLED_MS = 1000;
/** Less is no seek: frame by frame, and what hls.js skips of a gap. */
export const SEEK_LEAST_S = 1;
/** Less nobody sees. */
export const STALL_LEAST_MS = 100;
export const A_MINUTE = 30;

type OfPlay<Each> = Each extends Note ? Omit<Each, "session_id"> : never;

export class Notes {
  private readonly tell: (note: Note) => void;
  private readonly nowMs: () => number;
  private session: string | null = null;
  private placeS = 0;
  private seeking: { fromS: number; toS: number; timer: ReturnType<typeof setTimeout> } | null = null;
  private stalledAtMs: number | null = null;
  /** The picture runs: it has since the last start and the last seek, which take their time and are no stalls. */
  private runs = false;
  private quality = "";
  private failure = "";
  private minute = { fromMs: -Infinity, told: 0 };

  constructor(tell: (note: Note) => void, nowMs = (): number => performance.now()) {
    this.tell = tell;
    this.nowMs = nowMs;
  }

  /** A session begins; what was not told of the one before is told now. */
  opened(sessionId: string, atS: number): void {
    this.closed();
    this.session = sessionId;
    this.placeS = atS;
    this.quality = this.failure = "";
  }

  /** The play is over, or the page goes: what goes on ends here. */
  closed(): void {
    this.settle();
    this.stopped();
    this.session = null;
  }

  /** It is at a place, and on no way to another. */
  moved(toS: number): void {
    this.placeS = toS;
  }

  sought(toS: number): void {
    this.stopped();
    const fromS = this.seeking?.fromS ?? this.placeS;
    clearTimeout(this.seeking?.timer);
    this.seeking = { fromS, toS, timer: setTimeout(() => this.settle(), SETTLED_MS) };
  }

  plays(): void {
    this.stopped();
    this.runs = true;
    this.failure = "";
  }

  /** Nothing is loaded to go on with. */
  waits(): void {
    if (this.runs) this.stalledAtMs ??= this.nowMs();
  }

  /** It no longer runs, for a reason of its own: paused, ended, or on its way elsewhere. */
  stopped(): void {
    const stalledMs = this.stalledAtMs === null ? 0 : Math.round(this.nowMs() - this.stalledAtMs);
    this.runs = false;
    this.stalledAtMs = null;
    if (stalledMs >= STALL_LEAST_MS) this.note({ kind: "stall", position_s: this.placeS, duration_ms: stalledMs });
  }

  /** Another rendition is shown; the first of a session is one too, so that each is known from its start. */
  shows(height: number, bitrateBps: number): void {
    const quality = `${height} ${bitrateBps}`;
    if (!(height >= 1) || quality === this.quality) return;
    this.quality = quality;
    this.note({
      kind: "quality_change",
      position_s: this.placeS,
      height: Math.round(height),
      bitrate_bps: Math.max(0, Math.round(bitrateBps) || 0),
    });
  }

  /** What is tried again and fails again is told once, until it plays. */
  failed(code: string): void {
    const known = code.replace(/[^A-Za-z0-9_.-]/g, "").slice(0, 100) || "unknown";
    if (known === this.failure) return;
    this.failure = known;
    this.note({ kind: "error", position_s: this.placeS, code: known });
  }

  private settle(): void {
    const { seeking } = this;
    clearTimeout(seeking?.timer);
    this.seeking = null;
    if (seeking) this.placeS = seeking.toS;
    if (seeking && Math.abs(seeking.toS - seeking.fromS) >= SEEK_LEAST_S) {
      this.note({ kind: "seek", position_s: seeking.fromS, to_s: seeking.toS });
    }
  }

  private note(note: OfPlay<Note>): void {
    const nowMs = this.nowMs();
    if (nowMs - this.minute.fromMs >= 60_000) this.minute = { fromMs: nowMs, told: 0 };
    if (this.session === null || this.minute.told >= A_MINUTE) return;
    if (!Number.isFinite(note.position_s) || (note.kind === "seek" && !Number.isFinite(note.to_s))) return;
    this.minute.told++;
    this.tell({ ...note, session_id: this.session, position_s: Math.max(0, note.position_s) } as Note);
  }
}

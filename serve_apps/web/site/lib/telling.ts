/**
 * What is told of this visit, gathered and sent a few seconds later, or at once when the page goes. Best effort: what cannot be sent is
 * dropped, and there is never more than a page's worth of it.
 */
export const EVERY_MS = 5000;
/** A batch stays below what browsers send of a page that is going: 64 KiB. */
export const BATCH = 50;
export const LIMIT = 300;

export class Telling<Event> {
  private readonly send: (events: Event[]) => Promise<unknown>;
  private waiting: Event[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (events: Event[]) => Promise<unknown>) {
    this.send = send;
  }

  /** Send an event soon; of too many the oldest are let go. */
  tell(event: Event): void {
    this.waiting.push(event);
    if (this.waiting.length > LIMIT) this.waiting.shift();
    this.timer ??= setTimeout(() => this.flush(1), EVERY_MS);
  }

  /** Send what waits: all of it, or so many batches and the rest later. */
  flush(batches = Infinity): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (; batches > 0 && this.waiting.length > 0; batches--) {
      this.send(this.waiting.splice(0, BATCH)).catch(() => undefined);
    }
    if (this.waiting.length > 0) this.timer = setTimeout(() => this.flush(1), EVERY_MS);
  }

  /** Drop what waits: somebody else is here now. */
  drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = [];
  }
}

/** Which cards of one showing of a page were in sight: half of a card for a second, each once. */
export const AFTER_MS = 1000;

interface Entry {
  target: Element;
  isIntersecting: boolean;
}
interface Observer {
  observe(target: Element): void;
  unobserve(target: Element): void;
  disconnect(): void;
}
export type Observing = new (changed: (entries: Entry[]) => void, how: { threshold: number }) => Observer;

export class Impressions<Card> {
  private readonly saw: (card: Card) => void;
  private readonly keyOf: (card: Card) => string;
  private readonly observer: Observer | null;
  private readonly cards = new Map<Element, Card>();
  private readonly timers = new Map<Element, ReturnType<typeof setTimeout>>();
  private readonly seen = new Set<string>();

  constructor(
    saw: (card: Card) => void,
    keyOf: (card: Card) => string,
    Observe: Observing | undefined = globalThis.IntersectionObserver as Observing | undefined,
  ) {
    this.saw = saw;
    this.keyOf = keyOf;
    this.observer = Observe ? new Observe((entries) => this.changed(entries), { threshold: 0.5 }) : null;
  }

  /** Watch a card; returns how to stop. One that was seen is not watched again. */
  watch(element: Element, card: Card): () => void {
    if (!this.observer || this.seen.has(this.keyOf(card))) return () => undefined;
    this.cards.set(element, card);
    this.observer.observe(element);
    return () => this.leave(element);
  }

  close(): void {
    for (const element of [...this.cards.keys()]) this.leave(element);
    this.observer?.disconnect();
  }

  private changed(entries: Entry[]): void {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(this.timers.get(target));
      this.timers.delete(target);
      if (isIntersecting && this.cards.has(target)) {
        this.timers.set(
          target,
          setTimeout(() => this.stood(target), AFTER_MS),
        );
      }
    }
  }

  private stood(element: Element): void {
    const card = this.cards.get(element);
    this.leave(element);
    if (card === undefined || this.seen.has(this.keyOf(card))) return;
    this.seen.add(this.keyOf(card));
    this.saw(card);
  }

  private leave(element: Element): void {
    clearTimeout(this.timers.get(element));
    this.timers.delete(element);
    this.cards.delete(element);
    this.observer?.unobserve(element);
  }
}

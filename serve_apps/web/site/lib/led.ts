/** From which card somebody went on: what is played next of its title began there, unless that takes long. */
export const LED_FOR_MS = 30 * 60_000;

export class Led<Card extends { title_id: string }> {
  private last: { card: Card; atMs: number } | null = null;

  follow(card: Card, nowMs: number): void {
    this.last = { card, atMs: nowMs };
  }

  /** The card that led to a play of this title; one card leads to one play. */
  take(titleId: string, nowMs: number): Card | null {
    const { last } = this;
    this.last = null;
    return last && last.card.title_id === titleId && nowMs - last.atMs < LED_FOR_MS ? last.card : null;
  }

  forget(): void {
    this.last = null;
  }
}

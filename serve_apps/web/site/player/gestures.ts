/** What a pointer does on the picture: a tap shows the bar (the controller does that), two on a side seek; a click plays or pauses. */

export const TAP_MS = 320;
/** The outer thirds seek, the middle does not. */
const SIDE = 1 / 3;

export type Side = -1 | 0 | 1;

export function sideOf(x: number, width: number): Side {
  return x < width * SIDE ? -1 : x > width * (1 - SIDE) ? 1 : 0;
}

/** Tells a second tap on the same side, and every further one, from a single tap. */
export class Taps {
  private lastMs = -Infinity;
  private lastSide: Side = 0;

  /** Returns the side to seek to, or 0. */
  tap(side: Side, nowMs: number): Side {
    const again = side !== 0 && side === this.lastSide && nowMs - this.lastMs <= TAP_MS;
    this.lastMs = nowMs;
    this.lastSide = side;
    return again ? side : 0;
  }
}

interface Handlers {
  toggle: () => void;
  fullscreen: () => void;
  seek: (side: -1 | 1) => void;
}

const MOVED_PX = 24;

/** Listen on the controller; returns what stops it. */
export function listenToPointers(controller: HTMLElement, handlers: Handlers): () => void {
  const taps = new Taps();
  let down: { x: number; y: number; type: string } | null = null;
  const onPicture = (event: Event): boolean => {
    const first = event.composedPath()[0] as Element | undefined;
    return first === controller || first?.localName === "video" || first?.localName === "hls-video";
  };
  const onDown = (event: PointerEvent): void => {
    down = onPicture(event) ? { x: event.clientX, y: event.clientY, type: event.pointerType } : null;
  };
  const onUp = (event: PointerEvent): void => {
    if (event.pointerType !== "touch" || !down || !onPicture(event)) return;
    if (Math.hypot(event.clientX - down.x, event.clientY - down.y) > MOVED_PX) return;
    const box = controller.getBoundingClientRect();
    const side = taps.tap(sideOf(event.clientX - box.left, box.width), event.timeStamp);
    if (side !== 0) handlers.seek(side);
  };
  const onClick = (event: MouseEvent): void => {
    if (down?.type !== "touch" && onPicture(event)) handlers.toggle();
  };
  const onDouble = (event: MouseEvent): void => {
    if (down?.type !== "touch" && onPicture(event)) handlers.fullscreen();
  };
  controller.addEventListener("pointerdown", onDown);
  controller.addEventListener("pointerup", onUp);
  controller.addEventListener("click", onClick);
  controller.addEventListener("dblclick", onDouble);
  return () => {
    controller.removeEventListener("pointerdown", onDown);
    controller.removeEventListener("pointerup", onUp);
    controller.removeEventListener("click", onClick);
    controller.removeEventListener("dblclick", onDouble);
  };
}

/**
 * Arrow keys move the focus to the nearest thing that can take it, so that a remote control reaches everything.
 * Text fields, sliders, menus and the player keep their arrows; a row remembers where one was in it.
 */
const DIRECTIONS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const CAN = "a[href],button:not(:disabled),input:not(:disabled),select:not(:disabled),summary,[tabindex='0']";
const OWN =
  "input:not([type=checkbox]):not([type=radio]),select,textarea,[role=slider],[role=menu] *,[role=radiogroup] *,[role=tablist] *,[data-own-keys] *";

/** A line of text keeps left and right; up and down lead out of it, or a remote control would be caught there. */
const LINE = "input:not([type]),input[type=text],input[type=search],input[type=email],input[type=password]";

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
  width: number;
  height: number;
}

/** Return which of the boxes lies nearest in a direction: first what is clear of the side, then what is straight ahead. */
export function nearest<T>(
  from: Box,
  boxes: Iterable<readonly [T, Box]>,
  [dx, dy]: readonly [number, number],
): T | null {
  let best: T | null = null;
  let least = Infinity;
  const cx = from.left + from.width / 2;
  const cy = from.top + from.height / 2;
  for (const [what, box] of boxes) {
    const x = Math.max(box.left, Math.min(cx, box.right)) - cx;
    const y = Math.max(box.top, Math.min(cy, box.bottom)) - cy;
    const along = dx ? dx * (box.left + box.width / 2 - cx) : dy * (box.top + box.height / 2 - cy);
    if (along <= 4) continue;
    const clear = dx
      ? dx > 0
        ? box.left >= from.right - 8
        : box.right <= from.left + 8
      : dy > 0
        ? box.top >= from.bottom - 8
        : box.bottom <= from.top + 8;
    if (!clear) continue;
    const score = Math.abs(dx ? x : y) + Math.abs(dx ? y : x) * (dx ? 6 : 1.2);
    if (score < least) {
      least = score;
      best = what;
    }
  }
  return best;
}

const lastInRow = new WeakMap<Element, HTMLElement>();

/** Listen for arrows on the window; returns what stops it. */
export function moveByArrows(): () => void {
  const remember = (event: FocusEvent): void => {
    const row = (event.target as Element).closest?.("[data-row]");
    if (row) lastInRow.set(row, event.target as HTMLElement);
  };
  addEventListener("focusin", remember);
  addEventListener("keydown", move);
  return () => {
    removeEventListener("focusin", remember);
    removeEventListener("keydown", move);
  };
}

function move(event: KeyboardEvent): void {
  const direction = DIRECTIONS[event.key];
  const target = event.target as Element;
  if (!direction || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  if (target.matches?.(OWN) && !(direction[1] && target.matches(LINE))) return;
  const now = document.activeElement as HTMLElement | null;
  const scope = document.querySelector("dialog[open]") ?? document;
  const all = [...scope.querySelectorAll<HTMLElement>(CAN)].filter(
    (element) =>
      element !== now && element.checkVisibility({ visibilityProperty: true }) && !element.closest("[inert]"),
  );
  if (!now || now === document.body) {
    const first = all.find((element) => element.closest("main")) ?? all[0];
    if (!first) return;
    event.preventDefault();
    first.focus();
    return;
  }
  const row = now.closest("[data-row]");
  const from = now.getBoundingClientRect();
  const boxes = all.map((element) => [element, element.getBoundingClientRect()] as const);
  let to = (row && beside(now, all, direction[1])) ?? nearest(from, boxes, direction);
  const into = to?.closest("[data-row]");
  if (into && into !== row && direction[1] !== 0) {
    const last = lastInRow.get(into);
    if (last?.isConnected) to = last;
  }
  if (!to) return;
  event.preventDefault();
  to.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  to.scrollIntoView({ block: "center", inline: "nearest", behavior: calm ? "auto" : "smooth" });
}

/** What belongs to the same card of a row, as the button that takes it off, comes before the row below and after the card above. */
function beside(now: HTMLElement, all: HTMLElement[], down: number): HTMLElement | null {
  const card = now.closest("li");
  const own = card ? all.filter((element) => card.contains(element)) : [];
  if (down > 0)
    return own.find((element) => now.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING) ?? null;
  if (down < 0)
    return own.findLast((element) => now.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING) ?? null;
  return null;
}

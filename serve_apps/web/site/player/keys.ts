/** Every key of the player, in one table: the handler, the tooltips and the sheet behind `?` are made from it. */

export type Act =
  | { do: "play" | "mute" | "fullscreen" | "captions" | "pip" | "keys" | "search" | "back" | "confirm" }
  | { do: "next" | "previous" | "skip" | "next-audio" | "next-subtitle" }
  | { do: "seek"; byS: number }
  | { do: "seek-to"; share: number }
  | { do: "volume" | "speed" | "frame"; by: number }
  | { do: "walk"; to: readonly [number, number] };

interface Key {
  /** `KeyboardEvent.key`s; letters in lower case. */
  readonly keys: readonly string[];
  readonly shift?: boolean;
  /** How the sheet and the tooltips write them. */
  readonly shown: readonly string[];
  readonly does: string;
  readonly act: (key: string) => Act;
  /** Held down, it acts again and again. */
  readonly repeats?: boolean;
}

export const KEYS: readonly Key[] = [
  { keys: [" ", "k"], shown: ["Space", "k"], does: "Play or pause", act: () => ({ do: "play" }) },
  {
    keys: ["ArrowLeft", "ArrowRight"],
    shown: ["←", "→"],
    does: "5 seconds back or on",
    act: (key) => ({ do: "seek", byS: key === "ArrowLeft" ? -5 : 5 }),
    repeats: true,
  },
  {
    keys: ["j", "l"],
    shown: ["j", "l"],
    does: "10 seconds back or on",
    act: (key) => ({ do: "seek", byS: key === "j" ? -10 : 10 }),
    repeats: true,
  },
  {
    keys: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    shown: ["0–9"],
    does: "To 0–90 % of it",
    act: (key) => ({ do: "seek-to", share: Number(key) / 10 }),
  },
  {
    keys: ["Home", "End"],
    shown: ["Home", "End"],
    does: "To the start or the end",
    act: (key) => ({ do: "seek-to", share: key === "Home" ? 0 : 1 }),
  },
  {
    keys: ["ArrowUp", "ArrowDown"],
    shown: ["↑", "↓"],
    does: "Volume up or down by 5 %",
    act: (key) => ({ do: "volume", by: key === "ArrowUp" ? 0.05 : -0.05 }),
    repeats: true,
  },
  { keys: ["m"], shown: ["m"], does: "Sound off or on", act: () => ({ do: "mute" }) },
  { keys: ["f"], shown: ["f"], does: "Full screen", act: () => ({ do: "fullscreen" }) },
  { keys: ["c"], shown: ["c"], does: "Captions off or on", act: () => ({ do: "captions" }) },
  { keys: ["v"], shown: ["v"], does: "Next subtitles", act: () => ({ do: "next-subtitle" }) },
  { keys: ["a"], shown: ["a"], does: "Next audio language", act: () => ({ do: "next-audio" }) },
  { keys: ["p"], shown: ["p"], does: "Picture in picture", act: () => ({ do: "pip" }) },
  {
    keys: ["<", ">"],
    shown: ["<", ">"],
    does: "Slower or faster",
    act: (key) => ({ do: "speed", by: key === "<" ? -1 : 1 }),
  },
  {
    keys: [",", "."],
    shown: [",", "."],
    does: "One frame back or on, while paused",
    act: (key) => ({ do: "frame", by: key === "," ? -1 : 1 }),
    repeats: true,
  },
  { keys: ["s"], shown: ["s"], does: "Skip the intro", act: () => ({ do: "skip" }) },
  { keys: ["n"], shift: true, shown: ["Shift", "n"], does: "Next episode", act: () => ({ do: "next" }) },
  { keys: ["p"], shift: true, shown: ["Shift", "p"], does: "Previous episode", act: () => ({ do: "previous" }) },
  { keys: ["Enter"], shown: ["Enter", "OK"], does: "Show the controls", act: () => ({ do: "confirm" }) },
  { keys: ["/"], shown: ["/"], does: "Search", act: () => ({ do: "search" }) },
  { keys: ["?"], shown: ["?"], does: "These keys", act: () => ({ do: "keys" }) },
  {
    keys: ["Escape", "GoBack", "BrowserBack", "XF86Back"],
    shown: ["Esc", "Back"],
    does: "Close the menu, the controls, full screen, the player",
    act: () => ({ do: "back" }),
  },
];

export interface Press {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
  isComposing?: boolean;
}

/** Where the focus is. `none`: nowhere that has keys of its own, the picture as well as a control that was clicked. */
export type Focus = "none" | "control" | "timeline" | "volume" | "menu" | "typing" | "dialog";

const WALKS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const OF_MENUS = new Set(["Enter", " ", "Escape", "Tab", "Home", "End", ...Object.keys(WALKS)]);

/**
 * Return what a press means; null where it is not ours: the browser's (with Ctrl, Alt, Meta), a focused button's own Space and Enter,
 * a menu's, a dialog's. A control that has the focus makes the arrows walk: the bar is open then.
 */
export function actOf(press: Press, focus: Focus): Act | "swallow" | null {
  if (press.ctrlKey || press.altKey || press.metaKey || press.isComposing) return null;
  if (focus === "dialog" || focus === "typing") return null;
  if (focus === "menu" && OF_MENUS.has(press.key)) return null;
  const walk = press.shiftKey ? undefined : WALKS[press.key];
  if (focus !== "none") {
    if ((press.key === " " || press.key === "Enter") && focus === "control") return null;
    const along = press.key === "ArrowLeft" || press.key === "ArrowRight";
    if (focus === "volume" && along) return { do: "volume", by: press.key === "ArrowLeft" ? -0.05 : 0.05 };
    if (walk && !(focus === "timeline" && along)) return { do: "walk", to: walk };
  }
  const letter = /^[a-z]$/i.test(press.key);
  const name = letter ? press.key.toLowerCase() : press.key;
  // A sign (`<`, `?`) may need Shift or not, as the keyboard has it; a letter and a named key mean it.
  const sign = press.key.length === 1 && !letter && press.key !== " ";
  const key = KEYS.find((each) => each.keys.includes(name) && (sign || (each.shift ?? false) === press.shiftKey));
  if (!key) return null;
  if (press.repeat && !key.repeats) return "swallow";
  return key.act(name);
}

/** A label with the key that does the same: `Mute (m)`. */
export function hint(label: string, act: Act["do"]): string {
  const key = KEYS.find((each) => each.act(each.keys[0]!).do === act);
  return key ? `${label} (${key.shift ? key.shown.join("+") : key.shown.at(-1)})` : label;
}

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/** The next slower or faster speed. */
export function speedAfter(now: number, by: number): number {
  const steps = by > 0 ? SPEEDS.filter((each) => each > now + 0.01) : SPEEDS.filter((each) => each < now - 0.01);
  return (by > 0 ? steps[0] : steps.at(-1)) ?? now;
}

/** A wish to be somewhere else, in seconds within the film; the very end is left out, so that it does not end by accident. */
export function clamped(toS: number, durationS: number): number {
  return Math.max(0, Math.min(toS, Number.isFinite(durationS) ? Math.max(0, durationS - 0.5) : toS));
}

/** Adds presses up until they pause, so that holding an arrow is one seek and not twenty. */
export class SeekSum {
  static readonly RELEASED_MS = 150;
  static readonly HELD_MS = 700;
  private target: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly go: (toS: number) => void;
  private readonly shown: (toS: number | null) => void;

  constructor(go: (toS: number) => void, shown: (toS: number | null) => void) {
    this.go = go;
    this.shown = shown;
  }

  /** Where it will be, or null. */
  get pending(): number | null {
    return this.target;
  }

  add(byS: number, nowS: number, durationS: number, held: boolean): void {
    this.target = clamped((this.target ?? nowS) + byS, durationS);
    this.shown(this.target);
    // A remote control may send no key-up: then the pause alone ends it.
    this.wait(held ? SeekSum.HELD_MS : SeekSum.RELEASED_MS);
  }

  /** The key is up. */
  released(): void {
    if (this.target !== null) this.wait(SeekSum.RELEASED_MS);
  }

  /** Somebody seeks in another way, or leaves. */
  forget(): void {
    clearTimeout(this.timer);
    this.target = null;
    this.shown(null);
  }

  private wait(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const to = this.target;
      this.forget();
      if (to !== null) this.go(to);
    }, ms);
  }
}

/** How captions look: size and style are the profile's, and they stay above the bar while it shows. */

export type CaptionSize = "small" | "medium" | "large" | "huge";
export type CaptionStyle = "shadow" | "box" | "yellow";

export const SIZES: readonly { value: CaptionSize; label: string; percent: number }[] = [
  { value: "small", label: "Small", percent: 75 },
  { value: "medium", label: "Medium", percent: 100 },
  { value: "large", label: "Large", percent: 140 },
  { value: "huge", label: "Huge", percent: 190 },
];

export const STYLES: readonly { value: CaptionStyle; label: string; css: string }[] = [
  {
    value: "shadow",
    label: "Shadow",
    css: "color:#fff;background:transparent;text-shadow:0 0 4px #000,0 1px 3px #000,0 0 12px #000",
  },
  { value: "box", label: "Box", css: "color:#fff;background:rgb(0 0 0 / 0.78)" },
  { value: "yellow", label: "Yellow", css: "color:#ffe14d;background:rgb(0 0 0 / 0.78)" },
];

/** The rule for the video's cues; an unknown wish is the usual look. */
export function captionCss(size: string | undefined, style: string | undefined): string {
  const { percent } = SIZES.find((each) => each.value === size) ?? SIZES[1]!;
  const { css } = STYLES.find((each) => each.value === style) ?? STYLES[1]!;
  return `video::cue{font-family:"Hanken Grotesk Variable",system-ui,sans-serif;font-size:${percent}%;line-height:1.3;${css}}`;
}

interface Line {
  line: number | "auto";
  snapToLines: boolean;
}

/** Lines from the foot that a bar of this height covers, for browsers whose cues no style can move. */
export function liftedLine(barPx: number, videoPx: number): number {
  // A caption line is about a twentieth of the picture, and the last is -1.
  return -1 - Math.ceil(barPx / Math.max(1, videoPx / 18));
}

const lifted = new WeakSet<object>();

/** Lift cues that have no place of their own, or let them down again. */
export function lift(cues: Iterable<Line>, up: boolean, line: number): void {
  for (const cue of cues) {
    if (up && cue.line === "auto" && cue.snapToLines) {
      cue.line = line;
      lifted.add(cue);
    } else if (!up && lifted.delete(cue)) cue.line = "auto";
  }
}

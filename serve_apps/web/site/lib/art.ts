/** Artwork for a title that has none: the same id gives the same picture, drawn here, without a request. 8 inks, 8 scenes. */

const INKS = [
  ["#2d1b45", "#f6b73c", "#ff7a6b", "#f6efe2"],
  ["#0f3d44", "#7fdcc8", "#f2e3b3", "#f6efe2"],
  ["#7c2a2c", "#ffb066", "#2a0f18", "#fff1dc"],
  ["#2f4a30", "#cfe07a", "#f4e9c6", "#fdf8e8"],
  ["#bfdce8", "#f0704f", "#ffffff", "#16283f"],
  ["#f3e3c3", "#cf4030", "#2b5a8c", "#1f1730"],
  ["#5b2d66", "#f7b3c6", "#ffd166", "#fff2f0"],
  ["#122552", "#6ea0ff", "#ffe9a3", "#f3f6ff"],
] as const;

/** FNV-1a with a finish that spreads ids which differ in one letter. */
export function hash(text: string): number {
  let h = 2166136261;
  for (const letter of text) {
    h ^= letter.codePointAt(0)!;
    h = Math.imul(h, 16777619);
  }
  h ^= h >>> 15;
  h = Math.imul(h, 2246822507);
  h ^= h >>> 13;
  return h >>> 0;
}

export interface Art {
  /** The ground, and an ink that reads on it. */
  ground: string;
  ink: string;
  /** A whole `<svg>`; made of numbers and our own colours only, nothing of a title's text is in it. */
  svg: string;
}

/** Draw the picture of an id, `width` by `height` units. */
export function art(id: string, width: number, height: number): Art {
  let seed = hash(id);
  const next = (n: number): number => {
    seed = (Math.imul(seed ^ (seed >>> 15), 2246822519) + 1) >>> 0;
    return seed % n;
  };
  const [ground, first, second, ink] = INKS[next(8)]!;
  const scene = SCENES[next(8)]!;
  const parts: string[] = [];
  const pen: Pen = {
    w: width,
    h: height,
    m: Math.min(width, height),
    ground,
    first,
    second,
    ink,
    next,
    circle: (x, y, r, fill, extra = "") =>
      parts.push(`<circle cx="${n(x)}" cy="${n(y)}" r="${n(r)}" fill="${fill}" ${extra}/>`),
    path: (d, fill, extra = "") => parts.push(`<path d="${d}" fill="${fill}" ${extra}/>`),
    box: (x, y, w, h, fill, extra = "") =>
      parts.push(`<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" fill="${fill}" ${extra}/>`),
  };
  scene(pen);
  const svg =
    `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="xMidYMid slice" aria-hidden="true">` +
    `<rect width="${width}" height="${height}" fill="${ground}"/>${parts.join("")}</svg>`;
  return { ground, ink, svg };
}

interface Pen {
  w: number;
  h: number;
  m: number;
  ground: string;
  first: string;
  second: string;
  ink: string;
  next: (n: number) => number;
  circle: (x: number, y: number, r: number, fill: string, extra?: string) => void;
  path: (d: string, fill: string, extra?: string) => void;
  box: (x: number, y: number, w: number, h: number, fill: string, extra?: string) => void;
}

const n = (value: number): number => Math.round(value * 10) / 10;

function sunset({ w, h, m, ground, first, second, next, circle, box }: Pen): void {
  const y = h * 0.66;
  const r = m * 0.34;
  const x = w * (0.5 + next(5) * 0.07);
  circle(x, y, r, first);
  box(0, y, w, h - y, ground);
  for (let i = 0; i < 6; i++) {
    const k = r * (1 - i * 0.13);
    box(x - k, y + h * 0.03 + i * h * 0.052, 2 * k, h * 0.02, i % 2 ? first : second, 'rx="3"');
  }
}

function rings({ w, h, m, ground, first, second, next, circle }: Pen): void {
  const x = w > h || next(2) ? w : 0;
  const step = w > h ? 0.15 : 0.16;
  for (let i = 6; i > 0; i--) circle(x, h, m * step * i, i % 2 ? ground : i % 4 ? first : second);
}

function beam({ w, h, m, first, second, ink, circle, path }: Pen): void {
  const x = w * 0.86;
  const y = h * (w > h ? 0.24 : 0.4);
  path(`M${n(x)} ${n(y)}L0 ${n(h * 0.62)}V${n(h * 1.05)}Z`, first, 'opacity=".92"');
  path(`M${n(x)} ${n(y)}L0 ${n(h * 0.82)}V${n(h * 1.05)}H${n(w * 0.34)}Z`, second, 'opacity=".9"');
  circle(x, y, m * 0.1, ink);
}

function curtain({ w, h, m, first, second, next, path }: Pen): void {
  const count = Math.round((w / m) * 9);
  for (let i = 0; i < count; i++) {
    const x = (i * w) / count;
    const y = h * (0.5 + 0.26 * Math.sin((i / count) * Math.PI * 2 + next(3)));
    const half = w / count / 2;
    path(
      `M${n(x)} ${h}V${n(y)}Q${n(x + half)} ${n(y - m * 0.09)} ${n(x + 2 * half)} ${n(y)}V${h}Z`,
      i % 3 ? first : second,
      `opacity="${i % 2 ? 1 : 0.82}"`,
    );
  }
}

function stalls({ w, h, m, first, second, next, path }: Pen): void {
  const r = m * 0.068;
  const count = Math.ceil(w / (r * 3));
  const lit = next(count - 2) + 1;
  for (let row = 0; row < 4; row++) {
    for (let seat = 0; seat <= count; seat++) {
      const x = seat * r * 3 + (row % 2 ? r * 1.5 : 0);
      const y = h * 0.58 + row * r * 2.6;
      const taken = row === 1 && seat === lit;
      path(
        `M${n(x - r)} ${n(y + r * 1.5)}V${n(y)}a${n(r)} ${n(r)} 0 0 1 ${n(2 * r)} 0V${n(y + r * 1.5)}Z`,
        taken ? second : first,
        taken ? "" : `opacity="${0.5 + row * 0.16}"`,
      );
    }
  }
}

function windows({ w, h, m, first, second, ink, next, box }: Pen): void {
  const count = Math.round((w / m) * 6);
  const gap = (w / count) * 0.16;
  const side = w / count - gap;
  for (let row = 0; row < Math.ceil((h * 0.52) / (side + gap)); row++) {
    for (let column = 0; column < count; column++) {
      const k = next(7);
      const x = column * (side + gap) + gap / 2;
      const y = h - (row + 1) * (side * 0.9 + gap);
      box(x, y, side, side * 0.9, k === 0 ? second : k < 3 ? first : ink, `rx="3" opacity="${k < 3 ? 1 : 0.13}"`);
    }
  }
}

function waves({ w, h, m, ground, first, second, ink, next, circle, path }: Pen): void {
  for (let i = 0; i < 5; i++) {
    const y = h * (0.48 + i * 0.11);
    const swell = m * 0.07 * (1 + i * 0.15);
    const length = w / (2 + next(2));
    let d = `M0 ${n(y)}`;
    for (let x = 0; x < w + length; x += length)
      d += `q${n(length / 4)} ${n(-swell)} ${n(length / 2)} 0t${n(length / 2)} 0`;
    path(
      `${d}V${n(h * 1.2)}H0Z`,
      [first, second, first, ground, second][i]!,
      `opacity="${[1, 0.85, 0.9, 0.92, 0.75][i]}"`,
    );
  }
  circle(w * 0.8, h * (w > h ? 0.24 : 0.38), m * 0.1, ink, 'opacity=".95"');
}

function moons({ w, h, m, ground, first, second, ink, circle, box }: Pen): void {
  const r = (w / 5) * 0.36;
  for (let i = 0; i < 5; i++) {
    const x = (w / 5) * (i + 0.5);
    const y = h * 0.68;
    circle(x, y, r, i === 2 ? second : first);
    if (i !== 2) circle(x + (i - 2) * r * 0.52, y, r * 0.98, ground);
  }
  box(0, h * 0.68 + r * 1.7, w, m * 0.012, ink, 'opacity=".5"');
}

const SCENES = [sunset, rings, beam, curtain, stalls, windows, waves, moons];

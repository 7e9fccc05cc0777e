/** Line icons on a 20-unit grid; they take the text's colour and say nothing by themselves. */
import type { JSX, SVGAttributes } from "preact";

const LINES = {
  home: "M3 11.5 10 4l7 7.5M5 10v6h10v-6",
  ingest: "M10 13V3m0 0L6 7m4-4 4 4M3 13v3h14v-3",
  titles: "M3 6a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2ZM7 4v12M13 4v12M3 10h14",
  services: "M4 9V6a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v3M3 9h3v4h8V9h3v7H3Z",
  edges:
    "M10 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM5 5l3 3m7-3-3 3m-7 7 3-3m7 3-3-3M4 5.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3Zm12 0a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3Zm-12 12a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3Zm12 0a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3Z",
  sessions: "M4 4h12v9H4zM8 17h4M9 7l3 1.500L9 10Z",
  members:
    "M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 17c0-3 2.500-5 5.500-5s5.500 2 5.500 5M13 9.500a2.500 2.500 0 1 0 0-5M14.500 12.200c2 .5 3.500 2.300 3.500 4.800",
  audit: "M5 3h10v14H5zM8 7h4M8 10h4M8 13h2",
  metrics: "M3 3v14h14M6 13l3-4 3 2 4-6",
  out: "M11 4h5v5m0-5-8 8M8 5H4v11h11v-4",
  plus: "M10 3v14M3 10h14",
  check: "m4 10.500 4 4 8-9",
  close: "m5 5 10 10M15 5 5 15",
  search: "M8.500 14a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11Zm4-1.500 4.500 4.500",
  back: "M12 4l-6 6 6 6",
  forward: "m8 4 6 6-6 6",
  down: "m4 7.500 6 6 6-6",
  edit: "M4 16l1-4 8-8 3 3-8 8-4 1Z",
  trash: "M4 6h12M8 6V4h4v2M6 6l.7 10h6.600L14 6",
  lock: "M5 9h10v7H5zM7 9V6.500a3 3 0 0 1 6 0V9",
  device: "M3 4h14v9H3zM7 16h6",
  up: "M3 17V9m4 8V5m4 12v-6m4 6V3",
  info: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm0-7.500V13m0-6.300v.3",
  more: "M4 10h.01M10 10h.01M16 10h.01",
  thumb:
    "M6 9v7H3V9Zm0 0 3.500-6c1.500 0 2 1 1.700 2.500L10.700 8H16c1 0 1.500.8 1.200 1.800l-1.400 5c-.2.800-.8 1.200-1.600 1.200H6",
  love: "M10 16S3.500 12 3.500 7.500a3.300 3.300 0 0 1 6.500-1 3.300 3.300 0 0 1 6.500 1C16.500 12 10 16 10 16Z",
} as const;

export type IconName = keyof typeof LINES | "play" | "down-thumb";

export function Icon({ name, ...rest }: { name: IconName } & SVGAttributes<SVGSVGElement>): JSX.Element {
  if (name === "play") {
    return (
      <svg class="icon" viewBox="0 0 20 20" fill="currentColor" aria-hidden="true" {...rest}>
        <path d="M5 3.200v13.600a1 1 0 0 0 1.500.9l11-6.800a1 1 0 0 0 0-1.800l-11-6.800A1 1 0 0 0 5 3.200Z" />
      </svg>
    );
  }
  const turned = name === "down-thumb";
  return (
    <svg
      class="icon"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.900"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      {...rest}
    >
      <path d={LINES[turned ? "thumb" : name]} {...(turned ? { transform: "rotate(180 10 10)" } : {})} />
    </svg>
  );
}

export function Mark({ href = "/", label = "Matinee home" }: { href?: string; label?: string }): JSX.Element {
  return (
    <a class="mark" href={href} aria-label={label}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M2 22a14 14 0 0 1 28 0Z" fill="#f6b73c" />
        <path d="M2 26.500h28" stroke="#f6b73c" stroke-width="3" stroke-linecap="round" />
      </svg>
      <span>Matinee</span>
    </a>
  );
}

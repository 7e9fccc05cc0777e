/** A profile's face: a colour by its avatar's number, and its first letter. */
import type { JSX } from "preact";

export const AVATARS = [
  ["#f7b3c6", "#3b1024"],
  ["#7fdcb5", "#06281c"],
  ["#8ecbff", "#062338"],
  ["#f6b73c", "#241602"],
  ["#cfb5ff", "#24104a"],
  ["#ff9d8a", "#3b0d06"],
  ["#cfe07a", "#232a06"],
  ["#f3e3c3", "#2b1f10"],
] as const;

export function avatarColours(avatar: string): readonly [string, string] {
  return AVATARS[(Number.parseInt(avatar, 10) - 1 + AVATARS.length * 100) % AVATARS.length] ?? AVATARS[0];
}

export function Avatar({ name, avatar, size }: { name: string; avatar: string; size?: string }): JSX.Element {
  const [ground, ink] = avatarColours(avatar);
  const letter = [...name.trim()][0]?.toLocaleUpperCase() ?? "?";
  return (
    <span
      class="avatar"
      aria-hidden="true"
      style={{
        background: ground,
        color: ink,
        ...(size ? { width: size, height: size, fontSize: `calc(${size} * 0.42)` } : {}),
      }}
    >
      {letter}
    </span>
  );
}

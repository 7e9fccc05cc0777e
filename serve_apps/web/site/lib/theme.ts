/** Dark, light or as the system; the first paint is theme.js's. */
import { signal } from "@preact/signals";

import { remember, remembered } from "./session.ts";

export type Theme = "dark" | "light" | "system";
const KEY = "matinee.theme";
const prefersLight = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: light)");

export const theme = signal<Theme>((remembered(KEY) as Theme | null) ?? "dark");

export function setTheme(wish: Theme): void {
  theme.value = wish;
  remember(KEY, wish);
  apply();
}

function apply(): void {
  const light = theme.value === "light" || (theme.value === "system" && !!prefersLight?.matches);
  document.documentElement.dataset["theme"] = light ? "light" : "dark";
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", light ? "#fbf5ea" : "#16111d");
}

/** Follow the system's change while the wish is `system`. */
export function followTheme(): void {
  apply();
  prefersLight?.addEventListener("change", apply);
}

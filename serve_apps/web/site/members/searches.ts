/** What this profile looked for lately, on this device: words that led somewhere. */
import { remember, remembered, who } from "../lib/session.ts";

const KEPT = 6;

function key(): string | null {
  const profileId = who.value?.profileId;
  return profileId ? `matinee.searches.${profileId}` : null;
}

export function recentSearches(): string[] {
  const at = key();
  try {
    const kept: unknown = JSON.parse((at && remembered(at)) || "[]");
    return Array.isArray(kept) ? kept.filter((words) => typeof words === "string").slice(0, KEPT) : [];
  } catch {
    return []; // somebody else's writing
  }
}

/** Keep the words, the latest first; the same words once. */
export function rememberSearch(words: string): void {
  const at = key();
  const others = recentSearches().filter((other) => other.toLowerCase() !== words.toLowerCase());
  if (at) remember(at, JSON.stringify([words, ...others].slice(0, KEPT)));
}

export function forgetSearches(): void {
  const at = key();
  if (at) remember(at, null);
}

/** Which sound and which subtitles: what was chosen for this series, else for the profile, else the film's own. */

export interface Spoken {
  language: string;
}

/** Index of the first track that speaks one of the languages, in the order wished; -1 where none does. `en` hears `en-GB` too. */
export function match(tracks: readonly Spoken[], wishes: readonly (string | null | undefined)[]): number {
  const primary = (tag: string): string => tag.toLowerCase().split("-")[0]!;
  for (const wish of wishes) {
    if (!wish) continue;
    const exact = tracks.findIndex((track) => track.language.toLowerCase() === wish.toLowerCase());
    if (exact >= 0) return exact;
    const near = tracks.findIndex((track) => primary(track.language) === primary(wish));
    if (near >= 0) return near;
  }
  return -1;
}

export interface Chosen {
  audio?: string;
  subtitles?: string;
}

const KEPT = 100;

/** What was chosen for each series, as it is kept: the latest last. */
export type Kept = [key: string, chosen: Chosen][];

export function chosenFor(kept: Kept, key: string): Chosen {
  return kept.find(([each]) => each === key)?.[1] ?? {};
}

export function choose(kept: Kept, key: string, change: Chosen): Kept {
  const now = { ...chosenFor(kept, key), ...change };
  return [...kept.filter(([each]) => each !== key), [key, now] as [string, Chosen]].slice(-KEPT);
}

export function parseKept(text: string | null): Kept {
  try {
    const read: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(read)) return [];
    return read.filter(
      (each): each is [string, Chosen] => Array.isArray(each) && typeof each[0] === "string" && !!each[1],
    );
  } catch {
    return [];
  }
}

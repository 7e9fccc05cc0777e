/** What a file's name says: a film with its year, or an episode of a series; the names that Jellyfin and Plex ask for, and scene names. */

export interface Named {
  kind: "film" | "episode";
  title: string;
  year: number | null;
  season: number | null;
  episode: number | null;
  /** The episode's own name. */
  name: string | null;
}

const VIDEO = /\.(mp4|m4v|mkv|mov|avi|webm|ts|m2ts|mts|mpg|mpeg|wmv|flv|3gp|ogv|ogg|mxf|vob)$/i;
const SUBTITLES = /\.(srt|vtt)$/i;
const EPISODE = /(?:^|[\s([-])s(\d{1,3})\s?e(\d{1,4})(?:\b|$)|(?:^|\s)(\d{1,2})x(\d{1,3})\b/i;
const YEAR = /[([]?\b(18[7-9]\d|19\d\d|20\d\d)\b[)\]]?/g;
// What release names add behind the year or the episode; nobody's film is called so.
const NOISE =
  /\b(480p|576p|720p|1080[pi]|2160p|4k|uhd|hdr(10)?|blu-?ray|b[dr]rip|web-?(dl|rip)?|hdtv|dvd(rip)?|x26[45]|h\.?26[45]|hevc|av1|aac|ac3|dts|proper|repack|remux)\b.*$/i;

export function isVideo(name: string): boolean {
  return VIDEO.test(name);
}

export function isSubtitle(name: string): boolean {
  return SUBTITLES.test(name);
}

/** `Film.de.srt` belongs to `Film.mp4` and is German; null where it belongs to another. */
export function subtitleOf(file: string, film: string): { language: string } | null {
  const stem = film.replace(VIDEO, "");
  const rest = file.replace(SUBTITLES, "");
  if (!rest.toLowerCase().startsWith(stem.toLowerCase())) return null;
  const language = /^[._ -]([a-z]{2,3}(-[A-Za-z0-9]{2,8})?)([._ -](sdh|cc|forced))?$/.exec(
    rest.slice(stem.length),
  )?.[1];
  return rest.length === stem.length ? { language: "und" } : language ? { language } : null;
}

/** Read a file's path: folders help where the file says only `S01E02`. */
export function named(path: string): Named {
  const parts = path.split("/").filter(Boolean);
  const words = spaced((parts.pop() ?? "").replace(VIDEO, ""));
  const at = EPISODE.exec(words);
  if (at) {
    const before = clean(words.slice(0, at.index));
    const folder = parts.findLast((part) => !/^(season|series|staffel|saison|s)\s?\d+$/i.test(spaced(part)));
    const series = before.title || (folder ? clean(spaced(folder)).title : "");
    const name = clean(words.slice(at.index + at[0].length).replace(/^[\s-]+/, "")).title;
    return {
      kind: "episode",
      title: series || "Untitled series",
      year: before.year ?? (folder ? clean(spaced(folder)).year : null),
      season: Number(at[1] ?? at[3]),
      episode: Number(at[2] ?? at[4]),
      name: name || null,
    };
  }
  const film = clean(words);
  return {
    kind: "film",
    title: film.title || words.trim() || "Untitled",
    year: film.year,
    season: null,
    episode: null,
    name: null,
  };
}

function spaced(text: string): string {
  // Dots stand for spaces where there are no spaces.
  return (/\s/.test(text) ? text : text.replace(/[._]+/g, " ")).replace(/_/g, " ");
}

function clean(text: string): { title: string; year: number | null } {
  const quiet = text.replace(NOISE, "");
  const years = [...quiet.matchAll(YEAR)].filter((match) => match.index > 0);
  const last = years.at(-1);
  const title = (last ? quiet.slice(0, last.index) : quiet).replace(/[\s([{-]+$/, "").trim();
  return title ? { title, year: last ? Number(last[1]) : null } : { title: quiet.trim(), year: null };
}

/** What a title's page reads out of the title: its first episode, the season to show, the languages it is heard and read in. */
import type { Episode, Season, Title } from "../lib/titles.ts";

/** The first episode that can be played; specials (season 0) only where there is nothing else. */
export function firstEpisode(title: Pick<Title, "seasons">): Episode | undefined {
  const episodes = title.seasons.flatMap((season) => season.episodes).filter((episode) => episode.available);
  return episodes.find((episode) => episode.season !== 0) ?? episodes[0];
}

/** The season to show: the one asked for, else the one watched next, else the first that is no special. */
export function seasonToShow(
  seasons: readonly Season[],
  asked: string | undefined,
  next: number | null | undefined,
): Season | undefined {
  const by = (number: number | null | undefined): Season | undefined =>
    seasons.find((season) => season.season === number);
  const wished = asked !== undefined && /^\d{1,4}$/.test(asked) ? by(Number(asked)) : undefined;
  return wished ?? by(next) ?? seasons.find((season) => season.season !== 0) ?? seasons[0];
}

export function seasonName(season: number): string {
  return season === 0 ? "Specials" : `Season ${season}`;
}

/** The languages in which something of the title is heard, and those in which it is read; the film's own order, each once. */
export function tracksOf(title: Pick<Title, "media" | "seasons">): { audio: string[]; subtitles: string[] } {
  const media = [title.media, ...title.seasons.flatMap((season) => season.episodes.map((episode) => episode.media))];
  const tags = (of: "audio" | "subtitles"): string[] => [
    ...new Set(media.flatMap((each) => each?.[of] ?? []).map((track) => track.language)),
  ];
  return { audio: tags("audio"), subtitles: tags("subtitles") };
}

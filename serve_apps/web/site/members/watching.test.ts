import assert from "node:assert/strict";
import { test } from "node:test";

import type { Episode, Season } from "../lib/titles.ts";
import { firstEpisode, seasonName, seasonToShow, tracksOf } from "./watching.ts";

const track = (language: string) => ({ language, label: language });
const episode = (season: number, number: number, audio: string[] | null): Episode => ({
  playable_id: `t-s${season}e${number}`,
  season,
  episode: number,
  name: "",
  synopsis: "",
  published: true,
  available: audio !== null,
  duration_s: null,
  markers: null,
  still: [],
  media: audio && {
    version_id: "v",
    duration_s: 1,
    width: 1,
    height: 1,
    frame_rate: 25,
    renditions: [],
    thumbnails: false,
    audio: audio.map(track),
    subtitles: [track("fr")],
  },
});
const season = (number: number, ...episodes: Episode[]): Season => ({ season: number, episodes });
const seasons = [
  season(0, episode(0, 1, ["en"])),
  season(1, episode(1, 1, null), episode(1, 2, ["en", "de"])),
  season(2),
];

test("a series begins with its first episode that can be played, not with a special", () => {
  assert.equal(firstEpisode({ seasons })?.playable_id, "t-s1e2");
  assert.equal(firstEpisode({ seasons: seasons.slice(0, 1) })?.playable_id, "t-s0e1");
  assert.equal(firstEpisode({ seasons: [season(1, episode(1, 1, null))] }), undefined);
});

test("the season asked for is shown, else the one watched next, else the first", () => {
  assert.equal(seasonToShow(seasons, "2", 1)?.season, 2);
  assert.equal(seasonToShow(seasons, "0", 1)?.season, 0);
  for (const nonsense of ["7", "-1", "1e0", "", undefined]) assert.equal(seasonToShow(seasons, nonsense, 2)?.season, 2);
  assert.equal(seasonToShow(seasons, undefined, null)?.season, 1);
  assert.equal(seasonToShow([], undefined, 1), undefined);
});

test("season 0 is the specials", () => {
  assert.deepEqual([0, 3].map(seasonName), ["Specials", "Season 3"]);
});

test("languages are those of everything of the title, each once", () => {
  assert.deepEqual(tracksOf({ media: null, seasons }), { audio: ["en", "de"], subtitles: ["fr"] });
  assert.deepEqual(tracksOf({ media: null, seasons: [] }), { audio: [], subtitles: [] });
});

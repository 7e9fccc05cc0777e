import assert from "node:assert/strict";
import { test } from "node:test";

import { isVideo, named, subtitleOf } from "./naming.ts";

const film = (title: string, year: number | null): object => ({
  kind: "film",
  title,
  year,
  season: null,
  episode: null,
  name: null,
});

test("a film and its year", () => {
  assert.deepEqual(named("Salt Road (2024).mp4"), film("Salt Road", 2024));
  assert.deepEqual(named("Films/Salt.Road.2024.1080p.WEB-DL.x264.mkv"), film("Salt Road", 2024));
  assert.deepEqual(named("2001 A Space Odyssey (1968).mkv"), film("2001 A Space Odyssey", 1968));
  assert.deepEqual(named("1917.mkv"), film("1917", null));
  assert.deepEqual(named("demo.ogv"), film("demo", null));
});

test("an episode, by its name or by its folders", () => {
  assert.deepEqual(named("Orchard S01E03 The Wall.mkv"), {
    kind: "episode",
    title: "Orchard",
    year: null,
    season: 1,
    episode: 3,
    name: "The Wall",
  });
  assert.deepEqual(named("Orchard (2021)/Season 2/S02E10.mkv"), {
    kind: "episode",
    title: "Orchard",
    year: 2021,
    season: 2,
    episode: 10,
    name: null,
  });
  assert.equal(named("Kiln.2x04.mp4").season, 2);
});

test("every name gives a title, and never a wrong number", () => {
  for (const name of [
    "",
    ".mp4",
    "(2020).mp4",
    "____.mkv",
    "S01E01.mp4",
    "<b>x</b>.mp4",
    "日本 (1999).mkv",
    " - .mov",
    "1080p.mp4",
  ]) {
    const told = named(name);
    assert.ok(told.title.trim().length > 0 || name === "", name);
    assert.ok(told.season === null || Number.isInteger(told.season), name);
  }
});

test("subtitles belong to the film that they are named after", () => {
  assert.deepEqual(subtitleOf("Salt Road.de.srt", "Salt Road.mp4"), { language: "de" });
  assert.deepEqual(subtitleOf("Salt Road.vtt", "Salt Road.mp4"), { language: "und" });
  assert.equal(subtitleOf("Salt Roads.de.srt", "Salt Road.mp4"), null);
  assert.ok(isVideo("x.MKV") && !isVideo("x.srt"));
});

/** Keys and pointers to acts: what the table says, done. Knows where the focus is and whether the bar is open. */
import { signal, type Signal } from "@preact/signals";

import { nearest } from "../lib/focus.ts";
import { clock, language } from "../lib/format.ts";
import { me } from "../members/profile.ts";
import { listenToPointers } from "./gestures.ts";
import { actOf, clamped, SeekSum, speedAfter, type Act, type Focus } from "./keys.ts";
import type { Play } from "./play.ts";

const THIN_MS = 1100;
const FRAME_S = 1 / 25;
const BAR_PX = 104;
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

export interface Controls {
  /** Where a seek goes, while it does. */
  thin: Signal<{ text: string; percent: number } | null>;
  seekBy: (byS: number) => void;
  destroy: () => void;
}

interface Ways {
  leave: () => void;
  search: () => void;
}

export function control(root: HTMLElement, play: Play, ways: Ways): Controls {
  root.tabIndex = -1;
  const controller = root.querySelector<HTMLElement & { fullscreenElement: HTMLElement }>("media-controller")!;
  // As an attribute it would be looked up before it stands in the page: what is offered over the film would be left out.
  controller.fullscreenElement = root;
  const { film } = play;
  const { video } = film;
  const thin: Controls["thin"] = signal(null);
  let thinTimer: ReturnType<typeof setTimeout> | undefined;

  const showThin = (toS: number): void => {
    clearTimeout(thinTimer);
    const durationS = video.duration || play.told.peek()?.duration_s || 0;
    thin.value = {
      text: `${clock(toS)} / ${clock(durationS)}`,
      percent: durationS ? (100 * toS) / durationS : 0,
    };
    thinTimer = setTimeout(() => (thin.value = null), THIN_MS);
  };
  const sum = new SeekSum(
    (toS) => play.seek(toS),
    (toS) => toS !== null && showThin(toS),
  );
  const seekBy = (byS: number, held = false): void => sum.add(byS, video.currentTime, video.duration, held);
  const seekTo = (toS: number): void => {
    sum.forget();
    const to = clamped(toS, video.duration);
    play.seek(to);
    showThin(to);
  };
  const request = (name: string, detail?: unknown): void => {
    controller.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
  };
  const paused = (): boolean => video.paused;
  const barShows = (): boolean => !controller.hasAttribute("userinactive") || controller.hasAttribute("mediapaused");
  // The controller shows itself at a key-up in it, and hides when the mouse leaves it.
  const showBar = (): void => void controller.dispatchEvent(new KeyboardEvent("keyup"));
  const hideBar = (): void => void controller.dispatchEvent(new Event("mouseleave"));
  const openMenu = (): HTMLElement | null =>
    root.querySelector<HTMLElement>("media-settings-menu:not([hidden]), media-captions-menu:not([hidden])");

  /** Take the focus from what has it. Not by `blur`: after that of a part of a menu, Chromium sends keys to nobody. */
  const letGo = (): void => root.focus({ preventScroll: true });

  // --- acts

  const toggle = (): void => (paused() ? film.play() : video.pause());
  const fullscreen = (): void =>
    request(document.fullscreenElement ? "mediaexitfullscreenrequest" : "mediaenterfullscreenrequest");
  const tellRead = (read: ReturnType<typeof film.showNext>): void => {
    if (read === undefined) return play.say("There are no subtitles");
    play.keep({ subtitle_language: read?.language || "off" });
    play.say(read ? `Subtitles: ${nameOf(read)}` : "Subtitles off");
  };

  const act = (what: Act, repeated: boolean): void => {
    switch (what.do) {
      case "play":
        return toggle();
      case "seek":
        return seekBy(what.byS, repeated);
      case "seek-to":
        return seekTo(what.share * (video.duration || 0));
      case "volume": {
        const volume = Math.round(Math.min(1, Math.max(0, video.volume + what.by)) * 100) / 100;
        request("mediavolumerequest", volume);
        return play.say(`Volume ${Math.round(volume * 100)} %`);
      }
      case "mute":
        request(video.muted ? "mediaunmuterequest" : "mediamuterequest");
        return play.say(video.muted ? "Sound off" : "Sound on");
      case "fullscreen":
        return fullscreen();
      case "pip":
        return request(document.pictureInPictureElement ? "mediaexitpiprequest" : "mediaenterpiprequest");
      case "captions":
        return tellRead(
          film.toggleCaptions([...play.wishes().subtitles.filter((each) => each !== "off"), me.value?.language]),
        );
      case "next-subtitle":
        return tellRead(film.showNext());
      case "next-audio": {
        const heard = film.hearNext();
        if (!heard) return play.say("There is one language only");
        play.keep({ audio_language: heard.language || null });
        return play.say(`Audio: ${nameOf(heard)}`);
      }
      case "speed": {
        const speed = speedAfter(video.playbackRate, what.by);
        request("mediaplaybackraterequest", speed);
        return play.say(`Speed ${speed}×`);
      }
      case "frame":
        if (paused()) play.seek(clamped(video.currentTime + what.by * frameS(play), video.duration));
        return;
      case "skip":
        return play.skip();
      case "next":
        return play.next();
      case "previous":
        return play.previous();
      case "walk":
        return walk(what.to);
      case "confirm":
        return confirm();
      case "keys":
        play.asking.value = "keys";
        return;
      case "search":
        return ways.search();
      case "back":
        return back();
    }
  };

  /** OK on a remote control: what is offered, else the bar. */
  const confirm = (): void => {
    const offered = root.querySelector<HTMLElement>(".offers .btn");
    if (offered && !barShows()) return offered.click();
    showBar();
    root.querySelector<HTMLElement>("media-control-bar media-play-button")?.focus();
  };

  /** One layer less: the controls, full screen, the player. A menu closes itself. */
  const back = (): void => {
    const menu = openMenu();
    if (menu) {
      menu.hidden = true;
      return;
    }
    if (focusOf(root) !== "none" || (barShows() && !paused())) {
      letGo();
      hideBar();
    } else if (document.fullscreenElement) request("mediaexitfullscreenrequest");
    else ways.leave();
  };

  const walk = (to: readonly [number, number]): void => {
    const now = document.activeElement!;
    const all = [...root.querySelectorAll<HTMLElement>(WALKED)].filter(
      (each) => each !== now && each.checkVisibility({ opacityProperty: false, visibilityProperty: true }),
    );
    const boxes = all.map((each) => [each, each.getBoundingClientRect()] as const);
    const next = nearest(now.getBoundingClientRect(), boxes, to);
    showBar();
    if (next) (innerRange(next) ?? next).focus();
  };

  // --- listening

  const onKey = (event: KeyboardEvent): void => {
    const what = actOf(event, focusOf(root));
    if (play.refused.peek()) {
      // There is nothing to play: a page like any other, but for the way back.
      if (what !== null && what !== "swallow" && what.do === "back") ways.leave();
      return;
    }
    if (what === null) {
      if (focusOf(root) !== "none") showBar();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (what === "swallow") return;
    act(what, event.repeat || what.do === "seek");
  };
  const onUp = (): void => sum.released();
  /** A click leaves no focus behind, so that it takes no key away; a menu that it opens has it while it is open. */
  const onClick = (event: MouseEvent): void => {
    if (event.detail === 0) return;
    setTimeout(() => {
      if (!openMenu() && focusOf(root) !== "dialog") letGo();
    });
  };
  /** A menu takes the focus when it has moved in; where nothing moves, it must be told. One that closes leaves it nowhere. */
  const onToggle = (event: Event): void => {
    const menu = event.target as HTMLElement;
    if (!menu.matches?.("[role=menu]")) return;
    // What leads back out of it is one of its items to those who hear it.
    menu.shadowRoot?.querySelector("[part~=back]")?.setAttribute("role", "menuitem");
    setTimeout(() => {
      const nowhere = menu.contains(document.activeElement) || document.activeElement === document.body;
      // Another may have opened meanwhile: it would close if the focus went.
      if (menu.hidden && nowhere && !openMenu()) letGo();
      if (CALM.matches && !menu.hidden && !menu.contains(document.activeElement)) menu.focus();
    });
  };
  const onPointerUp = (): void => {
    const focus = focusOf(root);
    if (focus === "timeline" || focus === "volume") setTimeout(letGo);
  };
  const dress = (): void => {
    root.dataset["bar"] = barShows() ? "shown" : "hidden";
    film.liftCaptions(barShows(), BAR_PX);
  };
  const onInactive = (): void => {
    if (controller.hasAttribute("userinactive")) {
      if (openMenu()) return showBar();
      if (!paused() && ["control", "timeline", "volume"].includes(focusOf(root))) letGo();
    }
    dress();
  };
  const chosen = (event: Event): void => {
    // The menus say the same when the film changes by itself: a choice is made in an open menu.
    const menu = event.target as HTMLElement;
    if (menu.hidden || !menu.matches?.("[role=menu]")) return;
    const told = String((event as CustomEvent<unknown>).detail);
    if (event.type === "mediarenditionrequest") film.wishQuality(told);
    else if (event.type === "mediaaudiotrackrequest") {
      const track = [...video.audioTracks].find((each) => String(each.id) === told);
      if (track?.language) play.keep({ audio_language: track.language });
    } else {
      film.chooseSubtitles();
      play.keep({ subtitle_language: told === "off" ? "off" : told.split(":")[1] || "off" });
    }
  };

  const CHOICES = ["mediarenditionrequest", "mediaaudiotrackrequest", "mediashowsubtitlesrequest"];
  // Before anybody else: a click elsewhere, or a focused part of the page, takes no key away.
  addEventListener("keydown", onKey, true);
  addEventListener("keyup", onUp, true);
  // Menus keep their clicks to themselves: this sees them first.
  root.addEventListener("click", onClick, true);
  root.addEventListener("toggle", onToggle);
  addEventListener("pointerup", onPointerUp);
  controller.addEventListener("userinactivechange", onInactive);
  for (const each of CHOICES) controller.addEventListener(each, chosen);
  for (const each of ["play", "pause", "emptied"]) video.addEventListener(each, dress);
  const pointers = listenToPointers(controller, { toggle, fullscreen, seek: (side) => seekBy(side * 10) });
  const onFullscreen = (): void => void root.toggleAttribute("data-full", document.fullscreenElement !== null);
  document.addEventListener("fullscreenchange", onFullscreen);
  dress();

  return {
    thin,
    seekBy,
    destroy: () => {
      sum.forget();
      clearTimeout(thinTimer);
      removeEventListener("keydown", onKey, true);
      removeEventListener("keyup", onUp, true);
      root.removeEventListener("click", onClick, true);
      root.removeEventListener("toggle", onToggle);
      removeEventListener("pointerup", onPointerUp);
      controller.removeEventListener("userinactivechange", onInactive);
      for (const each of CHOICES) controller.removeEventListener(each, chosen);
      for (const each of ["play", "pause", "emptied"]) video.removeEventListener(each, dress);
      document.removeEventListener("fullscreenchange", onFullscreen);
      pointers();
      if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
    },
  };
}

/** What arrows walk over; the volume has keys of its own. */
const WALKED =
  ".above a, media-control-bar > :is(media-time-range, media-play-button, media-seek-backward-button, media-seek-forward-button, media-mute-button, media-chrome-button, media-captions-menu-button, media-settings-menu-button, media-pip-button, media-airplay-button, media-fullscreen-button), .offers .btn, .offers a";

function focusOf(root: HTMLElement): Focus {
  if (document.querySelector("dialog[open]")) return "dialog";
  const at = document.activeElement;
  if (!at || at === root || !root.contains(at) || at.matches("media-controller, h1, hls-video")) return "none";
  if (at.closest("[role=menu]")) return "menu";
  if (at.localName === "media-time-range") return "timeline";
  if (at.localName === "media-volume-range") return "volume";
  return at.matches("input, textarea, select") ? "typing" : "control";
}

function innerRange(element: HTMLElement): HTMLElement | null {
  return element.localName === "media-time-range" ? (element.shadowRoot?.querySelector("input") ?? null) : null;
}

function nameOf(track: { language: string; label: string }): string {
  return track.label || language(track.language || "und");
}

function frameS(play: Play): number {
  const media = play.episodes.peek().here?.media ?? play.title.peek()?.media;
  return media?.frame_rate ? 1 / media.frame_rate : FRAME_S;
}

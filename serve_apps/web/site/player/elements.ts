/**
 * The elements of the player's libraries, and that Preact may write them. Nothing outside player/ imports these libraries;
 * they come element by element, since all of them weigh more than a player may.
 */
import "hls-video-element";
import "media-chrome/media-airplay-button";
import "media-chrome/media-chrome-button";
import "media-chrome/media-control-bar";
import "media-chrome/media-controller";
import "media-chrome/media-fullscreen-button";
import "media-chrome/media-loading-indicator";
import "media-chrome/media-mute-button";
import "media-chrome/media-pip-button";
import "media-chrome/media-play-button";
import "media-chrome/media-preview-thumbnail";
import "media-chrome/media-preview-time-display";
import "media-chrome/media-time-display";
import "media-chrome/media-time-range";
import "media-chrome/media-volume-range";
import "media-chrome/menu/media-audio-track-menu";
import "media-chrome/menu/media-captions-menu";
import "media-chrome/menu/media-captions-menu-button";
import "media-chrome/menu/media-chrome-menu";
import "media-chrome/menu/media-chrome-menu-item";
import "media-chrome/menu/media-playback-rate-menu";
import "media-chrome/menu/media-rendition-menu";
import "media-chrome/menu/media-settings-menu";
import "media-chrome/menu/media-settings-menu-button";
import "media-chrome/menu/media-settings-menu-item";
import { addTranslation } from "media-chrome/dist/utils/i18n.js";

import type { ComponentChildren, HTMLAttributes, Ref } from "preact";

import { hint } from "./keys.ts";

// What is read aloud is what the tooltips show (WCAG 2.5.3).
addTranslation("en", {
  play: hint("Play", "play"),
  pause: hint("Pause", "play"),
  mute: hint("Sound off", "mute"),
  unmute: hint("Sound on", "mute"),
  "closed captions": hint("Subtitles", "captions"),
  settings: "Settings",
  "enter picture in picture mode": hint("Picture in picture", "pip"),
  "exit picture in picture mode": hint("Back into the page", "pip"),
  "enter fullscreen mode": hint("Full screen", "fullscreen"),
  "exit fullscreen mode": hint("Leave full screen", "fullscreen"),
});

type Known = Omit<HTMLAttributes<HTMLElement>, "ref" | "children">;

interface Part extends Known {
  children?: ComponentChildren;
  ref?: Ref<any>;
  slot?: string | undefined;
  [attribute: string]: unknown;
}

type Names =
  | "hls-video"
  | "media-controller"
  | "media-control-bar"
  | "media-loading-indicator"
  | "media-play-button"
  | "media-seek-backward-button"
  | "media-seek-forward-button"
  | "media-mute-button"
  | "media-volume-range"
  | "media-time-range"
  | "media-time-display"
  | "media-preview-thumbnail"
  | "media-preview-time-display"
  | "media-captions-menu"
  | "media-captions-menu-button"
  | "media-settings-menu"
  | "media-settings-menu-button"
  | "media-settings-menu-item"
  | "media-playback-rate-menu"
  | "media-rendition-menu"
  | "media-audio-track-menu"
  | "media-chrome-menu"
  | "media-chrome-menu-item"
  | "media-chrome-button"
  | "media-airplay-button"
  | "media-pip-button"
  | "media-fullscreen-button";

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements extends Record<Names, Part> {}
  }
}

/** The elements of the player's libraries, and that Preact may write them. Nothing outside player/ imports these libraries. */
import "hls-video-element";
import "media-chrome";
import "media-chrome/menu";

import type { ComponentChildren, HTMLAttributes, Ref } from "preact";

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

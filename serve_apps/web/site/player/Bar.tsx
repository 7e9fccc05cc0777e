/** The bar at the foot: the line to seek on, the buttons, the menus. Tooltips name the keys of the table. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { me } from "../members/profile.ts";
import { SIZES, STYLES, type CaptionSize, type CaptionStyle } from "./captions.ts";
import type { Controls } from "./control.ts";
import { hint } from "./keys.ts";
import type { Play } from "./play.ts";

/** A `media-chrome-button` shows what stands in it without a slot; only the named buttons (play, mute, …) know a slot for icons. */
export function Bar({ play, controls }: { play: Play; controls: Controls }): JSX.Element {
  const { previous, next } = play.episodes.value;
  return (
    <>
      <media-settings-menu anchor="auto" hidden>
        <media-settings-menu-item>
          Quality
          <media-rendition-menu slot="submenu" hidden>
            <div slot="title">Quality</div>
          </media-rendition-menu>
        </media-settings-menu-item>
        <media-settings-menu-item>
          Speed
          <media-playback-rate-menu slot="submenu" rates="0.5 0.75 1 1.25 1.5 1.75 2" hidden>
            <div slot="title">Speed</div>
          </media-playback-rate-menu>
        </media-settings-menu-item>
        <media-settings-menu-item class="audio">
          Audio
          <media-audio-track-menu slot="submenu" hidden>
            <div slot="title">Audio</div>
          </media-audio-track-menu>
        </media-settings-menu-item>
        <Choice
          label="Caption size"
          options={SIZES}
          value={me.value?.caption_size ?? "medium"}
          onChoice={(value) => play.keep({ caption_size: value as CaptionSize })}
        />
        <Choice
          label="Caption style"
          options={STYLES}
          value={me.value?.caption_style ?? "box"}
          onChoice={(value) => play.keep({ caption_style: value as CaptionStyle })}
        />
        <Choice
          label="Next episode"
          options={[
            { value: "on", label: "By itself" },
            { value: "off", label: "When I say" },
          ]}
          value={(me.value?.autoplay_next ?? true) ? "on" : "off"}
          onChoice={(value) => play.keep({ autoplay_next: value === "on" })}
        />
      </media-settings-menu>
      <media-captions-menu anchor="auto" hidden />
      <media-control-bar class="line">
        <media-time-range>
          <media-preview-thumbnail slot="preview" />
          <media-preview-time-display slot="preview" />
        </media-time-range>
      </media-control-bar>
      <media-control-bar class="buttons">
        <media-play-button>
          <span slot="tooltip-play">{hint("Play", "play")}</span>
          <span slot="tooltip-pause">{hint("Pause", "play")}</span>
        </media-play-button>
        <media-chrome-button class="by" aria-label="10 s back (j)" onClick={() => controls.seekBy(-10)}>
          <Turn back />
          <span slot="tooltip-content">10 s back (j)</span>
        </media-chrome-button>
        <media-chrome-button class="by" aria-label="10 s on (l)" onClick={() => controls.seekBy(10)}>
          <Turn />
          <span slot="tooltip-content">10 s on (l)</span>
        </media-chrome-button>
        <media-mute-button>
          <span slot="tooltip-mute">{hint("Sound off", "mute")}</span>
          <span slot="tooltip-unmute">{hint("Sound on", "mute")}</span>
        </media-mute-button>
        <media-volume-range />
        <media-time-display notoggle showduration />
        <span class="gap" />
        {previous && (
          <media-chrome-button
            class="previous"
            aria-label={hint("Previous episode", "previous")}
            onClick={() => play.previous()}
          >
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="M18 5v14L8 12ZM5 5h2v14H5Z" />
            </svg>
            <span slot="tooltip-content">{hint("Previous episode", "previous")}</span>
          </media-chrome-button>
        )}
        {(next ?? play.nextId.value) && (
          <media-chrome-button aria-label={hint("Next episode", "next")} onClick={() => play.next()}>
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="M6 5v14l10-7ZM17 5h2v14h-2Z" />
            </svg>
            <span slot="tooltip-content">{hint("Next episode", "next")}</span>
          </media-chrome-button>
        )}
        <media-captions-menu-button>
          <span slot="tooltip-content">{hint("Subtitles", "captions")}</span>
        </media-captions-menu-button>
        <media-settings-menu-button>
          <span slot="tooltip-content">Settings</span>
        </media-settings-menu-button>
        <media-chrome-button
          class="keys"
          aria-label={hint("Keys", "keys")}
          onClick={() => (play.asking.value = "keys")}
        >
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path
              fill-rule="evenodd"
              d="M4 5h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2Zm1 3v2h2V8Zm4 0v2h2V8Zm4 0v2h2V8Zm4 0v2h2V8ZM5 12v2h2v-2Zm4 0v4h6v-4Zm8 0v2h2v-2Z"
            />
          </svg>
          <span slot="tooltip-content">{hint("Keys", "keys")}</span>
        </media-chrome-button>
        <media-airplay-button />
        <media-pip-button>
          <span slot="tooltip-enter">{hint("Picture in picture", "pip")}</span>
          <span slot="tooltip-exit">{hint("Back into the page", "pip")}</span>
        </media-pip-button>
        <media-fullscreen-button>
          <span slot="tooltip-enter">{hint("Full screen", "fullscreen")}</span>
          <span slot="tooltip-exit">{hint("Leave full screen", "fullscreen")}</span>
        </media-fullscreen-button>
      </media-control-bar>
    </>
  );
}

/** One of a few, as a menu within the settings. */
function Choice({
  label,
  options,
  value,
  onChoice,
}: {
  label: string;
  options: readonly { value: string; label: string }[];
  value: string;
  onChoice: (value: string) => void;
}): JSX.Element {
  const menu = useRef<HTMLElement & { value: string }>(null);
  useEffect(() => {
    const at = menu.current!;
    // It says the same when it is set from here: a choice is made while it is open.
    const changed = (): void => {
      if (!at.hidden) onChoice(at.value);
    };
    at.addEventListener("change", changed);
    return () => at.removeEventListener("change", changed);
  }, []);
  return (
    <media-settings-menu-item>
      {label}
      <media-chrome-menu slot="submenu" ref={menu} hidden>
        <div slot="title">{label}</div>
        {options.map((option) => (
          <media-chrome-menu-item type="radio" value={option.value} checked={option.value === value} key={option.value}>
            {option.label}
          </media-chrome-menu-item>
        ))}
      </media-chrome-menu>
    </media-settings-menu-item>
  );
}

function Turn({ back = false }: { back?: boolean }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <g transform={back ? undefined : "matrix(-1 0 0 1 24 0)"}>
        <path d="M12 4V1L7 5.500 12 10V7a6 6 0 1 1-6 6H4a8 8 0 1 0 8-9Z" />
      </g>
      {/* Ten, drawn: letters would be a part of the button's name. */}
      <g fill="none" stroke="currentColor" stroke-width="1.300">
        <path d="m8.500 11.800 1.700-.900v5.600" />
        <ellipse cx="13.700" cy="13.700" rx="1.700" ry="2.300" />
      </g>
    </svg>
  );
}

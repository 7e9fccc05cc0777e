/** The player as one sees it: the picture, the bar, what is offered over it, and every key. */
import "./elements.ts";
import "./player.css";

import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { usePage } from "../lib/page.ts";
import { titlePath } from "../lib/titles.ts";
import { Icon } from "../ui/Icon.tsx";
import { Bar } from "./Bar.tsx";
import { control, type Controls } from "./control.ts";
import { hint } from "./keys.ts";
import { Asked, Offers } from "./Offers.tsx";
import { Play } from "./play.ts";
import { Refused } from "./Refused.tsx";
import { answerMediaKeys, showCard, showPlace, WakeLock } from "./system.ts";

export function Player({ playableId, atS }: { playableId: string; atS: number | undefined }): JSX.Element {
  const { route } = useLocation();
  const root = useRef<HTMLElement>(null);
  const [play, setPlay] = useState<Play | null>(null);
  const [controls, setControls] = useState<Controls | null>(null);
  const leaving = useRef(() => route("/"));

  useEffect(() => {
    const at = root.current!;
    const made = new Play(at.querySelector("hls-video")!, (id) => route(`/watch/${id}`, true));
    const keys = control(at, made, {
      leave: () => leaving.current(),
      search: () => route("/search"),
    });
    setPlay(made);
    setControls(keys);
    return () => {
      keys.destroy();
      made.close();
    };
  }, []);
  useEffect(() => {
    void play?.open(playableId, atS);
  }, [play, playableId]);

  const title = play?.title.value ?? null;
  const here = play?.episodes.value.here ?? null;
  const away = title ? titlePath(title) : "/";
  leaving.current = () => route(away);
  usePage(title ? (here ? `${here.name || title.name} · ${title.name}` : title.name) : undefined);
  useSystem(play, controls);

  const refused = play?.refused.value ?? null;
  const edge = play?.edge.value ?? null;
  const told = play?.told.value ?? null;
  const thin = controls?.thin.value ?? null;
  return (
    <main class="watch" id="watch" data-theme="dark" ref={root}>
      <media-controller
        nohotkeys
        gesturesdisabled
        nosubtitleslangpref
        autohide="3"
        tabindex={-1}
        inert={refused !== null}
      >
        <hls-video slot="media" crossorigin="anonymous" playsinline preload="auto">
          {told?.thumbnails_url && edge && (
            <track kind="metadata" label="thumbnails" src={`${edge}${told.path}/thumbnails.vtt`} default />
          )}
        </hls-video>
        <div class="above" slot="top-chrome">
          <a
            class="btn round"
            href={away}
            aria-label={title ? `Back to ${title.name}` : "Back"}
            title={hint("Back", "back")}
          >
            <Icon name="back" />
          </a>
          <div>
            {refused === null && <h1>{title?.name ?? <span class="unseen">Player</span>}</h1>}
            {here && (
              <p>
                S{here.season} E{here.episode}
                {here.name && ` · ${here.name}`}
              </p>
            )}
          </div>
        </div>
        <media-loading-indicator slot="centered-chrome" noautohide />
        <media-play-button slot="centered-chrome" class="big" notooltip />
        {play && controls && <Bar play={play} controls={controls} />}
      </media-controller>
      <div class="thin" aria-hidden="true" data-on={thin !== null || undefined}>
        <span>{thin?.text}</span>
        <i style={{ width: `${thin?.percent ?? 0}%` }} />
      </div>
      <p class="banner" role="status">
        {refused === null && play?.banner.value && <span>{play.banner.value}</span>}
      </p>
      <p class="note" role="status">
        {play?.note.value && <span>{play.note.value}</span>}
      </p>
      {play && refused === null && <Offers play={play} away={away} />}
      {play && <Asked play={play} onLeave={() => leaving.current()} />}
      {play && refused && <Refused problem={refused} play={play} />}
    </main>
  );
}

/** Media keys, the lock screen's card, a screen that stays on. */
function useSystem(play: Play | null, controls: Controls | null): void {
  const title = play?.title.value ?? null;
  const here = play?.episodes.value.here ?? null;
  const hasNext = (play?.nextId.value ?? null) !== null;
  const hasPrevious = (play?.episodes.value.previous ?? null) !== null;
  useEffect(() => {
    if (!play || !controls) return;
    return answerMediaKeys({
      play: () => play.film.play(),
      pause: () => play.film.video.pause(),
      seekBy: (byS) => controls.seekBy(byS),
      seekTo: (toS) => play.seek(toS),
      next: hasNext ? () => play.next() : null,
      previous: hasPrevious ? () => play.previous() : null,
    });
  }, [play, controls, hasNext, hasPrevious]);
  useEffect(() => {
    if (!title) return;
    const pictures = here?.still.length ? here.still : [...title.artwork.still, ...title.artwork.backdrop];
    showCard({ title: here?.name || title.name, series: here ? title.name : "", pictures });
  }, [title, here]);
  useEffect(() => {
    if (!play) return;
    const { video } = play.film;
    const lock = new WakeLock();
    const tell = (): void => {
      lock.want(!video.paused);
      showPlace(!video.paused, video.currentTime, video.duration, video.playbackRate);
    };
    const events = ["play", "playing", "pause", "seeked", "ratechange", "durationchange", "ended"];
    for (const event of events) video.addEventListener(event, tell);
    return () => {
      for (const event of events) video.removeEventListener(event, tell);
      lock.destroy();
    };
  }, [play]);
}

/** What the player offers and asks: to skip the intro, the next episode, the end; whether anybody is there; the keys. */
import type { JSX } from "preact";

import { Picture } from "../ui/Picture.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { KEYS } from "./keys.ts";
import { COUNTDOWN_S } from "./markers.ts";
import type { Play } from "./play.ts";

export function Offers({ play, away }: { play: Play; away: string }): JSX.Element | null {
  const offer = play.offer.value;
  const title = play.title.value;
  if (!offer || play.asking.value) return null;
  if (offer === "intro") {
    return (
      <div class="offers">
        <button class="btn go" type="button" onClick={() => play.skip()}>
          Skip intro
        </button>
      </div>
    );
  }
  if (offer === "end") {
    return (
      <section class="offers card" aria-label="The end">
        <h2>That was {title?.name ?? "it"}</h2>
        <div class="acts">
          <a class="btn go" href={away}>
            {title ? `Back to ${title.name}` : "Back"}
          </a>
          <button
            class="btn"
            type="button"
            onClick={() => {
              play.seek(0);
              play.film.play();
            }}
          >
            Watch again
          </button>
        </div>
      </section>
    );
  }
  const { next } = play.episodes.value;
  const left = play.countdown.value;
  return (
    <section class="offers card next" aria-label="Next episode">
      {next && title && (
        <Picture
          id={next.playable_id}
          name={next.name || title.name}
          still={next.still}
          artwork={title.artwork}
          sizes="200px"
          eager
        />
      )}
      <div>
        <h2>
          {left === null ? "Next episode" : "Next episode begins by itself"}
          {left !== null && <span class="num" aria-hidden="true">{` in ${left} s`}</span>}
        </h2>
        {next && (
          <p>
            S{next.season} E{next.episode}
            {next.name && ` · ${next.name}`}
          </p>
        )}
        <div class="acts">
          <button class="btn go" type="button" onClick={() => play.next()}>
            {left !== null && (
              <i class="fill" style={{ width: `${(100 * (COUNTDOWN_S - left)) / COUNTDOWN_S}%` }} aria-hidden="true" />
            )}
            <span>Play now</span>
          </button>
          {left !== null && (
            <button class="btn" type="button" onClick={() => play.decline()}>
              Watch the credits
            </button>
          )}
        </div>
      </div>
    </section>
  );
}

/** What wants an answer before it goes on. */
export function Asked({ play, onLeave }: { play: Play; onLeave: () => void }): JSX.Element | null {
  switch (play.asking.value) {
    case "still":
      return (
        <Dialog title="Still watching?" onClose={onLeave}>
          <p class="dim">Three episodes went by and nobody touched anything.</p>
          <div class="acts">
            <button class="btn go" type="button" onClick={() => play.stay()}>
              Keep watching
            </button>
            <button class="btn" type="button" onClick={onLeave}>
              That is all for now
            </button>
          </div>
        </Dialog>
      );
    case "stopped":
      return (
        <Dialog title="Playing stopped here" onClose={onLeave}>
          <p class="dim">It was stopped from another device, or goes on in another window. Your place is kept.</p>
          <div class="acts">
            <button class="btn go" type="button" onClick={() => play.resume()}>
              Resume here
            </button>
            <button class="btn" type="button" onClick={onLeave}>
              Leave
            </button>
          </div>
        </Dialog>
      );
    case "keys":
      return (
        <Dialog title="Keys" onClose={() => (play.asking.value = null)} wide>
          <dl class="sheet">
            {KEYS.map((key) => (
              <div key={key.shown.join()}>
                <dt>
                  {key.shown.map((each) => (
                    <kbd key={each}>{each}</kbd>
                  ))}
                </dt>
                <dd>{key.does}</dd>
              </div>
            ))}
          </dl>
          <div class="acts">
            <button class="btn" type="button" onClick={() => (play.asking.value = null)}>
              Close
            </button>
          </div>
        </Dialog>
      );
    default:
      return null;
  }
}

/** A film or a series: what it is, where one is in it, its episodes, and what is like it. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import type { components } from "../../api/playback.ts";
import { catalog, home, ok, playback } from "../../lib/api.ts";
import { count, duration, language, left } from "../../lib/format.ts";
import { useLoad } from "../../lib/load.ts";
import { usePage } from "../../lib/page.ts";
import { type Title, titlePath } from "../../lib/titles.ts";
import { Icon } from "../../ui/Icon.tsx";
import { Picture } from "../../ui/Picture.tsx";
import { Empty, Failed, Ghost, Stale } from "../../ui/States.tsx";
import { Episodes } from "../Episodes.tsx";
import { GhostHero, Hero } from "../Hero.tsx";
import { ListButton } from "../ListButton.tsx";
import { Rate } from "../Rate.tsx";
import { Row } from "../Row.tsx";
import { firstEpisode, tracksOf } from "../watching.ts";
import "./title-page.css";

type Next = components["schemas"]["NextToWatch"];

export default function TitlePage({ titleId }: { titleId: string }): JSX.Element {
  const { path, url, route } = useLocation();
  const loaded = useLoad(`title:${titleId}`, (signal) =>
    ok(catalog.GET("/{title_id}", { params: { path: { title_id: titleId } }, signal })),
  );
  const title = loaded.data;
  const missing = loaded.error?.slug === "title-not-found";
  usePage(title?.name ?? (missing ? "Not here" : undefined));
  useEffect(() => {
    // An address by the wrong kind still leads here; it is put right.
    const right = title && titlePath(title);
    if (right && right !== path) route(url.replace(path, right), true);
  }, [title?.title_id]);
  if (missing) {
    return (
      <div class="page">
        <Empty title="This title is not here" level={1}>
          <p>It was taken off, or is not meant for this profile.</p>
          <a class="btn" href="/">
            Go home
          </a>
        </Empty>
      </div>
    );
  }
  if (!title) {
    return loaded.error ? (
      <div class="page">
        <Failed
          problem={loaded.error}
          what="This title could not be loaded"
          kept="Your place in it is kept."
          onAgain={() => void loaded.reload()}
          level={1}
        />
      </div>
    ) : (
      <div class="title-page" aria-busy="true">
        <h1 class="unseen">Title</h1>
        {loaded.slow && <GhostHero />}
      </div>
    );
  }
  return (
    <div class="title-page" key={title.title_id}>
      <Shown title={title} stale={<Stale loaded={loaded} />} />
    </div>
  );
}

function Shown({ title, stale }: { title: Title; stale: JSX.Element }): JSX.Element {
  const id = title.title_id;
  const series = title.kind === "series";
  // Asked only where there is something to play: else it would be refused.
  const next = useLoad(title.available ? `title:${id}:next` : null, (signal) =>
    ok(playback.GET("/titles/{title_id}/next", { params: { path: { title_id: id } }, signal })),
  );
  const places = useLoad(series && title.available ? `title:${id}:places` : null, (signal) =>
    ok(playback.GET("/titles/{title_id}/places", { params: { path: { title_id: id } }, signal })),
  );
  const settled = !title.available || next.data !== undefined || next.error !== undefined;
  return (
    <>
      <Hero title={title} synopsis={title.synopsis} meta={<About title={title} />}>
        <div class="acts" data-row>
          <Play title={title} next={next.data} settled={settled} />
          <ListButton title={title} />
          <Rate title={title} />
        </div>
        <p class="left">
          {next.data?.reason === "resume" && next.data.duration_s !== null && (
            <>
              <span class="bar" aria-hidden="true">
                <i style={{ width: `${Math.min(100, (next.data.position_s / next.data.duration_s) * 100)}%` }} />
              </span>
              {left(next.data.position_s, next.data.duration_s)}
            </>
          )}
        </p>
      </Hero>
      <div class="rows">
        {stale}
        {series &&
          title.seasons.length > 0 &&
          (settled ? (
            <Episodes title={title} places={places.data?.items ?? []} next={next.data} />
          ) : (
            <div class="title-wait">
              <Ghost width={200} height={26} />
            </div>
          ))}
        {title.trailers.length > 0 && <Trailers title={title} />}
        <Facts title={title} />
        <Similar titleId={id} />
      </div>
    </>
  );
}

function About({ title }: { title: Title }): JSX.Element {
  const regular = title.seasons.filter((season) => season.season !== 0).length;
  const browse = title.kind === "series" ? "/series" : "/films";
  return (
    <>
      {regular > 0 && <span>{count(regular, "season")}</span>}
      {title.genres.length > 0 && (
        <span class="title-genres">
          {title.genres.map((genre) => (
            <a key={genre} href={`${browse}?genre=${encodeURIComponent(genre)}`}>
              {genre}
            </a>
          ))}
        </span>
      )}
      {!title.published && <span class="tag">Not published</span>}
    </>
  );
}

const WORDS: Record<Next["reason"], string> = { start: "Play", resume: "Resume", next: "Play", again: "Watch again" };

/** The button to watch. A film's address is known at once; of a series, once it is known which episode comes. */
function Play({ title, next, settled }: { title: Title; next: Next | undefined; settled: boolean }): JSX.Element {
  if (!title.available) {
    return (
      <span class="title-coming">
        <span class="tag">Coming</span> Not ready to watch yet
      </span>
    );
  }
  const first = firstEpisode(title);
  const playable = next?.playable_id ?? title.playable_id ?? (settled ? first?.playable_id : undefined);
  const [season, episode] = next ? [next.season, next.episode] : [first?.season, first?.episode];
  const which = season != null && episode != null && settled ? ` S${season} E${episode}` : "";
  if (playable === undefined) {
    return (
      <span class="btn go" aria-disabled="true">
        <Icon name="play" />
        Play
      </span>
    );
  }
  return (
    <a class="btn go" href={`/watch/${playable}`}>
      <Icon name="play" />
      {WORDS[next?.reason ?? "start"]}
      {which}
    </a>
  );
}

function Trailers({ title }: { title: Title }): JSX.Element {
  const ready = title.trailers.filter((trailer) => trailer.available);
  if (ready.length === 0) return <></>;
  return (
    <Row label={ready.length === 1 ? "Trailer" : "Trailers"} items={[]}>
      <ul class="reel still" data-row>
        {ready.map((trailer) => (
          <li key={trailer.playable_id}>
            <a class="card" href={`/watch/${trailer.playable_id}`}>
              <Picture id={trailer.playable_id} name={trailer.name} still={trailer.still} artwork={title.artwork} />
              <span class="cap">{trailer.name}</span>
              {trailer.duration_s !== null && <span class="sub">{duration(trailer.duration_s)}</span>}
            </a>
          </li>
        ))}
      </ul>
    </Row>
  );
}

function Facts({ title }: { title: Title }): JSX.Element {
  const { audio, subtitles } = tracksOf(title);
  return (
    <section class="title-facts" aria-labelledby="title-facts">
      <h2 id="title-facts">About {title.name}</h2>
      <dl>
        {title.cast.length > 0 && (
          <div class="wide">
            <dt>Cast</dt>
            <dd>
              <ul class="title-cast">
                {title.cast.map((member, index) => (
                  <li key={index}>
                    <a href={`/search?q=${encodeURIComponent(member.name)}`}>{member.name}</a>
                    {member.role && <span class="dim">{member.role}</span>}
                  </li>
                ))}
              </ul>
            </dd>
          </div>
        )}
        {audio.length > 0 && (
          <div>
            <dt>Sound</dt>
            <dd>{audio.map(language).join(", ")}</dd>
          </div>
        )}
        {title.available && (
          <div>
            <dt>Subtitles</dt>
            <dd>{subtitles.length > 0 ? subtitles.map(language).join(", ") : "None"}</dd>
          </div>
        )}
        <div>
          <dt>For whom</dt>
          <dd>{title.maturity > 0 ? `From ${title.maturity} years` : "Everyone"}</dd>
        </div>
      </dl>
    </section>
  );
}

function Similar({ titleId }: { titleId: string }): JSX.Element | null {
  const loaded = useLoad(`title:${titleId}:similar`, (signal) =>
    ok(home.GET("/similar/{title_id}", { params: { path: { title_id: titleId }, query: { limit: 20 } }, signal })),
  );
  const items = loaded.data?.items;
  if (items?.length === 0) return null;
  if (!items && !loaded.error) return null;
  return (
    <Row label="More like this" items={(items ?? []).map((title) => ({ title }))}>
      {!items && (
        <div class="title-failed" role="alert">
          <p>What is like it could not be loaded.</p>
          <button class="btn s" type="button" onClick={() => void loaded.reload()}>
            Try again
          </button>
        </div>
      )}
    </Row>
  );
}

/** The episodes of a series, one season at a time: which season stands in the address. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";

import type { components } from "../api/playback.ts";
import { duration, left } from "../lib/format.ts";
import { type Episode, type Title, titlePath } from "../lib/titles.ts";
import { Icon } from "../ui/Icon.tsx";
import { Picture } from "../ui/Picture.tsx";
import { Pills } from "./Grid.tsx";
import { seasonName, seasonToShow } from "./watching.ts";

type Place = components["schemas"]["Place"];
type Next = components["schemas"]["NextToWatch"];

export function Episodes({
  title,
  places,
  next,
}: {
  title: Title;
  places: Place[];
  next: Next | undefined;
}): JSX.Element | null {
  const { query } = useLocation();
  const shown = seasonToShow(title.seasons, query["season"], next?.season);
  if (!shown) return null;
  return (
    <section class="title-episodes" aria-labelledby="title-episodes">
      <h2 id="title-episodes">
        Episodes
        {title.seasons.length === 1 && <span class="dim"> {seasonName(shown.season).toLowerCase()}</span>}
      </h2>
      {title.seasons.length > 1 && (
        <Pills
          label="Season"
          options={title.seasons.map(({ season }) => ({
            href: `${titlePath(title)}?season=${season}`,
            label: seasonName(season),
            chosen: season === shown.season,
          }))}
        />
      )}
      <ol data-row>
        {shown.episodes.map((episode) => (
          <li key={episode.playable_id}>
            <EpisodeCard
              episode={episode}
              title={title}
              place={places.find((place) => place.playable_id === episode.playable_id)}
              isNext={next?.playable_id === episode.playable_id && next.reason !== "start"}
            />
          </li>
        ))}
      </ol>
    </section>
  );
}

function EpisodeCard({
  episode,
  title,
  place,
  isNext,
}: {
  episode: Episode;
  title: Title;
  place: Place | undefined;
  isNext: boolean;
}): JSX.Element {
  const length = place?.duration_s ?? episode.duration_s;
  const begun = place && !place.finished && place.position_s > 0 && length ? place.position_s / length : null;
  const inside = (
    <>
      <Picture
        id={episode.playable_id}
        name={episode.name}
        still={episode.still}
        artwork={title.artwork}
        sizes="(max-width: 760px) 40vw, 260px"
      >
        {isNext && <span class="tag">Up next</span>}
        {(begun !== null || place?.finished) && (
          <span class="bar" aria-hidden="true">
            <i style={{ width: `${Math.min(100, (begun ?? 1) * 100)}%` }} />
          </span>
        )}
      </Picture>
      <span class="title-episode-words">
        <span class="title-episode-name">
          <span class="num dim">{episode.episode}.</span> {episode.name}
        </span>
        <span class="meta">
          {length != null && <span>{begun !== null ? left(place!.position_s, length) : duration(length)}</span>}
          {place?.finished && (
            <span class="title-watched">
              <Icon name="check" />
              Watched
            </span>
          )}
          {!episode.published && <span class="tag">Not published</span>}
          {!episode.available && <span>Not ready yet</span>}
        </span>
        {episode.synopsis && <span class="title-episode-synopsis dim">{episode.synopsis}</span>}
      </span>
    </>
  );
  return episode.available ? (
    <a class="title-episode card" href={`/watch/${episode.playable_id}`}>
      {inside}
    </a>
  ) : (
    <div class="title-episode">{inside}</div>
  );
}

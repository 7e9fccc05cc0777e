/** Home: one title large, then rows: what was begun, the list, what is new, what fits. It comes with the first bundle. */
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";

import type { components } from "../../api/recommendations.ts";
import { home, ok, playback } from "../../lib/api.ts";
import { left } from "../../lib/format.ts";
import { outdate, put, useLoad } from "../../lib/load.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem } from "../../lib/problem.ts";
import { operator } from "../../lib/session.ts";
import { follow, newId, saw, type Shown } from "../../lib/telemetry.ts";
import { titlePath, type TitleCard } from "../../lib/titles.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { Icon } from "../../ui/Icon.tsx";
import { Empty, Failed, Stale } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { type CardItem, TakeOff } from "../Card.tsx";
import { Impressions } from "../impressions.ts";
import { GenresAndLanguages, GhostHero, Hero } from "../Hero.tsx";
import { ListButton } from "../ListButton.tsx";
import { me } from "../profile.ts";
import { GhostRow, Row } from "../Row.tsx";
import { LEAST, Tastes } from "../Tastes.tsx";
import "./home.css";

type HomeRows = components["schemas"]["Home"];
type HomeRow = components["schemas"]["HomeRow"];
type HomeItem = components["schemas"]["HomeItem"];

const KEY = "home";
const EVERYTHING: Partial<Record<HomeRow["kind"], { href: string; label: string }>> = {
  list: { href: "/list", label: "All of my list" },
  new: { href: "/films", label: "All films" },
};

export function Home(): JSX.Element {
  usePage("Home");
  const loaded = useLoad(KEY, (signal) => ok(home.GET("/", { signal })));
  const [off, setOff] = useState<CardItem | null>(null);
  const { data } = loaded;
  const page = useShowing();
  if (!data) {
    if (loaded.error) {
      return (
        <div class="page">
          <Failed
            problem={loaded.error}
            what="Home could not be loaded"
            kept="Your list and your places are kept."
            onAgain={() => void loaded.reload()}
            level={1}
          />
        </div>
      );
    }
    return <Coming slow={loaded.slow} />;
  }
  const rows = data.rows.filter((row) => row.failed || row.items.length > 0);
  const fresh = rows.some((row) => row.kind === "continue" || row.kind === "list") ? [] : titlesOf(rows);
  if (!data.hero && rows.length === 0) return <Nothing onAgain={() => void loaded.reload()} />;
  return (
    <div class={data.hero ? "home-page" : "home-page page bare"}>
      {data.hero ? <Front item={data.hero} /> : <h1 class="unseen">Home</h1>}
      <div class="rows">
        {loaded.error && (
          <div class="home-stale">
            <Stale loaded={loaded} />
          </div>
        )}
        {fresh.length >= LEAST && <Tastes titles={fresh} onPicked={() => void loaded.reload()} />}
        {rows.map((row, index) => (
          <Shelf
            key={row.row_id}
            row={row}
            at={index}
            page={page}
            eager={index < 2}
            onAgain={() => void loaded.reload()}
            onOff={setOff}
          />
        ))}
      </div>
      {off && <Off item={off} shown={data} onClose={() => setOff(null)} />}
    </div>
  );
}

/** The titles of some rows, each once. */
function titlesOf(rows: HomeRow[]): TitleCard[] {
  const items = rows.flatMap((row) => row.items);
  return [...new Map(items.map((item) => [item.title.title_id, item.title])).values()];
}

function Front({ item }: { item: HomeItem }): JSX.Element {
  const { title } = item;
  const begun = !!item.position_s && item.duration_s != null;
  return (
    <Hero
      title={title}
      eyebrow={item.reason ?? (me.value ? `Picked for ${me.value.name}` : "Picked for you")}
      synopsis={item.synopsis}
      meta={<GenresAndLanguages title={title} />}
    >
      <div class="acts" data-row>
        {item.playable_id && (
          <a class="btn go" href={`/watch/${item.playable_id}`}>
            <Icon name="play" />
            {begun ? "Resume" : "Play"}
            {item.label && ` ${item.label}`}
          </a>
        )}
        <a class="btn" href={titlePath(title)}>
          About this {title.kind}
        </a>
        <ListButton title={title} />
      </div>
      {begun && (
        <p class="left">
          <span class="bar" aria-hidden="true">
            <i style={{ width: `${Math.min(100, (item.position_s! / item.duration_s!) * 100)}%` }} />
          </span>
          {left(item.position_s!, item.duration_s!)}
        </p>
      )}
    </Hero>
  );
}

/** One showing of the page: an id, and what of it was in sight. */
interface Showing {
  id: string;
  impressions: Impressions<Shown>;
}

function useShowing(): Showing {
  const page = useMemo(
    () => ({ id: newId(), impressions: new Impressions<Shown>(saw, (card) => `${card.row_id} ${card.title_id}`) }),
    [],
  );
  useEffect(() => () => page.impressions.close(), [page]);
  return page;
}

function Shelf({
  row,
  at,
  page,
  eager,
  onAgain,
  onOff,
}: {
  row: HomeRow;
  at: number;
  page: Showing;
  eager: boolean;
  onAgain: () => void;
  onOff: (item: CardItem) => void;
}): JSX.Element {
  const all = EVERYTHING[row.kind];
  const begun = row.kind === "continue";
  const items = useMemo(() => row.items.map((item) => card(item, begun)), [row]);
  const onCard = useCallback(
    (element: Element, position: number) => {
      const item = row.items[position];
      if (!item) return () => undefined;
      const place = { page_id: page.id, row_id: row.row_id, row_position: at, position };
      const chosen = { title_id: item.title.title_id, propensity: item.propensity, model_version: row.model_version };
      const shown = { ...place, ...chosen };
      const followed = (): void => follow(shown);
      element.addEventListener("click", followed);
      const unwatch = page.impressions.watch(element, shown);
      return () => {
        element.removeEventListener("click", followed);
        unwatch();
      };
    },
    [row, at, page],
  );
  if (row.failed) {
    return (
      <Row label={row.label} items={[]}>
        <div class="home-failed" role="alert">
          <p>This row did not come. The others are complete.</p>
          <button class="btn s" type="button" onClick={onAgain}>
            Try again
          </button>
        </div>
      </Row>
    );
  }
  return (
    <Row
      label={row.label}
      items={items}
      onCard={onCard}
      shape={row.kind === "new" ? "poster" : "still"}
      eager={eager}
      {...(all ? { all } : {})}
      {...(begun
        ? {
            aside: (item: CardItem) => (
              <TakeOff label={`Take ${item.title.name} off this row`} onClick={() => onOff(item)} />
            ),
          }
        : {})}
    />
  );
}

function card(item: HomeItem, begun: boolean): CardItem {
  return {
    title: item.title,
    label: item.label,
    positionS: item.position_s,
    durationS: item.duration_s,
    ...(begun && item.playable_id ? { href: `/watch/${item.playable_id}` } : {}),
  };
}

function Off({ item, shown, onClose }: { item: CardItem; shown: HomeRows; onClose: () => void }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const take = async (): Promise<void> => {
    setBusy(true);
    try {
      await forget(item.title.title_id);
      const rows = shown.rows.map((row) =>
        row.kind === "continue"
          ? { ...row, items: row.items.filter((other) => other.title.title_id !== item.title.title_id) }
          : row,
      );
      put<HomeRows>(KEY, { ...shown, rows });
      outdate("continue", "title:");
      toast(`${item.title.name} is off this row.`);
    } catch (thrown) {
      const problem = asProblem(thrown);
      toast(`${item.title.name} is still here. ${problem.detail || problem.title}`);
    }
    onClose();
  };
  return (
    <Confirm
      title={`Take ${item.title.name} off?`}
      act="Take it off"
      busy={busy}
      onAct={() => void take()}
      onClose={onClose}
    >
      <p>Your place in it is forgotten. The title itself stays, and starts from the beginning next time.</p>
    </Confirm>
  );
}

/** Of a series more than one episode may be half-way: the next of them would come back in its stead. What was finished stays so. */
async function forget(titleId: string): Promise<void> {
  const { items } = await ok(playback.GET("/titles/{title_id}/places", { params: { path: { title_id: titleId } } }));
  for (const place of items) {
    if (place.finished) continue;
    await ok(playback.DELETE("/history/{playable_id}", { params: { path: { playable_id: place.playable_id } } }));
  }
}

function Nothing({ onAgain }: { onAgain: () => void }): JSX.Element {
  return (
    <div class="page">
      <Empty title="Nothing is on yet" level={1}>
        <p>Films and series appear here as soon as there are some.</p>
        {operator.value ? (
          <a class="btn go" href="/console/ingest" target="_self">
            Add the first film
          </a>
        ) : (
          <button class="btn" type="button" onClick={onAgain}>
            Look again
          </button>
        )}
      </Empty>
    </div>
  );
}

/** Nothing yet: the heading is there for those who listen, the shapes only if it takes long. */
function Coming({ slow }: { slow: boolean }): JSX.Element {
  return (
    <div class="home-page" aria-busy="true">
      <h1 class="unseen">Home</h1>
      {slow && (
        <>
          <GhostHero />
          <div class="rows">
            <GhostRow />
            <GhostRow shape="poster" />
          </div>
        </>
      )}
    </div>
  );
}

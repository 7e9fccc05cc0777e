/** The profile's list: what was put on it, the latest first. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { catalog, ok } from "../../lib/api.ts";
import { count } from "../../lib/format.ts";
import { type Loaded, put, shown, useLoad } from "../../lib/load.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem } from "../../lib/problem.ts";
import type { TitleCard } from "../../lib/titles.ts";
import { Empty, Failed, Stale } from "../../ui/States.tsx";
import { TakeOff } from "../Card.tsx";
import { GhostGrid, Grid, More } from "../Grid.tsx";
import { setOnList, useMyList } from "../lists.ts";

const PAGE = 24;
const AT_ONCE = 6;
/** The cards of all that was on the list while this page was open. */
const KNOWN = "list:known";

/** By title; null: it is gone, or not for this profile any more. */
type Cards = ReadonlyMap<string, TitleCard | null>;

export default function MyList(): JSX.Element {
  usePage("My list");
  const list = useMyList();
  const [upTo, setUpTo] = useState(PAGE);
  const ids = list.data && [...list.data.keys()];
  const wanted = ids?.slice(0, upTo) ?? [];
  const cards = useCards(wanted);
  const known = cards.data;
  const missing = wanted.filter((id) => !known?.has(id));
  const here = wanted.flatMap((id) => known?.get(id) ?? []);
  const gone = wanted.filter((id) => known?.get(id) === null).length;
  const error = list.error ?? cards.error;
  const again = (): void => void (list.error ? list.reload() : cards.reload());
  return (
    <div class="page list-page">
      <div class="page-head">
        <h1>My list</h1>
        {ids && ids.length > 0 && <p role="status">{count(ids.length, "title")}</p>}
      </div>
      <Stale loaded={list} />
      {ids?.length === 0 ? (
        <Empty title="Nothing on it yet">
          <p>Put a film or a series on your list with its plus, and it waits for you here.</p>
          <a class="btn go" href="/films">
            Look at the films
          </a>
        </Empty>
      ) : here.length > 0 ? (
        <>
          <Grid
            items={here.map((title) => ({ title }))}
            aside={({ title }) => (
              <TakeOff
                label={`Take ${title.name} off my list`}
                onClick={() => {
                  stay(title.title_id);
                  void setOnList(title, false);
                }}
              />
            )}
          />
          {(upTo < (ids?.length ?? 0) || missing.length > 0) && (
            <More
              pending={cards.pending || missing.length > 0}
              problem={missing.length > 0 ? (cards.error ?? null) : null}
              onMore={() => (cards.error ? void cards.reload() : setUpTo(upTo + PAGE))}
            />
          )}
        </>
      ) : error ? (
        <Failed problem={error} what="Your list could not be loaded" kept="Everything on it is kept." onAgain={again} />
      ) : (
        missing.length + Number(!ids) > 0 && (list.slow || cards.slow) && <GhostGrid />
      )}
      {gone > 0 && (
        <p class="dim list-gone">
          {count(gone, "title")} of your list {gone === 1 ? "is" : "are"} not here at the moment.
        </p>
      )}
    </div>
  );
}

/** The cards of these titles; each is asked for once, a few at a time. */
function useCards(ids: string[]): Loaded<Cards> {
  const cards = useLoad<Cards>(ids.length ? `list:cards:${ids.join(" ")}` : null, async (signal) => {
    const known = new Map(shown<Cards>(KNOWN));
    const missing = ids.filter((id) => !known.get(id));
    const some = async (): Promise<void> => {
      for (let id = missing.shift(); id !== undefined; id = missing.shift()) known.set(id, await card(id, signal));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, some));
    put<Cards>(KNOWN, known);
    return known;
  });
  return { ...cards, data: cards.data ?? shown<Cards>(KNOWN) };
}

async function card(titleId: string, signal: AbortSignal): Promise<TitleCard | null> {
  try {
    return await ok(catalog.GET("/{title_id}", { params: { path: { title_id: titleId } }, signal }));
  } catch (thrown) {
    if (asProblem(thrown).slug === "title-not-found") return null;
    throw thrown;
  }
}

/** Keep the focus near a card that goes: on the next one's cross, the one before it, or the heading. */
function stay(titleId: string): void {
  const item = document.querySelector(`.list-page [data-title="${CSS.escape(titleId)}"]`)?.closest("li");
  const near = item?.nextElementSibling ?? item?.previousElementSibling;
  const to = near?.querySelector<HTMLElement>(".take-off") ?? document.querySelector<HTMLElement>("main h1");
  if (!near && to) to.tabIndex = -1;
  to?.focus({ preventScroll: true });
}

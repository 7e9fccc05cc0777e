/** Search as one types: titles, people, what to narrow it by, and names to try where nothing was found. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { components } from "../../api/search.ts";
import { catalog, ok, search } from "../../lib/api.ts";
import { count } from "../../lib/format.ts";
import { useLoad } from "../../lib/load.ts";
import { usePage } from "../../lib/page.ts";
import { Icon } from "../../ui/Icon.tsx";
import { Empty, Failed, Stale } from "../../ui/States.tsx";
import type { CardItem } from "../Card.tsx";
import { GhostGrid, Grid, Pills } from "../Grid.tsx";
import { forgetSearches, recentSearches, rememberSearch } from "../searches.ts";
import "./search.css";

type Found = components["schemas"]["Found"];
type Hit = components["schemas"]["Hit"];
type Kind = "film" | "series";

const KINDS: Record<Kind, string> = { film: "Films", series: "Series" };
const LONGEST = 100;
const PAUSE_MS = 150;

export default function Search(): JSX.Element {
  const { query } = useLocation();
  const q = (query["q"] ?? "").trim().slice(0, LONGEST);
  const kind = query["kind"] === "film" || query["kind"] === "series" ? query["kind"] : undefined;
  const genre = query["genre"]?.trim().slice(0, 40) || undefined;
  usePage(q ? `Search: ${q}` : "Search");
  const loaded = useLoad<Found>(q ? `search:${JSON.stringify([q, kind, genre])}` : null, (signal) =>
    ok(
      search.GET("/", {
        params: { query: { q, limit: 60, ...(kind ? { kind } : {}), ...(genre ? { genre } : {}) } },
        signal,
      }),
    ),
  );
  const before = useRef<Found | undefined>(undefined);
  if (!q) before.current = undefined;
  else if (loaded.data) before.current = loaded.data;
  // What was found before stays until the new answer is there; a failure takes its place.
  const found = loaded.data ?? (loaded.error ? undefined : before.current);
  return (
    <div class="page search-page">
      <h1 class={q ? undefined : "unseen"}>{q ? `“${q}”` : "Search"}</h1>
      <Input q={q} />
      <p class="unseen" role="status">
        {q && loaded.data ? count(loaded.data.items.length, "title") : ""}
      </p>
      <Stale loaded={loaded} />
      {!q ? (
        <Start />
      ) : found ? (
        <Results found={found} q={q} kind={kind} genre={genre} busy={found !== loaded.data} />
      ) : loaded.error ? (
        <Failed problem={loaded.error} what="The search did not work" onAgain={() => void loaded.reload()} />
      ) : (
        loaded.slow && <GhostGrid />
      )}
    </div>
  );
}

function hrefOf(q: string, kind?: string, genre?: string): string {
  const query = new URLSearchParams({ q, ...(kind ? { kind } : {}), ...(genre ? { genre } : {}) });
  return `/search?${query}`;
}

function Results({
  found,
  q,
  kind,
  genre,
  busy,
}: {
  found: Found;
  q: string;
  kind: Kind | undefined;
  genre: string | undefined;
  busy: boolean;
}): JSX.Element {
  const { kinds, genres } = found.facets;
  const narrowed = kind !== undefined || genre !== undefined;
  if (found.items.length === 0 && found.people.length === 0) {
    return <Nothing q={q} near={found.near} narrowed={narrowed} />;
  }
  return (
    <div onClick={(event) => (event.target as Element).closest("a.card") && rememberSearch(q)}>
      <div class="filters">
        {(kinds.length > 1 || kind) && (
          <Pills
            label="Kind"
            options={[
              { href: hrefOf(q, undefined, genre), label: "All", chosen: !kind },
              ...kinds.map((facet) => ({
                href: hrefOf(q, facet.kind, genre),
                label: KINDS[facet.kind],
                note: facet.titles,
                chosen: facet.kind === kind,
              })),
            ]}
          />
        )}
        {(genres.length > 1 || genre) && (
          <Pills
            label="Genre"
            options={[
              { href: hrefOf(q, kind), label: "Any", chosen: !genre },
              ...genres.map((facet) => ({
                href: hrefOf(q, kind, facet.genre),
                label: facet.genre,
                note: facet.titles,
                chosen: facet.genre.toLowerCase() === genre?.toLowerCase(),
              })),
            ]}
          />
        )}
        {found.people.length > 0 && (
          <Pills
            label="People"
            options={found.people.map((person) => ({
              href: hrefOf(person.name),
              label: person.name,
              note: person.titles,
              chosen: person.name.toLowerCase() === q.toLowerCase(),
            }))}
          />
        )}
      </div>
      {found.items.length > 0 ? (
        <Grid items={found.items.map(card)} busy={busy} />
      ) : (
        <Nothing q={q} near={found.near} narrowed={narrowed} />
      )}
    </div>
  );
}

function card({ title, matched, person }: Hit): CardItem {
  return { title, label: matched === "person" && person ? `With ${person}` : null };
}

function Nothing({ q, near, narrowed }: { q: string; near: string[]; narrowed: boolean }): JSX.Element {
  return (
    <Empty title={`Nothing found for “${q}”`}>
      {near.length > 0 && (
        <>
          <p>Did you mean one of these?</p>
          <ul class="search-near" data-row>
            {near.map((name) => (
              <li key={name}>
                <a class="btn" href={hrefOf(name)}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
      {near.length === 0 && <p>Try fewer letters, or another spelling.</p>}
      {narrowed ? (
        <a class="link" href={hrefOf(q)}>
          Search in everything
        </a>
      ) : (
        near.length === 0 && (
          <a class="btn" href="/films">
            Look at the films
          </a>
        )
      )}
    </Empty>
  );
}

/** Before a word is typed: what was looked for lately, and the genres. */
function Start(): JSX.Element {
  const [recent, setRecent] = useState(recentSearches);
  const genres = useLoad("titles:genres", (signal) => ok(catalog.GET("/genres", { signal })));
  return (
    <>
      <p class="search-start">Look for a title, a person or a genre.</p>
      {recent.length > 0 && (
        <section class="search-part" aria-labelledby="search-recent">
          <h2 id="search-recent">Lately</h2>
          <ul class="search-list" data-row>
            {recent.map((words) => (
              <li key={words}>
                <a href={hrefOf(words)}>{words}</a>
              </li>
            ))}
          </ul>
          <button
            class="link"
            type="button"
            onClick={() => {
              forgetSearches();
              setRecent([]);
              document.querySelector<HTMLElement>("main h1")?.focus();
            }}
          >
            Forget these
          </button>
        </section>
      )}
      {genres.data && genres.data.items.length > 0 && (
        <section class="search-part" aria-labelledby="search-genres">
          <h2 id="search-genres">Genres</h2>
          <ul class="search-near" data-row>
            {genres.data.items.map((item) => (
              <li key={item.genre}>
                <a class="btn" href={hrefOf(item.genre)}>
                  {item.genre}
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** The page's own input, on a phone: there the bar has no room for one. */
function Input({ q }: { q: string }): JSX.Element {
  const { route } = useLocation();
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [text, setText] = useState(q);
  useEffect(() => {
    if (document.activeElement !== input.current) setText(q);
  }, [q]);
  useEffect(() => {
    if (!q && input.current?.checkVisibility()) input.current.focus();
    return () => clearTimeout(timer.current);
  }, []);
  const go = (value: string): void => route(value.trim() ? hrefOf(value) : "/search", true);
  return (
    <form
      class="search-own"
      role="search"
      aria-label="On this page"
      onSubmit={(event) => {
        event.preventDefault();
        clearTimeout(timer.current);
        go(text);
        input.current?.blur();
      }}
    >
      <label>
        <Icon name="search" />
        <span class="unseen">Search</span>
        <input
          ref={input}
          type="search"
          value={text}
          placeholder="Titles, people, genres"
          autocomplete="off"
          maxLength={LONGEST}
          onInput={(event) => {
            const value = event.currentTarget.value;
            setText(value);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => go(value), PAUSE_MS);
          }}
        />
      </label>
    </form>
  );
}

/** All films, or all series: by genre, language and order, which stand in the address; more come as one scrolls. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { components } from "../../api/catalog.ts";
import { catalog, ok } from "../../lib/api.ts";
import { language } from "../../lib/format.ts";
import { put, shown, useLoad } from "../../lib/load.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import type { TitleCard } from "../../lib/titles.ts";
import { Empty, Failed, Stale } from "../../ui/States.tsx";
import { GhostGrid, Grid, More, Pills } from "../Grid.tsx";
import { after, type Filters, filtersOf, hrefOf, isFiltered, SORTS, together } from "../browsing.ts";
import { me } from "../profile.ts";

type Titles = components["schemas"]["TitleList"];

const NAMES = { film: "Films", series: "Series" } as const;

export default function Browse({ kind }: { kind: "film" | "series" }): JSX.Element {
  usePage(NAMES[kind]);
  const { path, query } = useLocation();
  const filters = filtersOf(query);
  const key = `titles:${kind}:${JSON.stringify(filters)}`;
  const page = (cursor: string | null, signal?: AbortSignal): Promise<Titles> =>
    ok(
      catalog.GET("/", {
        params: { query: { kind, ...filters, limit: 48, ...(cursor === null ? {} : { cursor }) } },
        ...(signal ? { signal } : {}),
      }),
    );
  const loaded = useLoad(key, async (signal) => together(shown<Titles>(key), await page(null, signal)));
  const genres = useLoad("titles:genres", (signal) => ok(catalog.GET("/genres", { signal })));
  const spoken = useLanguages(kind, loaded.data?.items, filters);
  const [more, setMore] = useState<{ key: string; problem: Problem | null } | null>(null);
  const before = useRef<{ kind: string; data: Titles } | null>(null);
  if (loaded.data) before.current = { kind, data: loaded.data };
  // The old grid stays until the new one is there, so that nothing jumps; a failure takes its place.
  const data = loaded.data ?? (loaded.error || before.current?.kind !== kind ? undefined : before.current.data);

  const goOn = async (): Promise<void> => {
    const now = shown<Titles>(key);
    if (!now?.next_cursor || (more?.key === key && more.problem === null)) return;
    setMore({ key, problem: null });
    try {
      const next = await page(now.next_cursor);
      put<Titles>(key, after(shown<Titles>(key) ?? now, next));
      setMore(null);
    } catch (thrown) {
      setMore({ key, problem: asProblem(thrown) });
    }
  };

  return (
    <div class="page browse-page">
      <div class="page-head">
        <h1>{NAMES[kind]}</h1>
      </div>
      <div class="filters">
        <Pills
          label="Genre"
          options={[
            { href: hrefOf(path, { ...filters, genre: undefined }), label: "All genres", chosen: !filters.genre },
            ...named(filters.genre, genres.data?.items.map((item) => item.genre) ?? []).map((genre) => ({
              href: hrefOf(path, { ...filters, genre }),
              label: genre,
              chosen: same(genre, filters.genre),
            })),
          ]}
        />
        <Pills
          label="Language"
          options={[
            { href: hrefOf(path, { ...filters, language: undefined }), label: "Any", chosen: !filters.language },
            ...spoken.map((tag) => ({
              href: hrefOf(path, { ...filters, language: tag }),
              label: language(tag),
              chosen: same(tag, filters.language),
            })),
          ]}
        />
        <Pills
          label="Order"
          options={SORTS.map(({ sort, label }) => ({
            href: hrefOf(path, { ...filters, sort }),
            label,
            chosen: filters.sort === sort,
          }))}
        />
      </div>
      <Stale loaded={loaded} />
      {data ? (
        data.items.length > 0 ? (
          <>
            <Grid items={data.items.map((title) => ({ title }))} busy={data !== loaded.data} />
            {data.next_cursor !== null && data === loaded.data && (
              <More
                pending={more?.key === key && more.problem === null}
                problem={more?.key === key ? more.problem : null}
                onMore={() => void goOn()}
              />
            )}
          </>
        ) : (
          <NoneOf kind={kind} path={path} filtered={isFiltered(filters)} />
        )
      ) : loaded.error ? (
        <Failed
          problem={loaded.error}
          what={`${NAMES[kind]} could not be loaded`}
          onAgain={() => void loaded.reload()}
        />
      ) : (
        loaded.slow && <GhostGrid />
      )}
    </div>
  );
}

function NoneOf({ kind, path, filtered }: { kind: "film" | "series"; path: string; filtered: boolean }): JSX.Element {
  const name = NAMES[kind].toLowerCase();
  return filtered ? (
    <Empty title={`No ${name} like that`}>
      <p>Nothing here has all that you chose.</p>
      <a class="btn" href={path}>
        Show all {name}
      </a>
    </Empty>
  ) : (
    <Empty title={`No ${name} yet`}>
      <p>They appear here as soon as there are some.</p>
      <a class="btn" href="/">
        Go home
      </a>
    </Empty>
  );
}

/** The languages to choose from: those of the titles seen so far of this kind, the profile's own, and the one that is chosen. */
function useLanguages(kind: string, items: TitleCard[] | undefined, filters: Filters): string[] {
  const [seen, setSeen] = useState<Record<string, string[]>>({});
  useEffect(() => {
    if (!items) return;
    setSeen((before) => {
      const tags = new Set(before[kind]);
      const known = tags.size;
      for (const item of items) for (const tag of item.languages) tags.add(tag.split("-")[0]!);
      return tags.size === known ? before : { ...before, [kind]: [...tags] };
    });
  }, [items, kind]);
  const own = me.value?.language.split("-")[0];
  const all = named(filters.language, [...new Set([...(own ? [own] : []), ...(seen[kind] ?? [])])]);
  return all.filter((tag) => tag !== "und").sort((a, b) => language(a).localeCompare(language(b)));
}

function same(one: string, other: string | undefined): boolean {
  return one.toLowerCase() === other?.toLowerCase();
}

/** What is chosen is always among what can be. */
function named(chosen: string | undefined, all: string[]): string[] {
  return chosen === undefined || all.some((one) => same(one, chosen)) ? all : [...all, chosen];
}

/** Cards in a grid that goes on as one comes near its end; by its button where that failed, or where one prefers it. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Problem } from "../lib/problem.ts";
import { Ghost } from "../ui/States.tsx";
import { Card, type CardItem } from "./Card.tsx";
import "./grid.css";

/** How far ahead of its end a grid goes on. */
const AHEAD = "900px";

export function Grid({
  items,
  busy = false,
  aside,
}: {
  items: CardItem[];
  busy?: boolean;
  aside?: (item: CardItem) => ComponentChildren;
}): JSX.Element {
  return (
    <ul class="grid" data-row aria-busy={busy}>
      {items.map((item, index) => (
        <li key={item.title.title_id}>
          <Card item={item} eager={index < 8} aside={aside?.(item)} />
        </li>
      ))}
    </ul>
  );
}

/** The end of a grid that has more. */
export function More({
  pending,
  problem,
  onMore,
}: {
  pending: boolean;
  problem?: Problem | null;
  onMore: () => void;
}): JSX.Element {
  const end = useRef<HTMLDivElement>(null);
  const more = useRef(onMore);
  more.current = onMore;
  useEffect(() => {
    if (!end.current || pending || problem) return;
    const near = new IntersectionObserver(([entry]) => entry?.isIntersecting && more.current(), { rootMargin: AHEAD });
    near.observe(end.current);
    return () => near.disconnect();
  }, [pending, problem]);
  return (
    <div class="grid-end" ref={end}>
      {problem && <p role="alert">The rest could not be loaded. {problem.detail || problem.title}</p>}
      <button class="btn" type="button" aria-disabled={pending} onClick={() => !pending && onMore()}>
        {problem ? "Try again" : pending ? "Loading more" : "Show more"}
      </button>
    </div>
  );
}

export function GhostGrid(): JSX.Element {
  return (
    <ul class="grid" aria-hidden="true">
      {Array.from({ length: 12 }, (_, index) => (
        <li key={index}>
          <div class="pic ghost" />
          <div style={{ paddingTop: "12px" }}>
            <Ghost width="62%" height={14} />
          </div>
        </li>
      ))}
    </ul>
  );
}

/** A choice among a few, as links: the address says what is chosen. */
export function Pills({
  label,
  options,
}: {
  label: string;
  options: { href: string; label: string; note?: string | number; chosen: boolean }[];
}): JSX.Element {
  return (
    <nav class="pills" aria-label={label}>
      <span class="pills-label" aria-hidden="true">
        {label}
      </span>
      <ul data-row>
        {options.map((option) => (
          <li key={option.label}>
            <a href={option.href} aria-current={option.chosen ? "true" : undefined}>
              {option.label}
              {option.note !== undefined && <span class="num">{option.note}</span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/**
 * A table that becomes a list of cards on a narrow screen; it says by roles what it is, since a browser forgets that of a table
 * which is laid out as anything else. And the way through a list of thousands: a page at a time, forward and back.
 */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

import { Ghost } from "../ui/States.tsx";

export function Table({
  label,
  head,
  children,
}: {
  label: string;
  /** The columns' names; one that begins with `#` holds numbers. */
  head: readonly string[];
  children: ComponentChildren;
}): JSX.Element {
  return (
    <table role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {head.map((name) => (
            <th role="columnheader" scope="col" key={name} class={name.startsWith("#") ? "num" : undefined}>
              {name.replace("#", "")}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">{children}</tbody>
    </table>
  );
}

export function Row({ children, fresh }: { children: ComponentChildren; fresh?: boolean }): JSX.Element {
  return (
    <tr role="row" class={fresh ? "fresh" : undefined}>
      {children}
    </tr>
  );
}

export function Cell({
  label,
  num,
  children,
}: {
  /** What the column is called where there is no head: on a narrow screen. */
  label?: string;
  num?: boolean;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <td role="cell" class={num ? "num" : undefined} data-label={label}>
      {children}
    </td>
  );
}

/** Grey rows where a list will be. */
export function GhostRows({ rows = 6 }: { rows?: number }): JSX.Element {
  return (
    <div class="ghosts">
      {Array.from({ length: rows }, (_, index) => (
        <Ghost key={index} height={38} />
      ))}
    </div>
  );
}

export interface Pages {
  /** Where this page begins; null: at the beginning. */
  readonly cursor: string | null;
  readonly number: number;
  readonly forward: (cursor: string) => void;
  readonly back: () => void;
  readonly first: () => void;
}

/** The pages of one list, remembered so that one can go back; another list (`of`) begins at its first. */
export function usePages(of = ""): Pages {
  const [kept, set] = useState<{ of: string; cursors: readonly (string | null)[] }>({ of, cursors: [null] });
  const cursors = kept.of === of ? kept.cursors : [null];
  return {
    cursor: cursors.at(-1) ?? null,
    number: cursors.length,
    forward: (cursor) => set({ of, cursors: [...cursors, cursor] }),
    back: () => set({ of, cursors: cursors.length > 1 ? cursors.slice(0, -1) : cursors }),
    first: () => set({ of, cursors: [null] }),
  };
}

export function Pager({
  pages,
  next,
  nextLabel = "Next page",
}: {
  pages: Pages;
  next: string | null | undefined;
  nextLabel?: string;
}): JSX.Element | null {
  if (pages.number === 1 && !next) return null;
  const turn = (act: () => void): void => {
    act();
    document.querySelector("h1")?.scrollIntoView({ block: "center" });
  };
  return (
    <nav class="pager" aria-label="Pages">
      <button class="btn s" type="button" disabled={pages.number === 1} onClick={() => turn(pages.back)}>
        Previous page
      </button>
      <span class="dim">Page {pages.number}</span>
      <button class="btn s" type="button" disabled={!next} onClick={() => next && turn(() => pages.forward(next))}>
        {nextLabel}
      </button>
    </nav>
  );
}

/** The head of a console page: its name, how old what it shows is, and what can be done on it. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { timeOfDay } from "../lib/format.ts";
import type { Loaded } from "../lib/load.ts";
import { usePage } from "../lib/page.ts";
import { Stale } from "../ui/States.tsx";

/** Older than this is not live, also where no asking has failed yet. */
const LIVE_MS = 10_000;

export function Top({
  title,
  loaded,
  children,
}: {
  title: string;
  /** What the page shows; none where a page is no live one. */
  loaded?: Loaded<unknown>;
  children?: ComponentChildren;
}): JSX.Element {
  usePage(title, "Matinee console");
  return (
    <>
      <div class="top">
        <h1>{title}</h1>
        {loaded && <Live loaded={loaded} />}
        {children && <div class="acts">{children}</div>}
      </div>
      {loaded && <Stale loaded={loaded} />}
    </>
  );
}

/** `Live, 2 s ago`, or `As of 14:31`. The seconds tick without being read out. */
export function Live({ loaded }: { loaded: Loaded<unknown> }): JSX.Element | null {
  const [nowMs, tick] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => tick(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  if (!loaded.atMs) return null;
  const ageMs = Math.max(0, Math.max(nowMs, Date.now()) - loaded.atMs);
  const live = !loaded.error && ageMs < LIVE_MS;
  return (
    <span class={live ? "live" : "live old"}>
      {live ? `Live, ${Math.round(ageMs / 1000)} s ago` : `As of ${timeOfDay(loaded.atMs)}`}
    </span>
  );
}

export function StatePill({
  tone,
  children,
}: {
  tone: "good" | "busy" | "bad" | "off";
  children: ComponentChildren;
}): JSX.Element {
  return <span class={`pill ${tone}`}>{children}</span>;
}

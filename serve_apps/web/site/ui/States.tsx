/** What a page shows when it has nothing to show: loading that is slow, a failure in words, an empty place with one way on. */
import type { ComponentChildren, JSX } from "preact";

import { timeOfDay } from "../lib/format.ts";
import type { Loaded } from "../lib/load.ts";
import type { Problem } from "../lib/problem.ts";

/** A failure: what failed, what is kept, and "Try again". */
export function Failed({
  problem,
  what,
  kept,
  onAgain,
  level = 2,
}: {
  problem: Problem;
  /** `Your list could not be loaded.` */
  what: string;
  kept?: string;
  onAgain?: () => void;
  level?: 1 | 2;
}): JSX.Element {
  const Heading = level === 1 ? "h1" : "h2";
  return (
    <div class="state" role="alert">
      <Heading>{what}</Heading>
      <p>
        {problem.detail || problem.title}
        {kept && ` ${kept}`}
      </p>
      {onAgain && (
        <button class="btn" type="button" onClick={onAgain}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Nothing here, and what to do about it. */
export function Empty({
  title,
  children,
  level = 2,
}: {
  title: string;
  children?: ComponentChildren;
  level?: 1 | 2;
}): JSX.Element {
  const Heading = level === 1 ? "h1" : "h2";
  return (
    <div class="state">
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

/** A grey shape where something will be. */
export function Ghost({
  width = "100%",
  height = 16,
}: {
  width?: string | number;
  height?: string | number;
}): JSX.Element {
  // Preact 11 adds no unit to a number.
  const size = (wish: string | number): string => (typeof wish === "number" ? `${wish}px` : wish);
  return <div class="ghost" style={{ width: size(width), height: size(height) }} aria-hidden="true" />;
}

/** Says that what is shown is old, when asking again failed. */
export function Stale({ loaded }: { loaded: Loaded<unknown> }): JSX.Element | null {
  if (!loaded.error || loaded.data === undefined || !loaded.atMs) return null;
  return (
    <p class="stale" role="status">
      As of {timeOfDay(loaded.atMs)}: {loaded.error.title.toLowerCase()}.{" "}
      <button class="link" type="button" onClick={() => void loaded.reload()}>
        Try again
      </button>
    </p>
  );
}

/** A refused form, above its button. */
export function FormProblem({ problem }: { problem: Problem | null }): JSX.Element | null {
  if (!problem || Object.keys(problem.fields).length) return null;
  return (
    <div class="notice bad" role="alert">
      <b>{problem.title}</b>
      {problem.detail && <span>{problem.detail}</span>}
    </div>
  );
}

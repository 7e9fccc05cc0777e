/** The big picture at the head of a page, with the title's name on it. Home and a title's own page share it. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { art } from "../lib/art.ts";
import { duration, language } from "../lib/format.ts";
import type { TitleCard } from "../lib/titles.ts";
import { sources } from "../ui/Picture.tsx";
import { Ghost } from "../ui/States.tsx";
import "./hero.css";

export function Hero({
  title,
  eyebrow,
  synopsis,
  meta,
  children,
}: {
  title: TitleCard;
  eyebrow?: string | null;
  synopsis?: string | null;
  /** What is said after year, age and length. */
  meta?: ComponentChildren;
  /** The buttons. */
  children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="hero">
      <Art key={title.title_id} title={title} />
      <div class="say">
        {eyebrow && <p class="eyebrow">{eyebrow}</p>}
        <h1 class={title.name.length > 28 ? "long" : undefined}>{title.name}</h1>
        <div class="meta">
          {title.year !== null && <span>{title.year}</span>}
          <Age maturity={title.maturity} />
          {title.duration_s !== null && <span>{duration(title.duration_s)}</span>}
          {meta}
        </div>
        {synopsis && <p class="synopsis">{synopsis}</p>}
        {children}
      </div>
    </div>
  );
}

function Art({ title }: { title: TitleCard }): JSX.Element {
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    document.body.classList.add("over-art");
    return () => document.body.classList.remove("over-art");
  }, []);
  const images = title.artwork.backdrop.length ? title.artwork.backdrop : title.artwork.still;
  return (
    <div class="art" aria-hidden="true">
      {images.length > 0 && !broken ? (
        <img
          {...sources(images, "(max-width: 760px) 100vw, 78vw")}
          alt=""
          decoding="async"
          onError={() => setBroken(true)}
        />
      ) : (
        <span class="drawn" dangerouslySetInnerHTML={{ __html: art(title.title_id, 320, 180).svg }} />
      )}
    </div>
  );
}

/** For whom it is: `12+`. */
export function Age({ maturity }: { maturity: number }): JSX.Element {
  return (
    <span class="age">
      <span class="unseen">{maturity > 0 ? `From ${maturity} years` : "For everyone"}</span>
      <span aria-hidden="true">{maturity > 0 ? `${maturity}+` : "All"}</span>
    </span>
  );
}

/** `Animation, Comedy` and `English, Deutsch`. */
export function GenresAndLanguages({ title }: { title: TitleCard }): JSX.Element {
  return (
    <>
      {title.genres.length > 0 && <span>{title.genres.slice(0, 3).join(", ")}</span>}
      {title.languages.length > 0 && <span>{title.languages.slice(0, 3).map(language).join(", ")}</span>}
    </>
  );
}

/** The shape of what is on its way. */
export function GhostHero(): JSX.Element {
  return (
    <div class="hero" aria-hidden="true">
      <div class="say ghosts">
        <Ghost width={160} height={18} />
        <Ghost width="min(480px, 84%)" height={72} />
        <Ghost width={280} height={18} />
        <Ghost width="min(520px, 96%)" height={52} />
        <Ghost width={300} height={52} />
      </div>
    </div>
  );
}

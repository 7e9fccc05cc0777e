/** A title's picture: its artwork where it has some, else the one drawn for its id. The space is kept, so nothing jumps. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

import type { components } from "../api/catalog.ts";
import { art } from "../lib/art.ts";

export type Artwork = components["schemas"]["Artwork"];
type Image = components["schemas"]["Image"];

interface Props {
  id: string;
  name: string;
  artwork?: Artwork | undefined;
  /** An episode's or a trailer's own picture goes before the title's. */
  still?: Image[] | undefined;
  shape?: "still" | "poster" | undefined;
  /** How wide it is shown, for the browser's choice of file. */
  sizes?: string;
  eager?: boolean;
  children?: ComponentChildren;
}

export function Picture({ id, name, artwork, still, shape = "still", sizes, eager, children }: Props): JSX.Element {
  const [broken, setBroken] = useState(false);
  const poster = shape === "poster";
  const images = poster
    ? artwork?.poster
    : still?.length
      ? still
      : artwork?.still?.length
        ? artwork.still
        : artwork?.backdrop;
  return (
    <div class={poster ? "pic poster" : "pic"}>
      {images?.length && !broken ? (
        <img
          {...sources(images, sizes ?? (poster ? "(max-width: 760px) 34vw, 12vw" : "(max-width: 760px) 66vw, 21vw"))}
          alt=""
          decoding="async"
          loading={eager ? "eager" : "lazy"}
          onError={() => setBroken(true)}
        />
      ) : (
        <Drawn id={id} name={name} poster={poster} />
      )}
      {children}
    </div>
  );
}

/** The generated picture alone, with the name on it. */
export function Drawn({ id, name, poster = false }: { id: string; name: string; poster?: boolean }): JSX.Element {
  const drawn = poster ? art(id, 200, 300) : art(id, 320, 180);
  const longest = Math.max(4, ...name.split(/\s+/).map((word) => word.length));
  const size = poster
    ? Math.min(name.split(/\s+/).length > 3 ? 15.5 : 20, 138 / longest)
    : Math.min(8.4, 100 / longest);
  return (
    <>
      <span class="drawn" dangerouslySetInnerHTML={{ __html: drawn.svg }} />
      <span class="nm" style={{ color: drawn.ink, "--fs": `${size.toFixed(1)}cqi` }} aria-hidden="true">
        {name}
      </span>
    </>
  );
}

interface Sources {
  src: string;
  srcset: string;
  sizes: string;
  width: number;
  height: number;
}

/** `src`, `srcset`, `sizes` and the true proportions. */
export function sources(images: Image[], sizes: string): Sources {
  const ordered = [...images].sort((a, b) => a.width - b.width);
  const middle = ordered[Math.floor((ordered.length - 1) / 2)]!;
  return {
    src: middle.url,
    srcset: ordered.map((image) => `${image.url} ${image.width}w`).join(", "),
    sizes,
    width: middle.width,
    height: middle.height,
  };
}

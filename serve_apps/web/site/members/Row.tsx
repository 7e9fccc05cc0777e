/** A row of cards that scrolls sideways: by touch, by arrow keys, by its two buttons where there is a mouse. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { Ghost } from "../ui/States.tsx";
import { Icon } from "../ui/Icon.tsx";
import { Card, type CardItem } from "./Card.tsx";

export function Row({
  label,
  items,
  shape = "still",
  all,
  eager = false,
  aside,
  onCard,
  children,
}: {
  label: string;
  items: CardItem[];
  shape?: "still" | "poster";
  /** A link to everything of the row's kind. */
  all?: { href: string; label: string };
  eager?: boolean;
  /** What else can be done with each card. */
  aside?: (item: CardItem) => ComponentChildren;
  /** Hears of each card that is drawn; returns what ends it. The same one as long as it is to hear of the same. */
  onCard?: ((element: Element, at: number) => () => void) | undefined;
  /** Instead of cards: why there are none. */
  children?: ComponentChildren;
}): JSX.Element {
  const id = useId();
  const reel = useRef<HTMLUListElement>(null);
  const [ends, setEnds] = useState({ left: true, right: true });
  const look = (): void => {
    const at = reel.current;
    if (at) setEnds({ left: at.scrollLeft < 8, right: at.scrollLeft + at.clientWidth > at.scrollWidth - 8 });
  };
  useEffect(look, [items.length]);
  useEffect(() => {
    const drawn = onCard ? [...(reel.current?.children ?? [])].map(onCard) : [];
    return () => drawn.forEach((end) => end());
  }, [items, onCard]);
  const scroll = (way: number): void => {
    const at = reel.current;
    at?.scrollBy({ left: way * at.clientWidth * 0.8, behavior: "smooth" });
  };
  return (
    <section class="row" aria-labelledby={id}>
      <div class="row-head">
        <h2 id={id}>{label}</h2>
        {all && <a href={all.href}>{all.label}</a>}
      </div>
      {children || (
        <div class="reel-box">
          <ul class={`reel ${shape}`} ref={reel} data-row onScroll={look}>
            {items.map((item, index) => (
              <li key={`${item.title.title_id}${item.href ?? ""}`}>
                <Card item={item} shape={shape} eager={eager && index < 6} aside={aside?.(item)} />
              </li>
            ))}
          </ul>
          {!ends.left && (
            <button class="turn left" type="button" tabIndex={-1} aria-hidden="true" onClick={() => scroll(-1)}>
              <Icon name="back" />
            </button>
          )}
          {!ends.right && (
            <button class="turn right" type="button" tabIndex={-1} aria-hidden="true" onClick={() => scroll(1)}>
              <Icon name="forward" />
            </button>
          )}
        </div>
      )}
    </section>
  );
}

/** The shape of a row that is on its way. */
export function GhostRow({ shape = "still" }: { shape?: "still" | "poster" }): JSX.Element {
  return (
    <div class="row" aria-hidden="true">
      <div class="row-head">
        <Ghost width={240} height={26} />
      </div>
      <ul class={`reel ${shape}`}>
        {Array.from({ length: 8 }, (_, index) => (
          <li key={index}>
            <div class={`pic ${shape === "poster" ? "poster" : ""} ghost`} />
            <div style={{ paddingTop: "12px" }}>
              <Ghost width="62%" height={14} />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

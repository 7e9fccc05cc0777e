/** A title as a card in a row or a grid: one link, its picture, and what tells it from others. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

import { count, duration, left } from "../lib/format.ts";
import { titlePath, type TitleCard } from "../lib/titles.ts";
import { Icon } from "../ui/Icon.tsx";
import { Picture } from "../ui/Picture.tsx";

export interface CardItem {
  title: TitleCard;
  /** Where the card leads; the title's page unless told. */
  href?: string;
  label?: string | null;
  positionS?: number | null;
  durationS?: number | null;
  tag?: string | null;
}

export function Card({
  item,
  shape = "still",
  eager,
  aside,
}: {
  item: CardItem;
  shape?: "still" | "poster";
  eager?: boolean;
  /** What else can be done with it here: a button, beside the line under its name. */
  aside?: ComponentChildren;
}): JSX.Element {
  const id = useId();
  const { title } = item;
  const begun =
    item.positionS != null && item.durationS ? Math.min(100, (item.positionS / item.durationS) * 100) : null;
  const sub = subtitle(item);
  const link = (
    <a
      class="card"
      href={item.href ?? titlePath(title)}
      data-title={title.title_id}
      aria-describedby={aside ? id : undefined}
    >
      <Picture id={title.title_id} name={title.name} artwork={title.artwork} shape={shape} eager={eager ?? false}>
        {item.tag && <span class="tag">{item.tag}</span>}
        {begun !== null && (
          <span class="bar" role="img" aria-label={`${Math.round(begun)} % watched`}>
            <i style={{ width: `${begun}%` }} />
          </span>
        )}
      </Picture>
      <span class="cap">{title.name}</span>
      {sub && !aside && <span class="sub">{sub}</span>}
    </a>
  );
  if (!aside) return link;
  return (
    <div data-item>
      {link}
      <div class="foot">
        <span class="sub" id={id}>
          {sub}
        </span>
        {aside}
      </div>
    </div>
  );
}

/** The small cross of a card. */
export function TakeOff({ label, onClick }: { label: string; onClick: () => void }): JSX.Element {
  return (
    <button class="take-off" type="button" aria-label={label} title={label} onClick={onClick}>
      <Icon name="close" />
    </button>
  );
}

/** `S1 E4, 18 min left`, `2024, 1 h 54 min`, `2021, series`. */
export function subtitle({ title, label, positionS, durationS }: CardItem): string {
  if (positionS != null && durationS) return [label, left(positionS, durationS)].filter(Boolean).join(", ");
  if (label) return label;
  return [title.year, title.kind === "series" ? "series" : duration(title.duration_s)].filter(Boolean).join(", ");
}

/** `All 24`. */
export function allOf(number: number): string {
  return number > 0 ? `All ${number}` : count(number, "title");
}

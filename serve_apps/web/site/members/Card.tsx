/** A title as a card in a row or a grid: one link, its picture, and what tells it from others. */
import type { JSX } from "preact";

import { count, duration, left } from "../lib/format.ts";
import { titlePath, type TitleCard } from "../lib/titles.ts";
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
}: {
  item: CardItem;
  shape?: "still" | "poster";
  eager?: boolean;
}): JSX.Element {
  const { title } = item;
  const begun =
    item.positionS != null && item.durationS ? Math.min(100, (item.positionS / item.durationS) * 100) : null;
  const sub = subtitle(item);
  return (
    <a class="card" href={item.href ?? titlePath(title)} data-title={title.title_id}>
      <Picture id={title.title_id} name={title.name} artwork={title.artwork} shape={shape} eager={eager ?? false}>
        {item.tag && <span class="tag">{item.tag}</span>}
        {begun !== null && (
          <span class="bar" role="img" aria-label={`${Math.round(begun)} % watched`}>
            <i style={{ width: `${begun}%` }} />
          </span>
        )}
      </Picture>
      <span class="cap">{title.name}</span>
      {sub && <span class="sub">{sub}</span>}
    </a>
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

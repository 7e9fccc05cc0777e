/** What the profile thinks of a title, in three steps; the one that is set takes it back. */
import type { JSX } from "preact";

import type { TitleCard } from "../lib/titles.ts";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { rate, type Rating, useRatings } from "./lists.ts";

const STEPS: { rating: Rating; label: string; icon: IconName }[] = [
  { rating: -1, label: "Not for me", icon: "down-thumb" },
  { rating: 1, label: "I like it", icon: "thumb" },
  { rating: 2, label: "I love it", icon: "love" },
];

export function Rate({ title }: { title: TitleCard }): JSX.Element {
  const ratings = useRatings();
  const now = ratings.data?.get(title.title_id);
  return (
    <div class="rate" role="group" aria-label="My rating">
      {STEPS.map(({ rating, label, icon }) => (
        <button
          key={rating}
          class="btn round"
          type="button"
          aria-pressed={now === rating}
          aria-label={label}
          title={label}
          disabled={ratings.data === undefined && !ratings.error}
          onClick={() => void rate(title, now === rating ? undefined : rating)}
        >
          <Icon name={icon} />
        </button>
      ))}
    </div>
  );
}

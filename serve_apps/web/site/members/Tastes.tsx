/** Asks a profile that has neither watched nor kept anything which titles it likes, so that its home does not begin at nothing. */
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";

import { remember, remembered, who } from "../lib/session.ts";
import type { TitleCard } from "../lib/titles.ts";
import { Icon } from "../ui/Icon.tsx";
import { Picture } from "../ui/Picture.tsx";
import { rate, useRatings } from "./lists.ts";

/** With fewer there is nothing to choose among. */
export const LEAST = 6;
const MOST = 18;

export function Tastes({ titles, onPicked }: { titles: TitleCard[]; onPicked: () => void }): JSX.Element | null {
  const id = useId();
  const key = `matinee.tastes.${who.value?.profileId ?? ""}`;
  const ratings = useRatings();
  const [offered] = useState(() => titles.slice(0, MOST));
  const [open, setOpen] = useState(() => remembered(key) === null);
  const [begun, setBegun] = useState(false);
  useEffect(() => {
    // Who has rated something before is not asked; what is picked here stays to be seen until it is enough.
    if (!begun && (ratings.error || ratings.data?.size)) setOpen(false);
  }, [ratings.data, ratings.error, begun]);
  if (!open) return null;
  const close = (): void => {
    remember(key, "asked");
    setOpen(false);
    if (begun) onPicked();
  };
  return (
    <section class="row" aria-labelledby={id}>
      <div class="row-head">
        <h2 id={id}>Which of these do you like?</h2>
        <button class="btn s" type="button" onClick={close}>
          {begun ? "Done" : "Not now"}
        </button>
      </div>
      <div class="reel-box">
        <ul class="reel poster" data-row>
          {offered.map((title) => {
            const liked = (ratings.data?.get(title.title_id) ?? 0) > 0;
            return (
              <li key={title.title_id}>
                <button
                  class="card taste"
                  type="button"
                  aria-pressed={liked}
                  disabled={ratings.data === undefined}
                  onClick={() => {
                    setBegun(true);
                    void rate(title, liked ? undefined : 1, { later: true });
                  }}
                >
                  <Picture id={title.title_id} name={title.name} artwork={title.artwork} shape="poster">
                    {liked && (
                      <span class="tag">
                        <Icon name="thumb" />
                      </span>
                    )}
                  </Picture>
                  <span class="cap">{title.name}</span>
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}

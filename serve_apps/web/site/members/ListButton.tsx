/** Puts a title on the profile's list and takes it off: a plus that becomes a tick. */
import type { JSX } from "preact";

import type { TitleCard } from "../lib/titles.ts";
import { Icon } from "../ui/Icon.tsx";
import { setOnList, useMyList } from "./lists.ts";

export function ListButton({ title }: { title: TitleCard }): JSX.Element {
  const list = useMyList();
  const on = !!list.data?.has(title.title_id);
  return (
    <button
      class="btn round"
      type="button"
      aria-pressed={on}
      aria-label="On my list"
      title={on ? "On my list" : "Put on my list"}
      disabled={list.data === undefined && !list.error}
      onClick={() => void setOnList(title, !on)}
    >
      <Icon name={on ? "check" : "plus"} />
    </button>
  );
}

/** A page's name in the tab, and the focus on its heading after a change of page, so that a screen reader says where one is. */
import { useEffect } from "preact/hooks";

let first = true;
let announced = "";

/** Name the page; undefined while its name is loading. */
export function usePage(title: string | undefined, site = "Matinee"): void {
  useEffect(() => {
    if (title === undefined) return;
    document.title = title ? `${title} · ${site}` : site;
    const here = location.pathname;
    if (first) {
      first = false;
      announced = here;
      return;
    }
    if (here === announced) return;
    announced = here;
    const heading = document.querySelector<HTMLElement>("main h1, h1");
    // Who is typing, as in the search, types on.
    const typing = document.activeElement?.matches("input, textarea, select");
    if (heading && !typing && !document.querySelector("dialog[open]")) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  }, [title]);
}

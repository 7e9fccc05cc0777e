/** The desk at the door: a form on one side, a drawn picture on the other. */
import type { ComponentChildren, JSX } from "preact";

import { art } from "../lib/art.ts";
import { Mark } from "../ui/Icon.tsx";
import "./entry.css";

export function Entry({ picture, children }: { picture: string; children: ComponentChildren }): JSX.Element {
  return (
    <main class="entry" id="main">
      <div class="desk">
        <Mark />
        <section>{children}</section>
      </div>
      <div class="side" aria-hidden="true">
        <span class="drawn" dangerouslySetInnerHTML={{ __html: art(picture, 800, 1000).svg }} />
      </div>
    </main>
  );
}

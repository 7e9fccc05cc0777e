/** The first page of a stranger. */
import type { JSX } from "preact";

import { hash } from "../../lib/art.ts";
import { usePage } from "../../lib/page.ts";
import { Drawn } from "../../ui/Picture.tsx";
import { Mark } from "../../ui/Icon.tsx";
import "../entry.css";

// No titles of anybody's: the catalogue is for members. Their names are only drawn.
const WALL = [
  ["Salt Road", "Orchard", "Night Ferry"],
  ["Velvet", "The Long Interval", "Kiln"],
  ["Northbound", "Half Moon Street", "Low Water"],
  ["Glasshouse", "Fieldwork", "Harbour Lights"],
  ["Projectionist", "Tide Tables", "The Understudy"],
];

export default function Welcome(): JSX.Element {
  usePage("");
  return (
    <main class="welcome" id="main">
      <div class="top">
        <Mark />
        <a class="btn" href="/sign-in">
          Sign in
        </a>
      </div>
      <div class="wall" aria-hidden="true">
        {WALL.map((names, column) => (
          <div class="column" key={column}>
            {names.map((name) => (
              <div class="pic poster" key={name}>
                <Drawn id={`${name}${hash(name) % 3}`} name={name} poster />
              </div>
            ))}
          </div>
        ))}
      </div>
      <div class="say">
        <span class="eyebrow">Now showing, whenever you like</span>
        <h1>Take a seat. The film waits for you.</h1>
        <p>
          Watch on a laptop, a phone or the television, and go on elsewhere where you stopped. No advertisements,
          nothing that follows you around.
        </p>
        <div class="acts">
          <a class="btn go" href="/sign-up">
            Make an account
          </a>
          <a class="btn" href="/tv">
            This is a television
          </a>
        </div>
      </div>
    </main>
  );
}

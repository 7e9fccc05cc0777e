/** What a profile sees, begins, and has happen in the player, told to the service of telemetry. Nothing waits for it, and nothing shows where it is away. */
import { effect } from "@preact/signals";

import type { components } from "../api/telemetry.ts";
import { telemetry } from "./api.ts";
import { Led } from "./led.ts";
import { who } from "./session.ts";
import { Telling } from "./telling.ts";

type Schemas = components["schemas"];
export type Shown = Omit<Schemas["Impression"], "kind" | "event_id" | "at">;
type Untold<Event> = Event extends unknown ? Omit<Event, "event_id" | "at"> : never;
/** What happened in the player. */
export type Note = Untold<Schemas["Seek"] | Schemas["Stall"] | Schemas["QualityChange"] | Schemas["PlayerError"]>;

const telling = new Telling<Schemas["NewEvents"]["events"][number]>((events) =>
  telemetry.POST("/events", { body: { events }, keepalive: true }),
);
const led = new Led<Shown>();
let profile: string | null | undefined;

/** An id that nobody else makes. */
export function newId(): string {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

/** A card of a page was in sight. */
export function saw(card: Shown): void {
  tell({ kind: "impression", ...told(), ...card });
}

/** Somebody went on from a card: what is played next of its title began there. */
export function follow(card: Shown): void {
  led.follow(card, Date.now());
}

/** A play began. */
export function began(session: { session_id: string; playable_id: string; title_id: string }): void {
  const from = led.take(session.title_id, Date.now());
  tell({
    kind: "play_begun",
    ...told(),
    session_id: session.session_id,
    playable_id: session.playable_id,
    title_id: session.title_id,
    ...(from && {
      page_id: from.page_id,
      row_id: from.row_id,
      row_position: from.row_position,
      position: from.position,
    }),
  });
}

/** Something happened in the player. */
export function inPlayer(note: Note): void {
  tell({ ...told(), ...note });
}

/** Send what waits: the page goes. */
export function flush(): void {
  telling.flush();
}

function told(): { event_id: string; at: string } {
  return { event_id: newId(), at: new Date().toISOString() };
}

function tell(event: Schemas["NewEvents"]["events"][number]): void {
  if (who.value?.profileId) telling.tell(event);
}

effect(() => {
  const now = who.value?.profileId;
  if (profile && now !== profile) {
    telling.drop();
    led.forget();
  }
  profile = now;
});
addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush(), true);
addEventListener("pagehide", flush);

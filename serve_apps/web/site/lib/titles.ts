/** Types of the catalogue that both sites speak of. */
import type { components } from "../api/catalog.ts";

export type TitleCard = components["schemas"]["TitleCard"];
export type Title = components["schemas"]["Title"];
export type Episode = components["schemas"]["Episode"];
export type Season = components["schemas"]["Season"];
export type Trailer = components["schemas"]["Trailer"];
export type Markers = components["schemas"]["Markers"];

/** Where a title's own page is. */
export function titlePath(title: { title_id: string; kind: string }): string {
  return `/${title.kind === "series" ? "series" : "title"}/${title.title_id}`;
}

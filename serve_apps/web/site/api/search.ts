import type { components as Catalog } from "./catalog.ts";

export interface paths {
  "/": { get: operations["search"] };
}
export interface components {
  schemas: {
    TitleCard: Catalog["schemas"]["TitleCard"];
    Hit: {
      title: components["schemas"]["TitleCard"];
      matched: "name" | "person" | "genre" | "synopsis";
      person: string | null;
    };
    Person: { name: string; titles: number };
    KindCount: { kind: "film" | "series"; titles: number };
    GenreCount: { genre: string; titles: number };
    Found: {
      items: components["schemas"]["Hit"][];
      people: components["schemas"]["Person"][];
      facets: { kinds: components["schemas"]["KindCount"][]; genres: components["schemas"]["GenreCount"][] };
      near: string[];
    };
  };
}
export interface operations {
  search: {
    parameters: { query: { q: string; kind?: "film" | "series"; genre?: string; limit?: number } };
    responses: { 200: { content: { "application/json": components["schemas"]["Found"] } } };
  };
}

import type { components as Catalog } from "./catalog.ts";

export interface paths {
  "/": { get: operations["get_home"] };
  "/similar/{title_id}": { get: operations["get_similar"] };
}
export interface components {
  schemas: {
    TitleCard: Catalog["schemas"]["TitleCard"];
    HomeItem: {
      title: components["schemas"]["TitleCard"];
      synopsis: string | null;
      playable_id: string | null;
      label: string | null;
      position_s: number | null;
      duration_s: number | null;
      reason: string | null;
    };
    HomeRow: {
      row_id: string;
      kind: "continue" | "list" | "new" | "because" | "genre";
      label: string;
      items: components["schemas"]["HomeItem"][];
      model_version: string | null;
      fallback: boolean;
      failed: boolean;
    };
    Home: { hero: components["schemas"]["HomeItem"] | null; rows: components["schemas"]["HomeRow"][] };
    SimilarTitles: { items: components["schemas"]["TitleCard"][] };
  };
}
export interface operations {
  get_home: {
    responses: { 200: { content: { "application/json": components["schemas"]["Home"] } } };
  };
  get_similar: {
    parameters: { query?: { limit?: number }; path: { title_id: string } };
    responses: { 200: { content: { "application/json": components["schemas"]["SimilarTitles"] } } };
  };
}

/** One title under an editor's hands: loaded with its ETag, changed only from the version that was seen. */
import type { Title } from "../lib/titles.ts";
import { catalog, ok } from "../lib/api.ts";
import { outdate, put } from "../lib/load.ts";
import { asProblem } from "../lib/problem.ts";

export interface Tagged {
  title: Title;
  etag: string;
}

/** Somebody else changed the title meanwhile; `current` is what it is now. */
export class ChangedMeanwhile extends Error {
  readonly current: Tagged;

  constructor(current: Tagged) {
    super("Somebody else changed this title meanwhile");
    this.current = current;
  }
}

type Asked<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

export const titleKey = (titleId: string): string => `c:title:${titleId}`;

async function tagged(asked: Asked<Title>): Promise<Tagged> {
  const answer = await asked;
  const title = await ok(Promise.resolve(answer));
  return { title, etag: answer.response.headers.get("ETag") ?? "" };
}

export function readTitle(titleId: string, signal?: AbortSignal): Promise<Tagged> {
  return tagged(catalog.GET("/{title_id}", { params: { path: { title_id: titleId } }, ...(signal && { signal }) }));
}

/** Do an edit that answers the title, and show what it is now. */
export async function edit(titleId: string, asked: Asked<Title>): Promise<Tagged> {
  try {
    const now = await tagged(asked);
    put(titleKey(titleId), now);
    outdate("c:titles", "titles:", `title:${titleId}`, "home");
    return now;
  } catch (thrown) {
    const problem = asProblem(thrown);
    if (problem.slug !== "precondition-failed") throw problem;
    throw new ChangedMeanwhile(await readTitle(titleId));
  }
}

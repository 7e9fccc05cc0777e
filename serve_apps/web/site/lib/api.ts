/**
 * The services, typed by their own OpenAPI documents. `ok(auth.GET("/account"))` gives the answer or throws a Problem.
 * Every request carries the access token; a 401 is one shared refresh and one retry, a lost idempotent request one more try.
 */
import createClient, { type Client } from "openapi-fetch";

import type { paths as Auth } from "../api/auth.ts";
import type { paths as Catalog } from "../api/catalog.ts";
import type { paths as Operations } from "../api/operations.ts";
import type { paths as Playback } from "../api/playback.ts";
import type { paths as Profiles } from "../api/profiles.ts";
import type { paths as Recommendations } from "../api/recommendations.ts";
import type { paths as Search } from "../api/search.ts";
import type { paths as Studio } from "../api/studio.ts";
import type { paths as Telemetry } from "../api/telemetry.ts";
import { asProblem, problemFrom, problemOf, unreachable } from "./problem.ts";
import { accessToken, refresh } from "./session.ts";

const AGAIN_AFTER_MS = 250;
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/** `fetch` with the token; the answer may be a refusal. Throws a Problem where none came. */
export async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const token = await accessToken();
  let response = await once(request, token);
  if (response?.status === 401 && !(await aboutPassword(response))) {
    await response.body?.cancel();
    // Another request may have had it renewed while this one was on its way.
    const now = await accessToken();
    const renewed = (now !== null && now !== token) || (await refresh());
    return renewed ? ((await once(again, await accessToken())) ?? fail()) : response;
  }
  const lost = response === null || (response.status >= 500 && !isJson(response));
  const repeatable = IDEMPOTENT.has(request.method) || request.headers.has("Idempotency-Key");
  if (lost && repeatable && !request.signal.aborted) {
    await new Promise((wake) => setTimeout(wake, AGAIN_AFTER_MS));
    response = await once(again, await accessToken());
  }
  return response ?? fail();
}

/** A 401 for a wrong password: no new token would help, and asking again would use up another try. */
async function aboutPassword(response: Response): Promise<boolean> {
  return isJson(response) && (await problemOf(response.clone())).slug === "wrong-credentials";
}

function isJson(response: Response): boolean {
  return (response.headers.get("Content-Type") ?? "").includes("json");
}

function fail(): never {
  throw unreachable();
}

async function once(request: Request, token: string | null): Promise<Response | null> {
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (thrown) {
    if (request.signal.aborted) throw thrown;
    return null;
  }
}

function client<Paths extends {}>(prefix: string): Client<Paths> {
  return createClient<Paths>({ baseUrl: `/api/v1/${prefix}`, fetch: send });
}

export const auth = client<Auth>("auth");
export const profiles = client<Profiles>("profiles");
export const catalog = client<Catalog>("titles");
export const studio = client<Studio>("studio");
export const playback = client<Playback>("playback");
export const home = client<Recommendations>("home");
export const search = client<Search>("search");
export const telemetry = client<Telemetry>("telemetry");
export const operations = client<Operations>("operations");

/** Return an answer's data; throws the Problem it is otherwise. */
export async function ok<Data>(
  asked: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<NonNullable<Data>> {
  const { data, error, response } = await asked.catch((thrown: unknown) => {
    if (thrown instanceof DOMException) throw thrown;
    throw asProblem(thrown);
  });
  if (response.ok) return data as NonNullable<Data>;
  // openapi-fetch has read the body: as JSON where it was JSON, else as text.
  if (typeof error === "object" && error !== null) {
    throw problemFrom(error, response.status, Number(response.headers.get("Retry-After")) || undefined);
  }
  throw await problemOf(new Response(null, { status: response.status, headers: response.headers }));
}

/** An `Idempotency-Key` header: the same act sent twice is done once. */
export function onceKey(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}` };
}

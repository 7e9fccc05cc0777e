/**
 * Who is signed in on this browser. The access token lives in memory only; the refresh token is a cookie that no script reads.
 * localStorage holds no secret: that somebody is signed in (so that a stranger's first visit asks for nothing) and which profile.
 */
import { computed, signal } from "@preact/signals";

import { asProblem, Problem, problemOf, unreachable } from "./problem.ts";

export interface Who {
  accountId: string;
  deviceId: string;
  roles: string[];
  profileId: string | null;
  kids: boolean;
  maturity: number | null;
}

interface AccessToken {
  access_token: string;
  expires_in_s: number;
  account_id: string;
  device_id: string;
  roles: string[];
  profile_id: string | null;
  kids: boolean;
  maturity: number | null;
}

const SIGNED_IN = "matinee.signed-in";
const PROFILE = "matinee.profile";
const RENEW_BEFORE_S = 30;

/** undefined: not known yet; null: nobody. */
export const who = signal<Who | null | undefined>(undefined);
export const operator = computed(() => !!who.value?.roles.includes("operator") && !who.value.kids);
/** Set where this device was signed out from elsewhere, or its session ended; shown once at sign-in. */
export const signedOutBecause = signal<string | null>(null);

let token: string | null = null;
let expiresAtMs = 0;
let refreshing: Promise<boolean> | null = null;

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage is refused (private mode): everything works, only nothing is kept.
  }
}

/** Take an answer of auth as who is here now. */
export function enter(tokens: AccessToken): void {
  token = tokens.access_token;
  expiresAtMs = Date.now() + tokens.expires_in_s * 1000;
  remember(SIGNED_IN, "1");
  if (tokens.profile_id) remember(PROFILE, tokens.profile_id);
  const now: Who = {
    accountId: tokens.account_id,
    deviceId: tokens.device_id,
    roles: tokens.roles,
    profileId: tokens.profile_id,
    kids: tokens.kids,
    maturity: tokens.maturity,
  };
  if (JSON.stringify(now) !== JSON.stringify(who.value)) who.value = now;
}

/** Forget who was here; the pages go back to signing in. */
export function leave(because: string | null = null): void {
  token = null;
  expiresAtMs = 0;
  remember(SIGNED_IN, null);
  remember(PROFILE, null);
  if (who.value) signedOutBecause.value = because;
  who.value = null;
}

/** Find out who is here; asks nothing where nobody ever signed in. */
export async function arrive(): Promise<void> {
  if (remembered(SIGNED_IN) === null) {
    who.value = null;
    return;
  }
  for (let pause = 500; ; pause = Math.min(pause * 2, 8000)) {
    try {
      await refresh();
      return;
    } catch (thrown) {
      arriving.value = asProblem(thrown);
      await new Promise((wake) => setTimeout(wake, pause));
    }
  }
}

/** Why it is not known yet who is here: the system does not answer. It is tried again. */
export const arriving = signal<Problem | null>(null);

/**
 * Trade the cookie for a new access token; however many ask, one request. Resolves to whether somebody is signed in.
 * Throws a Problem where nothing is known: nobody is signed out because the network is.
 */
export function refresh(): Promise<boolean> {
  refreshing ??= trade().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function trade(): Promise<boolean> {
  const profile = remembered(PROFILE);
  const ask = (body: object): Promise<Response> =>
    fetch("/api/v1/auth/tokens/refresh", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }).catch(() => {
      throw unreachable();
    });
  let response = await ask(profile ? { profile_id: profile } : {});
  if (profile && (response.status === 404 || response.status === 403)) {
    // The profile was deleted, or another one was chosen last on this device.
    remember(PROFILE, null);
    response = await ask({});
  }
  if (response.ok) {
    enter((await response.json()) as AccessToken);
    arriving.value = null;
    return true;
  }
  const problem = await problemOf(response);
  if (response.status === 401 || problem.slug === "account-disabled") {
    leave(problem.slug === "account-disabled" ? "This account is disabled." : "This device was signed out.");
    return false;
  }
  throw problem;
}

/** The access token, renewed shortly before it expires; null where nobody is signed in. */
export async function accessToken(): Promise<string | null> {
  if (token !== null && Date.now() > expiresAtMs - RENEW_BEFORE_S * 1000) {
    // Still good for a moment: a system that does not answer now must not stop what the token may still do.
    await refresh().catch(() => undefined);
  }
  return token;
}

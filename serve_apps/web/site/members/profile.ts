/** The profile that watches on this device, with its wishes; and the change to another one. */
import { computed, signal } from "@preact/signals";

import type { components } from "../api/profiles.ts";
import { auth, ok, profiles } from "../lib/api.ts";
import { forgetAll } from "../lib/load.ts";
import { enter, leave, who } from "../lib/session.ts";

export type Profile = components["schemas"]["Profile"];

const loaded = signal<Profile | null>(null);

/** The profile of the token; null until it is read, or while none is chosen. */
export const me = computed(() => (loaded.value?.profile_id === who.value?.profileId ? loaded.value : null));

/** Read the profile of the token, or take what a change answered. */
export async function readMe(given?: Profile): Promise<void> {
  const profileId = who.value?.profileId;
  if (given) loaded.value = given;
  else if (profileId) {
    loaded.value = await ok(profiles.GET("/{profile_id}", { params: { path: { profile_id: profileId } } }));
  }
}

/** Watch as this profile from now on; throws the Problem (`wrong-pin`, …) where that is refused. */
export async function choose(profile: Profile, proof: { pin?: string; password?: string } = {}): Promise<void> {
  const token = await ok(auth.POST("/tokens/profile", { body: { profile_id: profile.profile_id, ...proof } }));
  forgetAll();
  enter(token);
  loaded.value = profile;
}

/** Sign this device out; it is gone from here even if the system does not answer. */
export async function signOut(): Promise<void> {
  try {
    await ok(auth.DELETE("/tokens"));
  } finally {
    forgetAll();
    loaded.value = null;
    leave();
  }
}

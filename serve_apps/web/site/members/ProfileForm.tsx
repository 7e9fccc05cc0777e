/** The form of a profile: made or changed, with its PIN and what it may see. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";

import { onceKey, ok, profiles } from "../lib/api.ts";
import { language } from "../lib/format.ts";
import { outdate } from "../lib/load.ts";
import { asProblem, type Problem } from "../lib/problem.ts";
import { who } from "../lib/session.ts";
import { AVATARS, Avatar } from "../ui/Avatar.tsx";
import { Confirm, Dialog } from "../ui/Dialog.tsx";
import { Field, Switch } from "../ui/Field.tsx";
import { FormProblem } from "../ui/States.tsx";
import { toast } from "../ui/Toasts.tsx";
import { type Profile, readMe } from "./profile.ts";

export const LANGUAGES = [
  "en",
  "de",
  "fr",
  "es",
  "it",
  "pt",
  "nl",
  "pl",
  "sv",
  "da",
  "nb",
  "fi",
  "cs",
  "tr",
  "uk",
  "ar",
  "hi",
  "ja",
  "ko",
  "zh",
];
/** Profiles take no more. */
const WANTED_LIMIT = 20;
const AGES = [0, 6, 7, 10, 12, 14, 16, 18];

export function ProfileForm({
  profile,
  last,
  onClose,
}: {
  /** None: a new one. */
  profile: Profile | null;
  /** It is the account's last one, which stays. */
  last: boolean;
  onClose: () => void;
}): JSX.Element {
  const [name, setName] = useState(profile?.name ?? "");
  const [avatar, setAvatar] = useState(profile?.avatar ?? String(1 + Math.floor(Math.random() * AVATARS.length)));
  const [kids, setKids] = useState(profile?.kids ?? false);
  const [maturity, setMaturity] = useState(profile?.maturity ?? 18);
  const [tongue, setTongue] = useState(profile?.language ?? "en");
  // "" is the film's own sound, or no wish about subtitles.
  const [sound, setSound] = useState(profile?.audio_language ?? "");
  const [subtitles, setSubtitles] = useState(profile?.subtitle_language ?? "");
  // None: in any.
  const [wanted, setWanted] = useState<readonly string[]>(profile?.watch_languages ?? []);
  const [locks, setLocks] = useState(profile?.has_pin ?? false);
  const [pin, setPin] = useState("");
  const [currentPin, setCurrentPin] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [removing, setRemoving] = useState(false);
  // One that has a PIN is changed from itself, or with the PIN.
  const asksPin = !!profile?.has_pin && who.value?.profileId !== profile.profile_id;

  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const heard = { audio_language: sound || null, subtitle_language: subtitles || null };
      const wishes = { name, avatar, kids, maturity, language: tongue, watch_languages: [...wanted], ...heard };
      if (!profile) {
        const player = { caption_size: "medium", caption_style: "box", autoplay_next: true } as const;
        const lock = locks && pin ? { pin } : {};
        await ok(profiles.POST("/", { body: { ...wishes, ...player, ...lock }, params: { header: onceKey() } }));
      } else {
        const lock = locks ? (pin ? { pin } : {}) : profile.has_pin ? { pin: null } : {};
        const changed = await ok(
          profiles.PATCH("/{profile_id}", {
            params: { path: { profile_id: profile.profile_id } },
            body: { ...wishes, ...lock, ...(asksPin ? { current_pin: currentPin } : {}) },
          }),
        );
        if (who.value?.profileId === profile.profile_id) await readMe(changed);
      }
      outdate("profiles", "home", "titles:");
      onClose();
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  };
  const remove = async (): Promise<void> => {
    setBusy(true);
    try {
      await ok(profiles.DELETE("/{profile_id}", { params: { path: { profile_id: profile!.profile_id } } }));
      outdate("profiles");
      toast(`${profile!.name} is removed, with its list and its history.`);
      onClose();
    } catch (thrown) {
      setRemoving(false);
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  };

  if (removing) {
    return (
      <Confirm
        title={`Remove ${profile!.name}?`}
        act="Remove the profile"
        busy={busy}
        onAct={() => void remove()}
        onClose={() => setRemoving(false)}
      >
        <p>Its list, its ratings and its places in films go with it. This cannot be taken back.</p>
      </Confirm>
    );
  }
  return (
    <Dialog title={profile ? `Change ${profile.name}` : "A new profile"} onClose={onClose}>
      <form class="form" onSubmit={(event) => void save(event)}>
        <Field
          label="Name"
          name="name"
          value={name}
          required
          maxLength={40}
          autocomplete="off"
          wrong={problem?.fields["name"]}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <fieldset class="field">
          <legend class="legend">Colour</legend>
          <div class="avatars" role="radiogroup" aria-label="Colour">
            {AVATARS.map((_, index) => (
              <label key={index}>
                <input
                  type="radio"
                  name="avatar"
                  aria-label={`Colour ${index + 1}`}
                  checked={avatar === String(index + 1)}
                  onChange={() => setAvatar(String(index + 1))}
                />
                <Avatar name={name || "?"} avatar={String(index + 1)} />
              </label>
            ))}
          </div>
        </fieldset>
        <Switch label="For a child" checked={kids} onChange={(event) => setKids(event.currentTarget.checked)} />
        <div class="two">
          <div class="field">
            <label for="maturity">Shows films up to</label>
            <select
              id="maturity"
              class="select"
              value={String(maturity)}
              onChange={(event) => setMaturity(Number(event.currentTarget.value))}
            >
              {AGES.filter((age) => !kids || age <= 12 || age === maturity).map((age) => (
                <option key={age} value={String(age)}>
                  {age === 0 ? "all ages" : age === 18 ? "18: everything" : `${age} years`}
                </option>
              ))}
            </select>
          </div>
          <Tongue label="Language" value={tongue} onChange={setTongue} />
          <Tongue label="Sound" value={sound} others={[["", "As the film has it"]]} onChange={setSound} />
          <Tongue
            label="Subtitles"
            value={subtitles}
            others={[
              ["", "As the film asks"],
              ["off", "Off"],
            ]}
            onChange={setSubtitles}
          />
        </div>
        <Wanted value={wanted} onChange={setWanted} />
        <Switch
          label="Ask for a PIN before this profile is used"
          checked={locks}
          onChange={(event) => setLocks(event.currentTarget.checked)}
        />
        {locks && (
          <Field
            label={profile?.has_pin ? "New PIN (empty: it stays)" : "PIN"}
            name="pin"
            type="password"
            inputMode="numeric"
            autocomplete="off"
            pattern="[0-9]{4,6}"
            maxLength={6}
            required={!profile?.has_pin}
            value={pin}
            hint="Four to six digits."
            wrong={problem?.fields["pin"]}
            onInput={(event) => setPin(event.currentTarget.value)}
          />
        )}
        {asksPin && (
          <Field
            label="Its PIN now"
            name="current_pin"
            type="password"
            inputMode="numeric"
            autocomplete="off"
            required
            maxLength={6}
            value={currentPin}
            wrong={problem?.slug === "wrong-pin" ? "That is not the PIN." : problem?.fields["current_pin"]}
            onInput={(event) => setCurrentPin(event.currentTarget.value)}
          />
        )}
        {!(asksPin && problem?.slug === "wrong-pin") && <FormProblem problem={problem} />}
        <div class="acts">
          <button class="btn go" disabled={busy}>
            {busy ? "Saving…" : "Save"}
          </button>
          <button class="btn" type="button" onClick={onClose}>
            Cancel
          </button>
          {profile && !last && (
            <button class="btn no" type="button" onClick={() => setRemoving(true)}>
              Remove
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

/** In which languages films are recommended: any, or those that are ticked. */
function Wanted({
  value,
  onChange,
}: {
  value: readonly string[];
  onChange: (value: readonly string[]) => void;
}): JSX.Element {
  const tags = [...new Set([...value, ...LANGUAGES])];
  return (
    <details class="field wanted">
      <summary>
        Recommend films in <b>{value.length > 0 ? value.map(language).join(", ") : "any language"}</b>
      </summary>
      <div role="group" aria-label="Recommend films in">
        {tags.map((tag) => (
          <label class="check" key={tag}>
            <input
              type="checkbox"
              checked={value.includes(tag)}
              disabled={!value.includes(tag) && value.length >= WANTED_LIMIT}
              onChange={(event) =>
                onChange(event.currentTarget.checked ? [...value, tag] : value.filter((other) => other !== tag))
              }
            />
            <span>{language(tag)}</span>
          </label>
        ))}
      </div>
      <span class="hint">None ticked: in any. What you put on your list, and search, is in all.</span>
    </details>
  );
}

function Tongue({
  label,
  value,
  others = [],
  onChange,
}: {
  label: string;
  value: string;
  /** What is no language: value and words. */
  others?: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}): JSX.Element {
  const id = useId();
  const known = new Set(others.map(([other]) => other));
  const tags = [...new Set([value, ...LANGUAGES])].filter((tag) => !known.has(tag));
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="select" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {others.map(([other, words]) => (
          <option key={other} value={other}>
            {words}
          </option>
        ))}
        {tags.map((tag) => (
          <option key={tag} value={tag}>
            {language(tag)}
          </option>
        ))}
      </select>
    </div>
  );
}

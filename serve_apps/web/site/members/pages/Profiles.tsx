/** Who is watching? And the care of the profiles. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { ok, profiles } from "../../lib/api.ts";
import { duration } from "../../lib/format.ts";
import { useLoad } from "../../lib/load.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { who } from "../../lib/session.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Field } from "../../ui/Field.tsx";
import { Icon } from "../../ui/Icon.tsx";
import { Failed, FormProblem, Ghost } from "../../ui/States.tsx";
import { nextPath } from "../next.ts";
import { choose, type Profile } from "../profile.ts";
import { ProfileForm } from "../ProfileForm.tsx";
import "../entry.css";

const MOST = 5;

export default function Profiles(): JSX.Element {
  usePage("Who is watching?");
  const { query, route } = useLocation();
  const loaded = useLoad("profiles", () => ok(profiles.GET("/")));
  const [editing, setEditing] = useState(false);
  const [form, setForm] = useState<{ profile: Profile | null } | null>(null);
  const [locked, setLocked] = useState<Profile | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const kids = !!who.value?.kids;
  const items = loaded.data?.items ?? [];

  const enterAs = async (profile: Profile, proof: { pin?: string; password?: string } = {}): Promise<void> => {
    setProblem(null);
    await choose(profile, proof);
    route(nextPath(query), true);
  };
  const pick = (profile: Profile): void => {
    if (editing) {
      setForm({ profile });
      return;
    }
    if (profile.profile_id === who.value?.profileId) {
      route(nextPath(query), true);
      return;
    }
    if (profile.has_pin || (kids && !profile.kids)) {
      setLocked(profile);
      return;
    }
    enterAs(profile).catch((thrown: unknown) => {
      const refused = asProblem(thrown);
      // A PIN was set on another device meanwhile.
      if (refused.slug === "wrong-pin") setLocked(profile);
      else setProblem(refused);
    });
  };

  return (
    <div class="page">
      <h1>{editing ? "Change profiles" : "Who is watching?"}</h1>
      <div style={{ padding: "40px 0 32px" }}>
        {loaded.error && !loaded.data ? (
          <Failed problem={loaded.error} what="The profiles could not be loaded" onAgain={() => void loaded.reload()} />
        ) : (
          <ul class="faces">
            {items.map((profile) => (
              <li key={profile.profile_id}>
                <button class="face" type="button" onClick={() => pick(profile)}>
                  <Avatar name={profile.name} avatar={profile.avatar} size="116px" />
                  <span>
                    {profile.name}
                    {editing ? <Icon name="edit" /> : profile.has_pin && <Icon name="lock" />}
                    {editing && <span class="unseen"> (change)</span>}
                    {!editing && profile.has_pin && <span class="unseen"> (has a PIN)</span>}
                  </span>
                </button>
              </li>
            ))}
            {loaded.slow && <Ghost width={116} height={116} />}
            {loaded.data && !kids && items.length < MOST && (
              <li>
                <button class="face" type="button" onClick={() => setForm({ profile: null })}>
                  <span class="new">
                    <Icon name="plus" />
                  </span>
                  <span>Add a profile</span>
                </button>
              </li>
            )}
          </ul>
        )}
        {problem && <FormProblem problem={problem} />}
      </div>
      {loaded.data && !kids && (
        <button class="btn" type="button" onClick={() => setEditing(!editing)}>
          {editing ? "Done" : "Change profiles"}
        </button>
      )}
      {form && (
        <ProfileForm
          profile={form.profile}
          last={items.length < 2}
          onClose={() => {
            setForm(null);
            void loaded.reload();
          }}
        />
      )}
      {locked && <Lock profile={locked} onProof={(proof) => enterAs(locked, proof)} onClose={() => setLocked(null)} />}
    </div>
  );
}

function Lock({
  profile,
  onProof,
  onClose,
}: {
  profile: Profile;
  onProof: (proof: { pin?: string; password?: string }) => Promise<void>;
  onClose: () => void;
}): JSX.Element {
  const [byPassword, setByPassword] = useState(!profile.has_pin);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await onProof(byPassword ? { password: text } : { pin: text });
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setText("");
      setBusy(false);
    }
  };
  useEffect(() => {
    document.querySelector<HTMLInputElement>("dialog[open] input")?.focus();
  }, [byPassword]);
  const wrong = problem?.slug === "wrong-pin" || problem?.slug === "wrong-credentials";
  const locked = problem?.slug === "too-many-requests";
  return (
    <Dialog
      title={byPassword ? `The account’s password, for ${profile.name}` : `PIN of ${profile.name}`}
      onClose={onClose}
    >
      <form class="form" onSubmit={(event) => void submit(event)}>
        <Field
          key={byPassword ? "password" : "pin"}
          label={byPassword ? "Password" : "PIN"}
          name={byPassword ? "password" : "pin"}
          type="password"
          inputMode={byPassword ? "text" : "numeric"}
          autocomplete={byPassword ? "current-password" : "off"}
          required
          value={text}
          maxLength={byPassword ? 256 : 6}
          wrong={
            locked
              ? `Too many tries. Again in ${duration(problem.retryAfterS ?? 60)}.`
              : wrong
                ? byPassword
                  ? "That is not the account’s password."
                  : "That is not the PIN."
                : problem?.fields["pin"]
          }
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {!wrong && !locked && <FormProblem problem={problem} />}
        <div class="acts">
          <button class="btn go" disabled={busy}>
            Go on
          </button>
          <button class="btn" type="button" onClick={onClose}>
            Cancel
          </button>
          {profile.has_pin && (
            <button
              class="link"
              type="button"
              onClick={() => {
                setByPassword(!byPassword);
                setText("");
                setProblem(null);
              }}
            >
              {byPassword ? "Use the PIN" : "Forgot the PIN?"}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

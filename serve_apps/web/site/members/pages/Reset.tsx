/** A new password by a link that an operator gave. The link's secret stands behind the #, which no server ever sees. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { auth, ok } from "../../lib/api.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { leave, who } from "../../lib/session.ts";
import { Field } from "../../ui/Field.tsx";
import { FormProblem } from "../../ui/States.tsx";
import { Entry } from "../Entry.tsx";

export default function Reset(): JSX.Element {
  usePage("A new password");
  const [token] = useState(() => location.hash.slice(1));
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await ok(auth.POST("/password-resets", { body: { token, password } }));
      history.replaceState(null, "", "/reset");
      setDone(true);
      if (who.value) leave();
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
    setBusy(false);
  };

  const useless = !token || problem?.slug === "reset-link-invalid";
  if (done) {
    return (
      <Entry picture="a new key">
        <h1>The new password is set</h1>
        <p class="lead">All devices are signed out. Sign in with the new password.</p>
        <a class="btn go wide" href="/sign-in">
          Sign in
        </a>
      </Entry>
    );
  }
  if (useless) {
    return (
      <Entry picture="a new key">
        <h1>This link does not work any more</h1>
        <p class="lead">
          A link is good for one use within an hour. Ask whoever runs this Matinee for another; your account is
          unchanged.
        </p>
        <a class="btn wide" href="/sign-in">
          Go to sign in
        </a>
      </Entry>
    );
  }
  const weak = problem?.slug === "weak-password" ? problem.detail || problem.title : undefined;
  return (
    <Entry picture="a new key">
      <h1>Set a new password</h1>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <Field
          label="New password"
          name="password"
          type="password"
          value={password}
          autocomplete="new-password"
          required
          hint="At least ten characters."
          wrong={weak ?? problem?.fields["password"]}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
        {!weak && <FormProblem problem={problem} />}
        <button class="btn go wide" disabled={busy}>
          {busy ? "Setting it…" : "Set the password"}
        </button>
      </form>
    </Entry>
  );
}

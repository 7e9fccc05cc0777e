/** Making an account; its first profile comes with it. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { auth, ok } from "../../lib/api.ts";
import { deviceName } from "../../lib/device.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { enter } from "../../lib/session.ts";
import { Field } from "../../ui/Field.tsx";
import { FormProblem } from "../../ui/States.tsx";
import { Entry } from "../Entry.tsx";
import { nextPath } from "../next.ts";

export default function SignUp(): JSX.Element {
  usePage("Make an account");
  const { query, route } = useLocation();
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const tokens = await ok(auth.POST("/accounts", { body: { name, email, password, device_name: deviceName() } }));
      const next = nextPath(query);
      enter(tokens);
      route(next === "/" ? "/profiles" : `/profiles?next=${encodeURIComponent(next)}`, true);
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  };

  const taken = problem?.slug === "account-exists";
  const weak = problem?.slug === "weak-password" ? problem.detail || problem.title : undefined;
  return (
    <Entry picture="the first row">
      <h1>Make an account</h1>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <Field
          label="Your name"
          name="name"
          value={name}
          autocomplete="name"
          required
          maxLength={40}
          hint="Shown on your first profile. You can change it."
          wrong={problem?.fields["name"]}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Field
          label="E-mail"
          name="email"
          type="email"
          value={email}
          autocomplete="username"
          required
          wrong={taken ? "There is an account with this e-mail already." : problem?.fields["email"]}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          value={password}
          autocomplete="new-password"
          required
          hint="At least ten characters. A few words are better than one clever one."
          wrong={weak ?? problem?.fields["password"]}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
        {!taken && !weak && <FormProblem problem={problem} />}
        <button class="btn go wide" disabled={busy}>
          {busy ? "Making your account…" : "Make the account"}
        </button>
      </form>
      <p class="dim">
        You have one already?{" "}
        <a class="link" href={`/sign-in${location.search}`}>
          Sign in
        </a>
      </p>
    </Entry>
  );
}

/** Signing in, with the place one wanted kept as `?next=`. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { auth, ok } from "../../lib/api.ts";
import { deviceName } from "../../lib/device.ts";
import { duration } from "../../lib/format.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { enter, signedOutBecause } from "../../lib/session.ts";
import { Field } from "../../ui/Field.tsx";
import { FormProblem } from "../../ui/States.tsx";
import { Entry } from "../Entry.tsx";
import { nextPath } from "../next.ts";

export default function SignIn(): JSX.Element {
  usePage("Sign in");
  const { query, route } = useLocation();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const locked = problem?.slug === "too-many-requests";
  const [waitS, setWaitS] = useState(0);

  useEffect(() => {
    if (!locked) return;
    const until = Date.now() + (problem?.retryAfterS ?? 60) * 1000;
    const tick = (): void => setWaitS(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [problem]);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const tokens = await ok(auth.POST("/tokens", { body: { email, password, device_name: deviceName() } }));
      signedOutBecause.value = null;
      const next = nextPath(query);
      if (next === "/console" || next.startsWith("/console/")) {
        enter(tokens);
        location.assign(next);
        return;
      }
      enter(tokens);
      route(next === "/" ? "/profiles" : `/profiles?next=${encodeURIComponent(next)}`, true);
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  };

  return (
    <Entry picture="back again">
      <h1>Sign in</h1>
      {signedOutBecause.value && !problem && (
        <div class="notice" role="status">
          <b>{signedOutBecause.value}</b>
          <span>Your place in every film is kept.</span>
        </div>
      )}
      <form class="form" onSubmit={(event) => void submit(event)}>
        <Field
          label="E-mail"
          name="email"
          type="email"
          value={email}
          autocomplete="username"
          required
          wrong={problem?.fields["email"]}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          value={password}
          autocomplete="current-password"
          required
          wrong={problem?.fields["password"]}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
        {problem?.slug === "wrong-credentials" ? (
          <div class="notice bad" role="alert">
            <b>E-mail and password do not match</b>
            <span>If the password is lost, whoever runs this Matinee can give you a link to set a new one.</span>
          </div>
        ) : problem?.slug === "account-disabled" ? (
          <div class="notice bad" role="alert">
            <b>This account is disabled</b>
            <span>Ask whoever runs this Matinee. Your lists and places are kept.</span>
          </div>
        ) : locked ? (
          <div class="notice bad" role="alert">
            <b>Too many tries</b>
            <span>
              {waitS > 0
                ? `Try again in ${duration(waitS)}. Devices that know this account are not locked.`
                : "You can try again now."}
            </span>
          </div>
        ) : (
          <FormProblem problem={problem} />
        )}
        <button class="btn go wide" disabled={busy || (locked && waitS > 0)}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
      <p class="dim">
        New here?{" "}
        <a class="link" href={`/sign-up${location.search}`}>
          Make an account
        </a>
        . On a television?{" "}
        <a class="link" href="/tv">
          Sign in with a code
        </a>
        .
      </p>
    </Entry>
  );
}

/** Letting a television in: the code that it shows, and a yes or a no. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { auth, ok } from "../../lib/api.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { who } from "../../lib/session.ts";
import { Field } from "../../ui/Field.tsx";
import { Empty, FormProblem } from "../../ui/States.tsx";
import "../entry.css";

interface Asked {
  user_code: string;
  device_name: string;
  state: "pending" | "approved" | "denied";
}

/** `abcdefgh` as it is shown: `ABCD-EFGH`. */
function spelled(typed: string): string {
  const letters = typed
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "")
    .slice(0, 8);
  return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
}

export default function Link(): JSX.Element {
  usePage("Sign in a television");
  const { query } = useLocation();
  const [code, setCode] = useState(spelled(query["code"] ?? ""));
  const [asked, setAsked] = useState<Asked | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);

  const act = async (what: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await what();
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
    setBusy(false);
  };
  const find = (): Promise<void> =>
    act(async () =>
      setAsked(await ok(auth.GET("/device-codes/{user_code}", { params: { path: { user_code: code } } }))),
    );
  const answer = (yes: boolean): Promise<void> =>
    act(async () => {
      const params = { params: { path: { user_code: code } } };
      await ok(
        yes
          ? auth.POST("/device-codes/{user_code}/approve", params)
          : auth.POST("/device-codes/{user_code}/deny", params),
      );
      setAsked((before) => before && { ...before, state: yes ? "approved" : "denied" });
    });
  useEffect(() => {
    if (code.length === 9) void find();
  }, []);

  if (who.value?.kids) {
    return (
      <div class="page">
        <Empty title="A grown-up signs televisions in" level={1}>
          <p>Change to another profile first.</p>
          <a class="btn" href="/profiles">
            Change profile
          </a>
        </Empty>
      </div>
    );
  }
  if (asked && asked.state !== "pending") {
    return (
      <div class="page">
        <Empty
          title={asked.state === "approved" ? "The television is signed in" : "The television stays out"}
          level={1}
        >
          <p>
            {asked.state === "approved"
              ? `${asked.device_name} goes on by itself in a moment.`
              : "It can ask again with a new code."}
          </p>
          <div class="acts">
            <a class="btn go" href="/">
              Go home
            </a>
            <a class="btn" href="/account">
              Your devices
            </a>
          </div>
        </Empty>
      </div>
    );
  }
  return (
    <div class="page" style={{ maxWidth: "640px" }}>
      {asked ? (
        <div class="form">
          <h1>Let “{asked.device_name}” in?</h1>
          <p class="dim">
            It shows the code <b>{asked.user_code}</b> right now. Say yes only if you see it on your own screen: it can
            then watch with your account.
          </p>
          <FormProblem problem={problem} />
          <div class="acts">
            <button class="btn go" type="button" disabled={busy} onClick={() => void answer(true)}>
              Yes, sign it in
            </button>
            <button class="btn" type="button" disabled={busy} onClick={() => void answer(false)}>
              No
            </button>
          </div>
        </div>
      ) : (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void find();
          }}
        >
          <h1>Sign in a television</h1>
          <p class="dim">
            On the television, open this site and choose <b>This is a television</b>. Then type the code that it shows.
          </p>
          <Field
            label="Code"
            name="code"
            value={code}
            required
            autocomplete="off"
            spellcheck={false}
            placeholder="ABCD-EFGH"
            maxLength={9}
            wrong={
              problem?.slug === "device-code-not-found"
                ? "No television shows this code. It may have run out."
                : problem?.fields["user_code"]
            }
            onInput={(event) => setCode((event.currentTarget.value = spelled(event.currentTarget.value)))}
          />
          {problem?.slug !== "device-code-not-found" && <FormProblem problem={problem} />}
          <div class="acts">
            <button class="btn go" disabled={busy || code.length < 9}>
              Go on
            </button>
          </div>
        </form>
      )}
    </div>
  );
}

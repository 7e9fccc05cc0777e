/** The account: name, e-mail, password, the plan, and the devices that are signed in. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { components } from "../../api/auth.ts";
import { auth, ok } from "../../lib/api.ts";
import { ago, count } from "../../lib/format.ts";
import { outdate, put, useLoad } from "../../lib/load.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { leave, who } from "../../lib/session.ts";
import { setTheme, theme, type Theme } from "../../lib/theme.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { Choices, Field } from "../../ui/Field.tsx";
import { Empty, Failed, FormProblem, Ghost, Stale } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { signOut } from "../profile.ts";
import "../entry.css";

type Details = components["schemas"]["AccountDetails"];
type Device = components["schemas"]["Device"];
type DevicePage = components["schemas"]["DevicePage"];

export default function Account(): JSX.Element {
  usePage("Account");
  const kids = !!who.value?.kids;
  const account = useLoad(kids ? null : "account", () => ok(auth.GET("/account")));
  const devices = useLoad(kids ? null : "devices", readDevices);
  const [asks, setAsks] = useState<"email" | "password" | "close" | null>(null);
  if (kids) {
    return (
      <div class="page">
        <Empty title="The account is for grown-ups" level={1}>
          <p>Change to another profile first.</p>
          <a class="btn" href="/profiles">
            Change profile
          </a>
        </Empty>
      </div>
    );
  }
  const details = account.data;
  return (
    <div class="page account">
      <h1>Account</h1>
      <Stale loaded={account} />
      {account.error && !details ? (
        <Failed problem={account.error} what="The account could not be loaded" onAgain={() => void account.reload()} />
      ) : !details || !(devices.data || devices.error) ? (
        // Together, or one part would push the others down.
        (account.slow || devices.slow) && <Ghost height={220} />
      ) : (
        <>
          <section class="panel" aria-label="You">
            <You details={details} onAsk={setAsks} />
          </section>
          <section class="panel" aria-label="Plan">
            <h2>Plan</h2>
            <p>
              <b>{details.plan.name}</b>: watch on {count(details.plan.streams, "device")} at the same time. There is
              nothing to pay here.
            </p>
          </section>
          <Devices />
          <section class="panel" aria-label="Look">
            <h2>Look</h2>
            <Choices<Theme>
              legend="On this device"
              name="theme"
              value={theme.value}
              onChange={setTheme}
              options={[
                { value: "dark", label: "Dark" },
                { value: "light", label: "Light" },
                { value: "system", label: "As the system" },
              ]}
            />
          </section>
          <section class="panel" aria-label="Leaving">
            <h2>Leaving</h2>
            <div class="acts">
              <SignOut />
              <button class="btn no" type="button" onClick={() => setAsks("close")}>
                Close the account
              </button>
            </div>
          </section>
        </>
      )}
      {asks === "email" && details && <ChangeEmail details={details} onClose={() => setAsks(null)} />}
      {asks === "password" && <ChangePassword onClose={() => setAsks(null)} />}
      {asks === "close" && <Close onClose={() => setAsks(null)} />}
    </div>
  );
}

function You({ details, onAsk }: { details: Details; onAsk: (what: "email" | "password") => void }): JSX.Element {
  const [name, setName] = useState(details.name);
  const [problem, setProblem] = useState<Problem | null>(null);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem(null);
    try {
      put("account", await ok(auth.PATCH("/account", { body: { name } })));
      toast("Your name is changed.");
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
  };
  return (
    <>
      <h2>You</h2>
      <form class="form" onSubmit={(event) => void save(event)}>
        <Field
          label="Name"
          name="name"
          value={name}
          required
          maxLength={40}
          autocomplete="name"
          wrong={problem?.fields["name"]}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <FormProblem problem={problem} />
        <div class="acts">
          <button class="btn" disabled={name.trim() === details.name || !name.trim()}>
            Save the name
          </button>
        </div>
      </form>
      <p>
        <span class="dim">E-mail</span> <b>{details.email}</b>
      </p>
      <div class="acts">
        <button class="btn" type="button" onClick={() => onAsk("email")}>
          Change e-mail
        </button>
        <button class="btn" type="button" onClick={() => onAsk("password")}>
          Change password
        </button>
      </div>
    </>
  );
}

const readDevices = (): Promise<DevicePage> => ok(auth.GET("/devices", { params: { query: { limit: 100 } } }));

function Devices(): JSX.Element {
  const devices = useLoad("devices", readDevices);
  const [problem, setProblem] = useState<Problem | null>(null);
  const revoke = async (device: Device): Promise<void> => {
    setProblem(null);
    try {
      await ok(auth.DELETE("/devices/{device_id}", { params: { path: { device_id: device.device_id } } }));
      toast(`${device.name} is signed out.`);
      await devices.reload();
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
  };
  const { route } = useLocation();
  return (
    <section class="panel" aria-label="Devices">
      <h2>Devices</h2>
      <Stale loaded={devices} />
      {devices.error && !devices.data && (
        <Failed problem={devices.error} what="The devices could not be loaded" onAgain={() => void devices.reload()} />
      )}
      <FormProblem problem={problem} />
      <ul class="devices">
        {devices.data?.items.map((device) => (
          <li key={device.device_id}>
            <div>
              <b>{device.name}</b>
              {device.current && (
                <>
                  {" "}
                  <span class="tag">This device</span>
                </>
              )}
              <br />
              <span class="dim">
                Last used {ago(device.seen_at)}, signed in {ago(device.created_at)}
              </span>
            </div>
            {!device.current && (
              <button
                class="btn s"
                type="button"
                aria-label={`Sign out ${device.name}`}
                onClick={() => void revoke(device)}
              >
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
      <div class="acts">
        <button class="btn" type="button" onClick={() => route("/link")}>
          Sign in a television
        </button>
      </div>
    </section>
  );
}

function SignOut(): JSX.Element {
  const { route } = useLocation();
  return (
    <button class="btn" type="button" onClick={() => void signOut().finally(() => route("/"))}>
      Sign out on this device
    </button>
  );
}

function ChangeEmail({ details, onClose }: { details: Details; onClose: () => void }): JSX.Element {
  const [email, setEmail] = useState(details.email);
  const [password, setPassword] = useState("");
  const { busy, problem, act } = useAct(onClose);
  return (
    <Dialog title="Change e-mail" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void act(async () => {
            put("account", await ok(auth.PATCH("/account", { body: { email, current_password: password } })));
            toast("Your e-mail is changed.");
          });
        }}
      >
        <Field
          label="New e-mail"
          name="email"
          type="email"
          value={email}
          required
          autocomplete="email"
          wrong={problem?.slug === "account-exists" ? "Another account has this e-mail." : problem?.fields["email"]}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        <Current value={password} problem={problem} onInput={setPassword} />
        <Rest problem={problem} known={["account-exists", "wrong-pin", "wrong-credentials"]} />
        <Buttons act="Change it" busy={busy} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function ChangePassword({ onClose }: { onClose: () => void }): JSX.Element {
  const [fresh, setFresh] = useState("");
  const [password, setPassword] = useState("");
  const { busy, problem, act } = useAct(onClose);
  return (
    <Dialog title="Change password" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void act(async () => {
            await ok(auth.PATCH("/account", { body: { password: fresh, current_password: password } }));
            outdate("devices");
            toast("The password is changed. All other devices are signed out.");
          });
        }}
      >
        <Current value={password} problem={problem} onInput={setPassword} />
        <Field
          label="New password"
          name="password"
          type="password"
          value={fresh}
          required
          autocomplete="new-password"
          hint="At least ten characters. All other devices are signed out."
          wrong={problem?.slug === "weak-password" ? problem.detail || problem.title : problem?.fields["password"]}
          onInput={(event) => setFresh(event.currentTarget.value)}
        />
        <Rest problem={problem} known={["weak-password", "wrong-pin", "wrong-credentials"]} />
        <Buttons act="Change it" busy={busy} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function Close({ onClose }: { onClose: () => void }): JSX.Element {
  const [password, setPassword] = useState("");
  const { busy, problem, act } = useAct(onClose);
  const { route } = useLocation();
  return (
    <Dialog title="Close the account?" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void act(async () => {
            await ok(auth.DELETE("/account", { body: { password } }));
            leave();
            route("/", true);
          });
        }}
      >
        <p>All profiles, lists and places go with it, on every device. This cannot be taken back.</p>
        <Current value={password} problem={problem} onInput={setPassword} />
        <Rest problem={problem} known={["wrong-pin", "wrong-credentials"]} />
        <div class="acts">
          <button class="btn no" disabled={busy}>
            Close it for good
          </button>
          <button class="btn" type="button" onClick={onClose}>
            Keep it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Current({
  value,
  problem,
  onInput,
}: {
  value: string;
  problem: Problem | null;
  onInput: (value: string) => void;
}): JSX.Element {
  const wrong = problem?.slug === "wrong-pin" || problem?.slug === "wrong-credentials";
  return (
    <Field
      label="Password now"
      name="current_password"
      type="password"
      value={value}
      required
      autocomplete="current-password"
      wrong={wrong ? "That is not the password." : problem?.fields["current_password"]}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}

function Rest({ problem, known }: { problem: Problem | null; known: string[] }): JSX.Element | null {
  return problem && !known.includes(problem.slug) ? <FormProblem problem={problem} /> : null;
}

function Buttons({ act, busy, onClose }: { act: string; busy: boolean; onClose: () => void }): JSX.Element {
  return (
    <div class="acts">
      <button class="btn go" disabled={busy}>
        {act}
      </button>
      <button class="btn" type="button" onClick={onClose}>
        Cancel
      </button>
    </div>
  );
}

/** A form's act: busy while it runs, closed when it is done, its problem kept. */
function useAct(onDone: () => void): {
  busy: boolean;
  problem: Problem | null;
  act: (what: () => Promise<void>) => Promise<void>;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const act = async (what: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await what();
      onDone();
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  };
  return { busy, problem, act };
}

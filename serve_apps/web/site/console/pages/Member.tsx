/** One member: who it is, their devices, and what an operator can do for or against them. */
import { useRoute } from "preact-iso";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { ago, timeOfDay } from "../../lib/format.ts";
import { put, useLoad } from "../../lib/load.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { who } from "../../lib/session.ts";
import { Confirm, Dialog } from "../../ui/Dialog.tsx";
import { Empty, Failed, FormProblem } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import {
  makeResetLink,
  readDevices,
  readMember,
  setDisabled,
  signDeviceOut,
  type Device,
  type Member as Person,
  type ResetLink,
} from "../calls.ts";
import { POLL_MS, useStatus } from "../now.ts";
import { Cell, GhostRows, Pager, Row, Table, usePages } from "../Table.tsx";
import { StatePill, Top } from "../Top.tsx";

const PAGE = 25;

export default function Member(): JSX.Element {
  const accountId = useRoute().params["accountId"] ?? "";
  // A page of its own for each, so that nothing of one is shown at another.
  return <OneMember key={accountId} accountId={accountId} />;
}

function OneMember({ accountId }: { accountId: string }): JSX.Element {
  const key = `c:member:${accountId}`;
  const loaded = useLoad(key, (signal) => readMember(accountId, signal), POLL_MS);
  const { data } = loaded;
  if (!data) {
    return (
      <>
        <Top title="Member" loaded={loaded} />
        {loaded.error?.status === 404 ? (
          <Empty title="There is no such member">
            <p>The account may have been deleted.</p>
            <a class="btn" href="/console/members">
              All members
            </a>
          </Empty>
        ) : loaded.error ? (
          <Failed problem={loaded.error} what="The member could not be read" onAgain={() => void loaded.reload()} />
        ) : (
          <section class="panel" aria-busy="true">
            {loaded.slow && <GhostRows rows={3} />}
          </section>
        )}
      </>
    );
  }
  return (
    <>
      <Top title={data.name} loaded={loaded}>
        <a class="btn" href="/console/members">
          All members
        </a>
      </Top>
      <div class="two">
        <section class="panel" aria-labelledby="account">
          <header>
            <h2 id="account">Account</h2>
            <StatePill tone={data.disabled ? "bad" : "good"}>{data.disabled ? "Disabled" : "Active"}</StatePill>
          </header>
          <dl class="facts">
            <dt>E-mail</dt>
            <dd>{data.email}</dd>
            <dt>Role</dt>
            <dd>{data.roles.includes("operator") ? "Operator" : "Member"}</dd>
            <dt>Joined</dt>
            <dd>
              <time dateTime={data.created_at} title={new Date(data.created_at).toLocaleString("en-GB")}>
                {ago(data.created_at)}
              </time>
            </dd>
            <dt>Account id</dt>
            <dd>
              <code>{data.account_id}</code>
            </dd>
          </dl>
        </section>
        <Acts member={data} onChange={(disabled) => put<Person>(key, { ...data, disabled })} />
      </div>
      <Devices member={data} />
    </>
  );
}

function Acts({ member, onChange }: { member: Person; onChange: (disabled: boolean) => void }): JSX.Element {
  const [asking, setAsking] = useState<"disable" | "reset" | null>(null);
  const [link, setLink] = useState<ResetLink | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const self = who.value?.accountId === member.account_id;
  const ask = (wish: typeof asking): void => {
    setProblem(null);
    setAsking(wish);
  };
  const act = async (run: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await run();
      setAsking(null);
    } catch (thrown) {
      setProblem(asProblem(thrown));
    } finally {
      setBusy(false);
    }
  };
  const disable = (disabled: boolean): Promise<void> =>
    act(async () => {
      await setDisabled(member.account_id, disabled);
      onChange(disabled);
      toast(disabled ? `${member.name} is disabled.` : `${member.name} can sign in again.`);
    });
  return (
    <section class="panel" aria-labelledby="acts">
      <header>
        <h2 id="acts">What you can do</h2>
      </header>
      <div class="deeds">
        <div>
          <p>
            {self
              ? "This is your own account: nobody disables themselves."
              : member.disabled
                ? "Nobody can sign in to this account. What it holds is kept."
                : "Signs all devices out and lets nobody sign in. What the account holds is kept."}
          </p>
          {member.disabled ? (
            <button class="btn" type="button" disabled={busy} onClick={() => void disable(false)}>
              Enable
            </button>
          ) : (
            <button class="btn no" type="button" disabled={self || busy} onClick={() => ask("disable")}>
              Disable
            </button>
          )}
        </div>
        <div>
          <p>A link to choose a new password. It works once and for an hour; you give it to the member.</p>
          <button class="btn" type="button" disabled={busy} onClick={() => ask("reset")}>
            Password reset link
          </button>
        </div>
        {asking === null && <FormProblem problem={problem} />}
      </div>
      {asking === "disable" && (
        <Confirm
          title={`Disable ${member.name}?`}
          act="Disable"
          busy={busy}
          onAct={() => void disable(true)}
          onClose={() => ask(null)}
        >
          <p>All their devices are signed out within seconds, and what plays on them ends.</p>
          <FormProblem problem={problem} />
        </Confirm>
      )}
      {asking === "reset" && (
        <Dialog title={`Let ${member.name} choose a new password?`} onClose={() => ask(null)}>
          <p>Whoever has the link can take the account over. An earlier link of theirs stops working.</p>
          <FormProblem problem={problem} />
          <div class="acts">
            <button
              class="btn go"
              type="button"
              disabled={busy}
              onClick={() => void act(async () => setLink(await makeResetLink(member.account_id)))}
            >
              Make the link
            </button>
            <button class="btn" type="button" onClick={() => ask(null)}>
              Leave it
            </button>
          </div>
        </Dialog>
      )}
      {link && <LinkOnce link={link} name={member.name} onClose={() => setLink(null)} />}
    </section>
  );
}

/** Shown once: it is nowhere else, here neither once this is closed. */
function LinkOnce({ link, name, onClose }: { link: ResetLink; name: string; onClose: () => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<boolean | null>(null);
  const site = useStatus().data?.site_url ?? location.origin;
  const address = `${site.replace(/\/+$/, "")}${link.reset_path}`;
  return (
    <Dialog title="The link, shown once" onClose={onClose}>
      <div class="field">
        <label for="reset-link">Password reset link for {name}</label>
        <input
          class="input"
          id="reset-link"
          ref={input}
          readOnly
          value={address}
          aria-describedby="reset-until"
          onFocus={(event) => event.currentTarget.select()}
        />
        <span class="hint" id="reset-until">
          Works once, until {timeOfDay(Date.parse(link.expires_at))}. It cannot be shown again; a new one can be made.
        </span>
      </div>
      <div class="acts">
        <button class="btn go" type="button" onClick={() => void copy(address, input.current!).then(setCopied)}>
          {copied ? "Copied" : "Copy the link"}
        </button>
        <button class="btn" type="button" onClick={onClose}>
          Done
        </button>
        <span role="status" class="dim">
          {copied === null ? "" : copied ? "The link is on the clipboard." : "It could not be copied: select it above."}
        </span>
      </div>
    </Dialog>
  );
}

/** Copy; where the page is not served over HTTPS a browser offers only the old way. */
async function copy(text: string, shown: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    shown.focus();
    shown.select();
    return document.execCommand("copy");
  }
}

function Devices({ member }: { member: Person }): JSX.Element {
  const pages = usePages();
  const loaded = useLoad(
    `c:devices:${member.account_id}:${pages.cursor ?? ""}`,
    (signal) => readDevices(member.account_id, { limit: PAGE, cursor: pages.cursor }, signal),
    POLL_MS,
  );
  const [leaving, setLeaving] = useState<Device | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const signOut = async (device: Device): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await signDeviceOut(member.account_id, device.device_id);
      toast(`${device.name} is signed out.`);
      setLeaving(null);
      void loaded.reload();
    } catch (thrown) {
      setProblem(asProblem(thrown));
    } finally {
      setBusy(false);
    }
  };
  const { data } = loaded;
  return (
    <>
      <section class="panel" aria-labelledby="devices" aria-busy={data ? undefined : "true"}>
        <header>
          <h2 id="devices">Devices</h2>
          <span>A device that is signed out is refused within five seconds.</span>
        </header>
        {data ? (
          data.items.length > 0 ? (
            <Table label="Devices" head={["Device", "Signed in", "Last seen", "Act"]}>
              {data.items.map((device) => (
                <Row key={device.device_id}>
                  <Cell>
                    <span class="strong">{device.name}</span>
                    {device.device_id === who.value?.deviceId && <span class="under">this one</span>}
                  </Cell>
                  <Cell label="Signed in">{ago(device.created_at)}</Cell>
                  <Cell label="Last seen">{ago(device.seen_at)}</Cell>
                  <Cell>
                    <button
                      class="btn s"
                      type="button"
                      onClick={() => {
                        setProblem(null);
                        setLeaving(device);
                      }}
                    >
                      Sign out<span class="unseen"> {device.name}</span>
                    </button>
                  </Cell>
                </Row>
              ))}
            </Table>
          ) : (
            <p class="calm">No device is signed in.</p>
          )
        ) : loaded.error ? (
          <div class="calm">
            <Failed
              problem={loaded.error}
              what="The devices could not be listed"
              onAgain={() => void loaded.reload()}
            />
          </div>
        ) : (
          loaded.slow && <GhostRows rows={2} />
        )}
      </section>
      <Pager pages={pages} next={data?.next_cursor} />
      {leaving && (
        <Confirm
          title={`Sign ${leaving.name} out?`}
          act="Sign out"
          busy={busy}
          onAct={() => void signOut(leaving)}
          onClose={() => setLeaving(null)}
        >
          <p>What plays there ends. {member.name} can sign in again.</p>
          <FormProblem problem={problem} />
        </Confirm>
      )}
    </>
  );
}

/** Signing in a television: a code and a QR picture that one opens on the phone (RFC 8628). */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { renderSVG } from "uqr";

import { auth, ok } from "../../lib/api.ts";
import { deviceName } from "../../lib/device.ts";
import { usePage } from "../../lib/page.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { enter } from "../../lib/session.ts";
import { Mark } from "../../ui/Icon.tsx";
import { Failed } from "../../ui/States.tsx";
import "../entry.css";

interface Code {
  device_code: string;
  user_code: string;
  verification_path: string;
  expires_in_s: number;
  interval_s: number;
}

export default function Tv(): JSX.Element {
  usePage("Sign in on this television");
  const { route } = useLocation();
  const [round, setRound] = useState(0);
  const [code, setCode] = useState<Code | null>(null);
  const [ended, setEnded] = useState<Problem | null>(null);

  useEffect(() => {
    let live = true;
    let timer: ReturnType<typeof setTimeout>;
    setEnded(null);
    setCode(null);
    const ask = async (given: Code, intervalS: number): Promise<void> => {
      if (!live) return;
      try {
        // A 400 every few seconds would fill the browser's console.
        const body = { device_code: given.device_code, accept_pending: true };
        const told = await ok(auth.POST("/tokens/device-code", { body }));
        if (!live) return;
        if ("interval_s" in told) {
          timer = setTimeout(() => void ask(given, told.interval_s), told.interval_s * 1000);
          return;
        }
        enter(told);
        route("/profiles", true);
      } catch (thrown) {
        if (!live) return;
        const problem = asProblem(thrown);
        const waiting = ["offline", "unreachable", "unavailable"].includes(problem.slug);
        if (waiting || problem.status >= 500) timer = setTimeout(() => void ask(given, intervalS), intervalS * 1000);
        else setEnded(problem);
      }
    };
    ok(auth.POST("/device-codes", { body: { device_name: deviceName() } })).then(
      (given) => {
        if (!live) return;
        setCode(given);
        timer = setTimeout(() => void ask(given, given.interval_s), given.interval_s * 1000);
      },
      (thrown: unknown) => live && setEnded(asProblem(thrown)),
    );
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, [round]);

  const expired = ended?.slug === "expired-token";
  const denied = ended?.slug === "access-denied";
  const address = code ? `${location.origin}${code.verification_path}` : "";
  return (
    <main class="plain" id="main" style={{ maxWidth: "1000px" }}>
      <Mark />
      {ended && !expired && !denied ? (
        <Failed problem={ended} what="No code could be had" level={1} onAgain={() => setRound(round + 1)} />
      ) : ended ? (
        <>
          <h1>{expired ? "This code has run out" : "This television was not let in"}</h1>
          <p class="dim">
            {expired ? "A code is good for a quarter of an hour." : "Somebody said no on the other device."}
          </p>
          <div class="acts">
            <button class="btn go" type="button" onClick={() => setRound(round + 1)}>
              Show a new code
            </button>
          </div>
        </>
      ) : (
        <>
          <h1>Sign in with your phone</h1>
          <div class="tv-code">
            <div
              class="qr"
              role="img"
              aria-label={code ? `QR picture that leads to ${address}` : "The QR picture is on its way"}
            >
              {code ? (
                <span
                  dangerouslySetInnerHTML={{ __html: renderSVG(`${address}?code=${code.user_code}`, { border: 1 }) }}
                />
              ) : (
                <div style={{ aspectRatio: "1" }} />
              )}
            </div>
            <div class="form">
              <p class="dim">
                Point your phone’s camera at the picture, or open <b>{address || `${location.origin}/link`}</b> where
                you are signed in, and type
              </p>
              <p class="code" aria-live="polite" data-testid="user-code">
                {code?.user_code ?? "…"}
              </p>
              <p class="dim">This page goes on by itself.</p>
              <div class="acts">
                <a class="btn" href="/sign-in">
                  Use e-mail and password
                </a>
              </div>
            </div>
          </div>
        </>
      )}
    </main>
  );
}

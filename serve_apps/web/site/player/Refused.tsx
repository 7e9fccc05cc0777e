/** Why it does not play, in words, and every way on. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { auth, ok } from "../lib/api.ts";
import { count } from "../lib/format.ts";
import { useLoad } from "../lib/load.ts";
import { asProblem, type Problem } from "../lib/problem.ts";
import { who } from "../lib/session.ts";
import { Icon } from "../ui/Icon.tsx";
import type { Play } from "./play.ts";
import { endStream, type LiveStream } from "./session.ts";

export function Refused({ problem, play }: { problem: Problem; play: Play }): JSX.Element {
  return (
    <div class="refused" role="alert">
      <a class="btn round" href="/" aria-label="Home">
        <Icon name="back" />
      </a>
      <div class="state">
        <Words problem={problem} play={play} />
      </div>
    </div>
  );
}

function Words({ problem, play }: { problem: Problem; play: Play }): JSX.Element {
  const again = (): void => void play.open(play.playable.value);
  switch (problem.slug) {
    case "stream-limit":
      return <TooMany problem={problem} play={play} />;
    case "maturity":
      return (
        <>
          <h1>This is not for this profile</h1>
          <p>It is meant for older viewers than this profile may be.</p>
          <div class="acts">
            <a class="btn go" href="/profiles">
              Change profile
            </a>
            <a class="btn" href="/">
              Go home
            </a>
          </div>
        </>
      );
    case "not-playable":
      return (
        <>
          <h1>Not ready yet</h1>
          <p>It is still being prepared. Try again in a little while.</p>
          <div class="acts">
            <button class="btn go" type="button" onClick={again}>
              Try again
            </button>
            <a class="btn" href="/">
              Go home
            </a>
          </div>
        </>
      );
    case "playable-not-found":
      return (
        <>
          <h1>There is nothing to play here</h1>
          <p>It may have been taken out, or the link is old.</p>
          <a class="btn go" href="/">
            Go home
          </a>
        </>
      );
    default:
      return (
        <>
          <h1>It cannot be played right now</h1>
          <p>{problem.detail || problem.title} Your place is kept.</p>
          <div class="acts">
            <button class="btn go" type="button" onClick={again}>
              Try again
            </button>
            <a class="btn" href="/">
              Go home
            </a>
          </div>
        </>
      );
  }
}

/** Which devices watch, and a button to stop one. */
function TooMany({ problem, play }: { problem: Problem; play: Play }): JSX.Element {
  const streams = (problem.members["streams"] ?? []) as LiveStream[];
  const limit = Number(problem.members["limit"] ?? streams.length);
  // A kids profile may not ask for the devices.
  const devices = useLoad(who.value?.kids ? null : "devices", () => ok(auth.GET("/devices")));
  const [stopping, setStopping] = useState<string | null>(null);
  const [failed, setFailed] = useState<Problem | null>(null);
  const stop = async (stream: LiveStream): Promise<void> => {
    setStopping(stream.session_id);
    setFailed(null);
    try {
      await endStream(stream.session_id);
      await play.open(play.playable.value);
    } catch (thrown) {
      setFailed(asProblem(thrown));
    } finally {
      setStopping(null);
    }
  };
  return (
    <>
      <h1>{limit === 1 ? "Another device is watching" : "Too many devices are watching"}</h1>
      <p>This account can watch on {count(limit, "device")} at the same time. Stop one, and it plays here.</p>
      <ul class="streams">
        {streams.map((stream) => {
          const device =
            devices.data?.items.find((each) => each.device_id === stream.device_id)?.name ?? "Another device";
          return (
            <li key={stream.session_id}>
              <Icon name="device" />
              <span>
                <b>{device}</b>
                <span class="dim">{stream.name ?? "Something from another profile"}</span>
              </span>
              <button class="btn s" type="button" disabled={stopping !== null} onClick={() => void stop(stream)}>
                {stopping === stream.session_id ? "Stopping …" : "Stop it"}
                <span class="unseen"> on {device} and play here</span>
              </button>
            </li>
          );
        })}
      </ul>
      {failed && <p class="bad">It could not be stopped: {failed.title.toLowerCase()}.</p>}
      <div class="acts">
        <button
          class="btn"
          type="button"
          disabled={stopping !== null}
          onClick={() => void play.open(play.playable.value)}
        >
          Try again
        </button>
        <a class="btn" href="/">
          Go home
        </a>
      </div>
    </>
  );
}

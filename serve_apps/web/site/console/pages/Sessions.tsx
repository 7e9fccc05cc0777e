/** Who watches what at this moment, on which device; an operator can end a stream. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { ago, clock, count } from "../../lib/format.ts";
import { useLoad } from "../../lib/load.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { Empty, Failed, FormProblem } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { readStreams, stopStream, type Stream } from "../calls.ts";
import { POLL_MS } from "../now.ts";
import { device, person, useDevices, usePeople } from "../people.ts";
import { Cell, GhostRows, Pager, Row, Table, usePages } from "../Table.tsx";
import { StatePill, Top } from "../Top.tsx";
import { Who } from "../Who.tsx";

const PAGE = 25;
const STATES: Record<string, { tone: "good" | "busy" | "off"; word: string }> = {
  playing: { tone: "good", word: "Playing" },
  paused: { tone: "off", word: "Paused" },
  buffering: { tone: "busy", word: "Buffering" },
};

export default function Sessions(): JSX.Element {
  const pages = usePages();
  const loaded = useLoad(
    `c:streams:${pages.cursor ?? ""}`,
    (signal) => readStreams({ limit: PAGE, cursor: pages.cursor }, signal),
    POLL_MS,
  );
  const [stopping, setStopping] = useState<Stream | null>(null);
  const [stopped, setStopped] = useState<ReadonlySet<string>>(new Set());
  const { data } = loaded;
  const items = data?.items.filter(({ session_id }) => !stopped.has(session_id)) ?? [];
  usePeople(
    items.map(({ account_id }) => account_id),
    loaded.atMs,
  );
  useDevices(items, loaded.atMs);
  return (
    <>
      <Top title="Sessions" loaded={loaded} />
      <section class="panel" aria-labelledby="streams" aria-busy={data ? undefined : "true"}>
        <header>
          <h2 id="streams">{data ? count(data.total, "live stream") : "Streams"}</h2>
          <span>A stream that is stopped ends in its player within seconds.</span>
        </header>
        {data ? (
          items.length > 0 ? (
            <Table label="Streams" head={["Who", "What", "Device", "Since", "State", "Act"]}>
              {items.map((stream) => (
                <StreamRow key={stream.session_id} stream={stream} onStop={() => setStopping(stream)} />
              ))}
            </Table>
          ) : (
            <div class="calm">
              <Empty title={pages.number > 1 ? "The streams of this page have ended" : "Nobody watches at the moment"}>
                {pages.number > 1 ? (
                  <button class="btn" type="button" onClick={pages.first}>
                    Back to the first page
                  </button>
                ) : (
                  <p>Whoever presses Play appears here within two seconds.</p>
                )}
              </Empty>
            </div>
          )
        ) : loaded.error ? (
          <div class="calm">
            <Failed
              problem={loaded.error}
              what="The streams could not be listed"
              kept="They play on."
              onAgain={() => void loaded.reload()}
            />
          </div>
        ) : (
          loaded.slow && <GhostRows />
        )}
      </section>
      <Pager pages={pages} next={data?.next_cursor} />
      {stopping && (
        <Stop
          stream={stopping}
          onClose={() => setStopping(null)}
          onStopped={() => {
            setStopped((before) => new Set([...before, stopping.session_id].slice(-100)));
            setStopping(null);
            void loaded.reload();
          }}
        />
      )}
    </>
  );
}

function StreamRow({ stream, onStop }: { stream: Stream; onStop: () => void }): JSX.Element {
  const state = STATES[stream.state] ?? { tone: "off" as const, word: stream.state };
  const name = person(stream.account_id)?.name;
  return (
    <Row>
      <Cell>
        <Who accountId={stream.account_id} email />
      </Cell>
      <Cell label="What">
        {stream.title_id ? (
          <a class="strong" href={`/console/titles/${encodeURIComponent(stream.title_id)}`}>
            {stream.name}
          </a>
        ) : (
          <span class="strong">{stream.name}</span>
        )}
        <span class="under">at {clock(stream.position_s)}</span>
      </Cell>
      <Cell label="Device">
        {device(stream.account_id, stream.device_id)?.name ?? <span class="dim">Not known</span>}
      </Cell>
      <Cell label="Since">{ago(stream.started_at)}</Cell>
      <Cell label="State">
        <StatePill tone={state.tone}>{state.word}</StatePill>
      </Cell>
      <Cell>
        <button class="btn s" type="button" onClick={onStop}>
          Stop
          <span class="unseen">
            {" "}
            {stream.name}
            {name && ` of ${name}`}
          </span>
        </button>
      </Cell>
    </Row>
  );
}

function Stop({
  stream,
  onStopped,
  onClose,
}: {
  stream: Stream;
  onStopped: () => void;
  onClose: () => void;
}): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const name = person(stream.account_id)?.name ?? "A member";
  const where = device(stream.account_id, stream.device_id)?.name;
  const act = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await stopStream(stream);
      toast(`${stream.name} was stopped.`);
      onStopped();
    } catch (thrown) {
      const told = asProblem(thrown);
      if (told.status === 404) {
        toast("It had ended already.");
        onStopped();
        return;
      }
      setProblem(told);
      setBusy(false);
    }
  };
  return (
    <Confirm title="Stop this stream?" act="Stop it" busy={busy} onAct={() => void act()} onClose={onClose}>
      <p>
        {name} watches {stream.name}
        {where && ` on ${where}`}. It ends there; where they stopped is kept, and they may start again.
      </p>
      <FormProblem problem={problem} />
    </Confirm>
  );
}

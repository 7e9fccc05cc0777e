/** The services: how many replicas answer, and how many may. A slider sends when it is let go. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { asProblem } from "../../lib/problem.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { Field } from "../../ui/Field.tsx";
import { Failed } from "../../ui/States.tsx";
import { scale, type Application, type Status } from "../calls.ts";
import { useStatus } from "../now.ts";
import * as scaling from "../scaling.ts";
import type { Range } from "../scaling.ts";
import { Cell, GhostRows, Row, Table } from "../Table.tsx";
import { StatePill, Top } from "../Top.tsx";

const SEATS_SHOWN = 24;
/** Keys repeat: the number is sent when they rest. */
const KEYS_REST_MS = 600;

export default function Services(): JSX.Element {
  const status = useStatus();
  const { data } = status;
  return (
    <>
      <Top title="Services" loaded={status} />
      {data ? (
        <>
          <section class="panel" aria-labelledby="replicas">
            <header>
              <h2 id="replicas">Replicas</h2>
              <span>One seat is one replica. Drag to fix how many; it applies when you let go.</span>
            </header>
            <Table label="Services" head={["Service", "State", "Replicas", "Scale"]}>
              {data.applications.map((application) => (
                <Service
                  key={application.name}
                  application={application}
                  atMs={status.atMs}
                  onChanged={status.reload}
                />
              ))}
            </Table>
          </section>
          <Actors status={data} />
        </>
      ) : status.error ? (
        <Failed problem={status.error} what="The services could not be listed" onAgain={() => void status.reload()} />
      ) : (
        <section class="panel" aria-busy="true">
          {status.slow && <GhostRows />}
        </section>
      )}
    </>
  );
}

function Service({
  application,
  atMs,
  onChanged,
}: {
  application: Application;
  atMs: number | undefined;
  onChanged: () => Promise<void>;
}): JSX.Element {
  const { name, prefix } = application;
  const truth: Range = { min: application.min_replicas, max: application.max_replicas };
  const [state, set] = useState(scaling.CALM);
  const [typing, setTyping] = useState(false);

  useEffect(() => set((now) => scaling.seen(now, truth, Date.now())), [atMs]);
  useEffect(() => {
    const wish = state.sending;
    if (!wish) return;
    void scale(name, wish)
      .then(
        () => set((now) => scaling.taken(now, Date.now())),
        (thrown: unknown) => {
          const problem = asProblem(thrown);
          set((now) => scaling.refused(now, problem.detail || problem.title));
        },
      )
      // A status that was asked before is let go: it would tell the time before.
      .then(onChanged);
  }, [state.sending]);

  const wish = (range: Range): void => set((now) => scaling.released(scaling.moved(now, range), truth));
  const pill = scaling.pillOf(application);
  return (
    <Row>
      <Cell>
        <span class="strong">{name}</span>
        {prefix === "/" ? (
          <span class="under">the two sites</span>
        ) : (
          <a class="under link" href={`${prefix}/docs`} target="_blank" rel="noopener">
            {prefix}
            <span class="unseen">: documents of {name}, in a new tab</span>
          </a>
        )}
      </Cell>
      <Cell label="State">
        <StatePill tone={pill.tone}>{pill.word}</StatePill>
      </Cell>
      <Cell label="Replicas">
        <SeatRow seats={scaling.seatsOf(application, state.wish)} />
      </Cell>
      <Cell label="Scale">
        <div class="scale">
          <Slider
            name={name}
            truth={truth}
            shown={state.wish ?? truth}
            target={application.target}
            busy={!!state.sending}
            onMove={(range) => set((now) => scaling.moved(now, range))}
            onRelease={() => set((now) => scaling.released(now, truth))}
          />
          <button class="btn s" type="button" aria-label={`Range of ${name}`} onClick={() => setTyping(true)}>
            Range
          </button>
        </div>
        {state.refused && (
          <p class="refused" role="alert">
            Not changed to {scaling.spoken(state.refused.wish)}: {state.refused.words}{" "}
            <button class="link" type="button" onClick={() => wish(state.refused!.wish)}>
              Try again
            </button>
          </p>
        )}
        {typing && (
          <RangeDialog
            name={name}
            now={state.wish ?? truth}
            onClose={() => setTyping(false)}
            onRange={(range) => {
              setTyping(false);
              wish(range);
            }}
          />
        )}
      </Cell>
    </Row>
  );
}

function Slider({
  name,
  truth,
  shown,
  target,
  busy,
  onMove,
  onRelease,
}: {
  name: string;
  truth: Range;
  shown: Range;
  target: number;
  busy: boolean;
  onMove: (range: Range) => void;
  onRelease: () => void;
}): JSX.Element {
  const rest = useRef<ReturnType<typeof setTimeout>>(undefined);
  const byKeys = useRef(false);
  useEffect(() => () => clearTimeout(rest.current), []);
  const top = Math.max(scaling.sliderTop(truth), shown.max);
  const fixed = shown.min === shown.max;
  // A range is where its load put it; to drag it is to fix it.
  const value = fixed ? shown.min : Math.min(Math.max(target, shown.min), shown.max);
  const spoken = fixed ? scaling.spoken(shown) : `${scaling.spoken(shown)}, by load`;
  const release = (): void => {
    clearTimeout(rest.current);
    rest.current = undefined;
    onRelease();
  };
  return (
    <>
      <input
        type="range"
        min={1}
        max={top}
        step={1}
        value={value}
        aria-label={`Replicas of ${name}`}
        aria-valuetext={spoken}
        style={{ "--p": `${((value - 1) / Math.max(1, top - 1)) * 100}%` }}
        onPointerDown={() => (byKeys.current = false)}
        onPointerUp={release}
        onKeyDown={() => (byKeys.current = true)}
        onInput={(event) => {
          const number = Number(event.currentTarget.value);
          onMove({ min: number, max: number });
          clearTimeout(rest.current);
          if (byKeys.current) rest.current = setTimeout(release, KEYS_REST_MS);
        }}
        onChange={() => !byKeys.current && release()}
        onBlur={() => rest.current !== undefined && release()}
      />
      <output class={busy ? "busy" : undefined}>{fixed ? shown.min : `${shown.min}–${shown.max}`}</output>
    </>
  );
}

function SeatRow({ seats }: { seats: scaling.Seats }): JSX.Element {
  return (
    <div class="seats">
      {seats.places.slice(0, SEATS_SHOWN).map((place, index) => (
        <i class={`seat ${place}`} key={index} aria-hidden="true" />
      ))}
      {seats.places.length > SEATS_SHOWN && (
        <span class="dim" aria-hidden="true">
          +{seats.places.length - SEATS_SHOWN}
        </span>
      )}
      <span class="told">
        <span class="unseen">{seats.words}</span>
        <span aria-hidden="true">
          {seats.ready}
          <i>{seats.count.slice(String(seats.ready).length)}</i>
        </span>
      </span>
    </div>
  );
}

function RangeDialog({
  name,
  now,
  onRange,
  onClose,
}: {
  name: string;
  now: Range;
  onRange: (range: Range) => void;
  onClose: () => void;
}): JSX.Element {
  const [from, setFrom] = useState(String(now.min));
  const [to, setTo] = useState(String(now.max));
  const [wrong, setWrong] = useState<{ from?: string; to?: string }>({});
  return (
    <Dialog title={`How many replicas of ${name}`} onClose={onClose}>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          const typed = scaling.typedRange(from, to);
          if ("range" in typed) onRange(typed.range);
          else setWrong(typed);
        }}
      >
        <p class="dim">Between the two, the load decides. The same number twice fixes it. It is kept over restarts.</p>
        <div class="pair">
          <Field
            label="At least"
            inputMode="numeric"
            value={from}
            wrong={wrong.from}
            onInput={(event) => setFrom(event.currentTarget.value)}
          />
          <Field
            label="At most"
            inputMode="numeric"
            value={to}
            wrong={wrong.to}
            onInput={(event) => setTo(event.currentTarget.value)}
          />
        </div>
        <div class="acts">
          <button class="btn go" type="submit">
            Set the range
          </button>
          <button class="btn" type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The actors: only those that are silent are worth a line each. */
function Actors({ status }: { status: Status }): JSX.Element | null {
  if (status.actors.length === 0) return null;
  const silent = status.actors.filter(({ answers }) => !answers);
  return (
    <section class="panel" aria-labelledby="actors">
      <header>
        <h2 id="actors">Actors</h2>
        <span>
          {status.actors.length - silent.length} of {status.actors.length} answer
        </span>
      </header>
      {silent.length === 0 ? (
        <p class="calm">All of them answer.</p>
      ) : (
        <ul class="lines">
          {silent.slice(0, 100).map(({ name }) => (
            <li key={name}>
              <span class="strong">{name}</span>
              <StatePill tone="bad">Does not answer</StatePill>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

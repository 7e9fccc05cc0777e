/** What happens now: four figures with their last minutes, what needs a look, and what is being ingested. */
import type { ComponentChildren, JSX } from "preact";

import { bytes, count, duration } from "../../lib/format.ts";
import { Failed, Ghost } from "../../ui/States.tsx";
import type { Status } from "../calls.ts";
import { Chart, type Line } from "../Chart.tsx";
import { change, hitRate, type History } from "../history.ts";
import { history, useStatus } from "../now.ts";
import { pillOf } from "../scaling.ts";
import { StatePill, Top } from "../Top.tsx";

const LAG_HIGH_S = 30;

const STREAMS: readonly Line[] = [{ of: ({ streams }) => streams, colour: "sun-ink" }];
const EDGES: readonly Line[] = [
  { of: ({ hitsPerS }) => hitsPerS, colour: "mint" },
  { of: ({ missesPerS }) => missesPerS, colour: "sky" },
];
const JOBS: readonly Line[] = [{ of: ({ jobs }) => jobs, colour: "sun-ink" }];
const LAG: readonly Line[] = [{ of: ({ lag }) => lag, colour: "sky" }];

export default function Overview(): JSX.Element {
  const status = useStatus();
  const { data } = status;
  return (
    <>
      <Top title="Overview" loaded={status} />
      {data ? (
        <>
          <Figures status={data} seen={history.value} />
          <div class="two">
            <Attention status={data} seen={history.value} />
            <Jobs status={data} />
          </div>
        </>
      ) : status.error ? (
        <Failed problem={status.error} what="What runs could not be found out" onAgain={() => void status.reload()} />
      ) : (
        <div class="kpis" aria-busy="true">
          {Array.from({ length: 4 }, (_, index) => (
            <div class="kpi" key={index}>
              {status.slow ? <Ghost height={192} /> : <div style={{ height: "192px" }} />}
            </div>
          ))}
        </div>
      )}
    </>
  );
}

function Figures({ status, seen }: { status: Status; seen: History }): JSX.Element {
  const { samples } = seen;
  const hits = status.edges.reduce((sum, edge) => sum + edge.hits, 0);
  const misses = status.edges.reduce((sum, edge) => sum + edge.misses, 0);
  const rate = hitRate(hits, misses);
  const now = samples.at(-1);
  const streams = status.live_streams;
  const waited = status.log.oldest_unpublished_s;
  const late = waited !== null && waited > LAG_HIGH_S;
  return (
    <section class="kpis" aria-label="Now">
      <Figure
        label="Streams playing"
        href="/console/sessions"
        figure={streams === null ? "–" : streams.toLocaleString("en")}
        words={streams === null ? "not known now" : (change(samples, (sample) => sample.streams) ?? "at this moment")}
        bad={streams === null}
      >
        <Chart
          label={inWords(
            "Streams playing",
            samples.map((each) => each.streams),
          )}
          samples={samples}
          lines={STREAMS}
        />
      </Figure>
      <Figure
        label={count(status.edges.length, "edge")}
        href="/console/edges"
        figure={rate === null ? "–" : (rate * 100).toFixed(1)}
        unit={rate === null ? "" : "%"}
        words={
          seen.gone.size
            ? `${count(seen.gone.size, "edge")} went away`
            : rate === null
              ? "nothing was asked of them yet"
              : "answered from their disks"
        }
        bad={seen.gone.size > 0 || status.edges.length === 0}
      >
        <Chart
          label={`Answers a second: ${spokenRate(now?.hitsPerS)} from disk, ${spokenRate(now?.missesPerS)} fetched first`}
          samples={samples}
          lines={EDGES}
        />
      </Figure>
      <Figure
        label="Ingests running"
        href="/console/ingest"
        figure={status.jobs.length.toLocaleString("en")}
        words={
          status.collectable_bytes
            ? `${bytes(status.collectable_bytes)} of old media to collect`
            : "no old media to collect"
        }
      >
        <Chart
          label={inWords(
            "Ingests running",
            samples.map((each) => each.jobs),
          )}
          samples={samples}
          lines={JOBS}
        />
      </Figure>
      <Figure
        label="Facts not in the log yet"
        href="/console/services"
        figure={status.log.unpublished === null ? "–" : status.log.unpublished.toLocaleString("en")}
        words={
          status.log.unpublished === null
            ? "not known now"
            : waited === null || status.log.unpublished === 0
              ? "the log is up to date"
              : `the first waits for ${duration(waited)}`
        }
        bad={late || status.log.unpublished === null}
      >
        <Chart
          label={inWords(
            "Facts not in the log yet",
            samples.map((each) => each.lag),
          )}
          samples={samples}
          lines={LAG}
        />
      </Figure>
    </section>
  );
}

function Figure({
  label,
  href,
  figure,
  unit = "",
  words,
  bad = false,
  children,
}: {
  label: string;
  href: string;
  figure: string;
  unit?: string;
  words: string;
  bad?: boolean;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="kpi">
      <a href={href}>{label}</a>
      <b>
        {figure}
        {unit && <small>{unit}</small>}
      </b>
      <em class={bad ? "bad" : undefined}>{words}</em>
      {children}
    </div>
  );
}

/** `Streams playing: 12 now, from 3 to 14 since this page was opened`. */
function inWords(what: string, values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  const now = known.at(-1);
  if (now === undefined) return `${what}: not known`;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return least === most
    ? `${what}: ${now}, unchanged since the console was opened`
    : `${what}: ${now} now, from ${least} to ${most} since the console was opened`;
}

function spokenRate(rate: number | null | undefined): string {
  return rate == null ? "unknown" : rate.toFixed(1);
}

/** What is not as it should be, with the way to it. */
function Attention({ status, seen }: { status: Status; seen: History }): JSX.Element {
  const troubled = status.applications.filter(({ state }) => state !== "healthy");
  const silent = status.actors.filter(({ answers }) => !answers);
  const gone = [...seen.gone].map(([edgeId, { url }]) => ({ edgeId, url }));
  const all = troubled.length + silent.length + gone.length + (status.edges.length ? 0 : 1);
  return (
    <section class="panel" aria-labelledby="attention">
      <header>
        <h2 id="attention">What needs a look</h2>
        <span>{all === 0 ? "Nothing" : count(all, "thing")}</span>
      </header>
      {all === 0 ? (
        <p class="calm">
          All {count(status.applications.length, "service")}, {count(status.actors.length, "actor")} and{" "}
          {count(status.edges.length, "edge")} answer.
        </p>
      ) : (
        <ul class="lines">
          {troubled.map((application) => {
            const { tone, word } = pillOf(application);
            return (
              <li key={application.name}>
                <a class="strong" href="/console/services">
                  {application.name}
                </a>
                <StatePill tone={tone}>{word}</StatePill>
              </li>
            );
          })}
          {silent.slice(0, 50).map(({ name }) => (
            <li key={name}>
              <span class="strong">{name}</span>
              <StatePill tone="bad">Does not answer</StatePill>
            </li>
          ))}
          {gone.map(({ edgeId, url }) => (
            <li key={edgeId}>
              <a class="strong" href="/console/edges">
                {url}
              </a>
              <StatePill tone="bad">Went away</StatePill>
            </li>
          ))}
          {status.edges.length === 0 && (
            <li>
              <a class="strong" href="/console/edges">
                Edges
              </a>
              <StatePill tone="bad">None is there</StatePill>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}

const JOBS_SHOWN = 5;

function Jobs({ status }: { status: Status }): JSX.Element {
  const jobs = status.jobs.slice(0, JOBS_SHOWN).map(jobOf);
  return (
    <section class="panel" aria-labelledby="jobs">
      <header>
        <h2 id="jobs">Ingest</h2>
        <a class="link" href="/console/ingest">
          All ingests
        </a>
      </header>
      {jobs.length === 0 ? (
        <p class="calm">
          Nothing is being ingested.{" "}
          <a class="link" href="/console/ingest">
            Bring a film in
          </a>
        </p>
      ) : (
        <ul class="lines">
          {jobs.map(({ id, playable, state, progress, etaS }) => (
            <li class="job-line" key={id}>
              <span class="strong">{playable}</span>
              <span class="dim">
                {state}
                {etaS !== null && `, ${duration(etaS)} left`}
              </span>
              <progress max={1} value={progress} aria-label={`Ingest of ${playable}`} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface JobLine {
  id: string;
  playable: string;
  state: string;
  progress: number;
  etaS: number | null;
}

/** A job as the status tells it: an open object, since it is the studio's. */
function jobOf(job: Record<string, unknown>): JobLine {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
  const state = text(job["state"]);
  return {
    id: text(job["job_id"]),
    playable: text(job["name"]) || text(job["playable_id"]),
    state: state.charAt(0).toUpperCase() + state.slice(1),
    progress: number(job["progress"]) ?? 0,
    etaS: number(job["eta_s"]),
  };
}

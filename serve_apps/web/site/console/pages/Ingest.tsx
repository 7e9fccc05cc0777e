/** Ingest: films and folders dropped here are uploaded, encoded and published; every job of the studio, whoever asked for it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { components } from "../../api/studio.ts";
import { ok, studio } from "../../lib/api.ts";
import { ago, bytes, count, duration } from "../../lib/format.ts";
import { useLoad } from "../../lib/load.ts";
import { asProblem, problemFrom } from "../../lib/problem.ts";
import { Field, Switch } from "../../ui/Field.tsx";
import { Icon } from "../../ui/Icon.tsx";
import { Drawn } from "../../ui/Picture.tsx";
import { Empty, Failed } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { again, change, drop, dropped, give, type Given, type Item, items, settle } from "../intake.ts";
import { GhostRows } from "../Table.tsx";
import { Top } from "../Top.tsx";
import "./ingest.css";

type Job = components["schemas"]["Job"];

export default function Ingest(): JSX.Element {
  const jobs = useLoad(
    "c:jobs",
    (signal) => ok(studio.GET("/jobs", { params: { query: { limit: 50 } }, signal })),
    2000,
  );
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (jobs.data) void settle(jobs.data.items);
  }, [jobs.atMs]);

  const take = (given: Given[]): void => {
    const left = give(given);
    if (left.length)
      toast(
        left.length === 1
          ? `${left[0]} is no film, and was left.`
          : `${left.length} files are no films, and were left.`,
      );
    if (!given.length) toast("There was nothing in it.");
  };
  const own = [...items.value].reverse();
  const shown = new Set(own.map((item) => item.jobId));
  const others = (jobs.data?.items ?? []).filter((job) => !shown.has(job.job_id));
  const byId = new Map((jobs.data?.items ?? []).map((job) => [job.job_id, job]));

  return (
    <>
      <Top title="Ingest" loaded={jobs} />
      <section
        class={over ? "drop over" : "drop"}
        aria-label="Give films"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          if (event.dataTransfer) {
            dropped(event.dataTransfer).then(take, (thrown: unknown) => toast(asProblem(thrown).message));
          }
        }}
      >
        <Icon name="ingest" />
        <p>
          <b>Drop films or folders here</b>
          <span>
            Named as for Jellyfin or Plex: “Salt Road (2024).mkv”, “Orchard S01E03.mkv”. Subtitles beside them come
            along.
          </span>
        </p>
        <button class="btn go" type="button" onClick={() => picker.current?.click()}>
          Choose files
        </button>
        <input
          ref={picker}
          class="unseen"
          type="file"
          multiple
          aria-label="Choose films"
          tabIndex={-1}
          onChange={(event) => {
            const chosen = [...(event.currentTarget.files ?? [])];
            event.currentTarget.value = "";
            if (chosen.length) take(chosen.map((file) => ({ path: file.webkitRelativePath || file.name, file })));
          }}
        />
      </section>

      {own.length > 0 && (
        <section class="panel" aria-label="From this browser">
          <header>
            <h2>From this browser</h2>
            <span>Upload, probe, encode, package, publish</span>
          </header>
          {own.map((item) => (
            <Own
              key={item.id}
              item={item}
              job={item.jobId ? byId.get(item.jobId) : undefined}
              onChange={() => void jobs.reload()}
            />
          ))}
        </section>
      )}

      <section class="panel" aria-label="All jobs">
        <header>
          <h2>{own.length ? "Other jobs" : "Jobs"}</h2>
          {jobs.data && <span>{count(others.length, "job")}</span>}
        </header>
        {jobs.error && !jobs.data ? (
          <div class="inside">
            <Failed problem={jobs.error} what="The jobs could not be loaded" onAgain={() => void jobs.reload()} />
          </div>
        ) : !jobs.data ? (
          <GhostRows />
        ) : others.length ? (
          others.map((job) => <Theirs key={job.job_id} job={job} onChange={() => void jobs.reload()} />)
        ) : (
          <div class="inside">
            <Empty title={own.length ? "No others" : "Nothing was ingested yet"}>
              <p>Drop a film above, or run “matinee ingest” with a folder.</p>
            </Empty>
          </div>
        )}
      </section>
    </>
  );
}

const WORDS: Record<string, string> = {
  queued: "Waits for an encoder",
  probing: "Looking into the file",
  encoding: "Encoding",
  packaging: "Packaging",
  ready: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
};

function Own({ item, job, onChange }: { item: Item; job: Job | undefined; onChange: () => void }): JSX.Element {
  const [editing, setEditing] = useState(false);
  const name = item.kind === "episode" ? `${item.title} S${item.season} E${item.episode}` : item.title;
  const share = item.bytes ? item.sentBytes / item.bytes : 0;
  const said =
    item.step === "waiting"
      ? "Waits its turn"
      : item.step === "placing"
        ? "Looking for its title"
        : item.step === "uploading"
          ? `Uploading, ${bytes(item.sentBytes)} of ${bytes(item.bytes)}`
          : item.step === "asleep"
            ? `Give “${item.file}” again, and it goes on at ${bytes(item.sentBytes)} of ${bytes(item.bytes)}`
            : item.step === "publishing"
              ? "Publishing"
              : item.step === "ready"
                ? item.publish
                  ? "Published"
                  : "Ready, a draft"
                : item.step === "failed"
                  ? item.trouble?.title
                  : (jobWords(job) ?? "Encoding");
  const done =
    item.step === "failed"
      ? [item.sentBytes >= item.bytes ? 100 : share * 100, -1, 0, 0, 0]
      : item.step === "ready"
        ? [100, 100, 100, 100, item.publish ? 100 : 0]
        : job
          ? [100, ...jobSteps(job), 0]
          : [share * 100, 0, 0, 0, 0];
  return (
    <div class="job" data-item={item.id}>
      <div class="pic">
        <Drawn id={item.titleId ?? item.id} name="" />
      </div>
      <div>
        <b>{name}</b>
        <div class={item.step === "failed" ? "st bad" : "st"}>
          {said}
          {item.step === "failed" && item.trouble?.detail && <span class="dim"> · {item.trouble.detail}</span>}
        </div>
        <Steps name={name} done={done} />
        {job?.notes.map((note) => (
          <div class="st" key={note}>
            {note}
          </div>
        ))}
        {editing && <EditItem item={item} onClose={() => setEditing(false)} />}
      </div>
      <div class="acts">
        {item.step === "waiting" && !item.playableId && !editing && (
          <button class="btn s" type="button" aria-label={`Change what ${name} is`} onClick={() => setEditing(true)}>
            Change
          </button>
        )}
        {item.step === "failed" && !item.jobId && (
          <button class="btn s" type="button" aria-label={`Try again with ${name}`} onClick={() => again(item.id)}>
            Try again
          </button>
        )}
        {item.titleId && ["encoding", "publishing", "ready"].includes(item.step) && (
          <a class="btn s" href={`/console/titles/${item.titleId}`} aria-label={`Open ${name}`}>
            Open
          </a>
        )}
        {job && <JobActs job={job} name={name} onChange={onChange} />}
        {!(item.step === "encoding" || item.step === "publishing") && (
          <button
            class="btn s"
            type="button"
            aria-label={`${item.step === "ready" || item.step === "failed" ? "Clear" : "Cancel"}: take ${name} off this list`}
            onClick={() => void drop(item.id)}
          >
            {item.step === "ready" || item.step === "failed" ? "Clear" : "Cancel"}
          </button>
        )}
      </div>
    </div>
  );
}

function EditItem({ item, onClose }: { item: Item; onClose: () => void }): JSX.Element {
  const number = (text: string): number | null => (text.trim() === "" ? null : Number(text));
  return (
    <form
      class="item-form"
      onSubmit={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <Field
        label={item.kind === "episode" ? "Series" : "Title"}
        value={item.title}
        required
        onInput={(event) => change(item.id, { title: event.currentTarget.value })}
      />
      <Field
        label="Year"
        type="number"
        min={1870}
        max={2200}
        value={item.year ?? ""}
        onInput={(event) => change(item.id, { year: number(event.currentTarget.value) })}
      />
      {item.kind === "episode" && (
        <>
          <Field
            label="Season"
            type="number"
            min={0}
            max={999}
            required
            value={item.season ?? ""}
            onInput={(event) => change(item.id, { season: number(event.currentTarget.value) })}
          />
          <Field
            label="Episode"
            type="number"
            min={0}
            max={9999}
            required
            value={item.episode ?? ""}
            onInput={(event) => change(item.id, { episode: number(event.currentTarget.value) })}
          />
        </>
      )}
      <Switch
        label="An episode of a series"
        checked={item.kind === "episode"}
        onChange={(event) =>
          change(item.id, {
            kind: event.currentTarget.checked ? "episode" : "film",
            season: item.season ?? 1,
            episode: item.episode ?? 1,
          })
        }
      />
      <Switch
        label="Publish when it is ready"
        checked={item.publish}
        onChange={(event) => change(item.id, { publish: event.currentTarget.checked })}
      />
      <button class="btn s">Done</button>
    </form>
  );
}

function Theirs({ job, onChange }: { job: Job; onChange: () => void }): JSX.Element {
  const name = job.name ?? "A film";
  const problem = job.error ? problemFrom(job.error, 422) : null;
  return (
    <div class="job" data-job={job.job_id}>
      <div class="pic">
        <Drawn id={job.title_id ?? job.playable_id} name="" />
      </div>
      <div>
        <b>{name}</b>
        <div class={job.state === "failed" ? "st bad" : "st"}>
          {problem ? problem.title : jobWords(job)}
          <span class="dim">
            {" · "}
            {problem?.detail ? `${problem.detail} · ` : ""}
            {ago(job.updated_at)}
          </span>
        </div>
        <Steps name={name} done={job.state === "ready" ? [100, 100, 100, 100, 100] : [100, ...jobSteps(job), 0]} />
        {job.notes.map((note) => (
          <div class="st" key={note}>
            {note}
          </div>
        ))}
      </div>
      <div class="acts">
        {job.title_id && (
          <a class="btn s" href={`/console/titles/${job.title_id}`} aria-label={`Open ${name}`}>
            Open
          </a>
        )}
        <JobActs job={job} name={name} onChange={onChange} />
      </div>
    </div>
  );
}

function JobActs({ job, name, onChange }: { job: Job; name: string; onChange: () => void }): JSX.Element | null {
  const [busy, setBusy] = useState(false);
  const act = async (what: "cancel" | "retry"): Promise<void> => {
    setBusy(true);
    try {
      const params = { path: { job_id: job.job_id } };
      await ok(
        what === "cancel"
          ? studio.POST("/jobs/{job_id}/cancel", { params })
          : studio.POST("/jobs/{job_id}/retry", { params }),
      );
      for (const item of items.peek())
        if (what === "retry" && item.jobId === job.job_id) change(item.id, { step: "encoding" });
    } catch (thrown) {
      const problem = asProblem(thrown);
      toast(problem.detail || problem.title);
    }
    setBusy(false);
    onChange();
  };
  if (job.state === "failed" || job.state === "cancelled") {
    return (
      <button
        class="btn s"
        type="button"
        disabled={busy}
        aria-label={`Try again to encode ${name}`}
        onClick={() => void act("retry")}
      >
        Try again
      </button>
    );
  }
  if (job.state === "ready") return null;
  return (
    <button
      class="btn s"
      type="button"
      disabled={busy || job.cancel_requested}
      aria-label={`${job.cancel_requested ? "Cancelling…" : "Cancel"} ${name}`}
      onClick={() => void act("cancel")}
    >
      {job.cancel_requested ? "Cancelling…" : "Cancel"}
    </button>
  );
}

function jobWords(job: Job | undefined): string | undefined {
  if (!job) return undefined;
  if (job.state !== "encoding") return WORDS[job.state];
  const frames = job.frames_total ? `, ${Math.floor((100 * job.frames_done) / job.frames_total)} %` : "";
  return `Encoding${frames}${job.eta_s ? `, ${duration(job.eta_s)} left` : ""}`;
}

/** Probe, encode, package: how far, in per cent; -1 where it failed. */
function jobSteps(job: Job): [number, number, number] {
  const encoded = job.frames_total ? (100 * job.frames_done) / job.frames_total : 0;
  switch (job.state) {
    case "queued":
      return [0, 0, 0];
    case "probing":
      return [50, 0, 0];
    case "encoding":
      return [100, encoded, 0];
    case "packaging":
      return [100, 100, 50];
    case "ready":
      return [100, 100, 100];
    default:
      return encoded > 0 ? [100, -1, 0] : [-1, 0, 0];
  }
}

function Steps({ name, done }: { name: string; done: number[] }): JSX.Element {
  const all = done.reduce((sum, value) => sum + Math.max(0, value), 0) / done.length;
  return (
    <div
      class="steps"
      role="progressbar"
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(all)}
    >
      {done.map((value, index) => (
        <i key={index} class={value >= 100 ? "done" : value < 0 ? "err" : undefined}>
          {value > 0 && value < 100 && <u style={{ width: `${value}%` }} />}
        </i>
      ))}
    </div>
  );
}

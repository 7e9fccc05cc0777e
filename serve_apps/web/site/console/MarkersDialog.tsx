/** Where the opening and the closing titles are, set while the film plays. */
import { lazy } from "preact-iso";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { asProblem, type Problem } from "../lib/problem.ts";
import { who } from "../lib/session.ts";
import type { Markers } from "../lib/titles.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Field } from "../ui/Field.tsx";
import { FormProblem } from "../ui/States.tsx";
import { toast } from "../ui/Toasts.tsx";
import { secondsOf, timeText } from "./editing.ts";

const Preview = lazy(() => import("../player/Preview.tsx").then((module) => module.Preview));

export function MarkersDialog({
  name,
  playableId,
  markers,
  onSave,
  onClose,
}: {
  name: string;
  playableId: string;
  markers: Markers | null;
  onSave: (markers: Markers) => Promise<void>;
  onClose: () => void;
}): JSX.Element {
  const [at, setAt] = useState(0);
  const [from, setFrom] = useState(markers?.intro ? timeText(markers.intro.start_s) : "");
  const [to, setTo] = useState(markers?.intro ? timeText(markers.intro.end_s) : "");
  const [credits, setCredits] = useState(markers?.credits ? timeText(markers.credits.start_s) : "");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);

  const wrong = (text: string): string | undefined =>
    text && secondsOf(text) === null ? "A time like 1:23" : undefined;
  const start = secondsOf(from);
  const end = secondsOf(to);
  const half = (start === null) !== (end === null) ? "An intro has a start and an end." : undefined;
  const turned = start !== null && end !== null && end <= start ? "The end comes after the start." : undefined;
  const bad = [from, to, credits].some(wrong) || half || turned;

  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const creditsS = secondsOf(credits);
      await onSave({
        intro: start !== null && end !== null ? { start_s: start, end_s: end } : null,
        credits: creditsS === null ? null : { start_s: creditsS },
      });
      toast("The markers are set.");
      onClose();
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Markers of ${name}`} onClose={onClose} wide>
      {who.value?.profileId ? (
        <Preview playableId={playableId} onTime={setAt} />
      ) : (
        <p class="notice">
          <span>
            To see it play here,{" "}
            <a class="link" href={`/profiles?next=${encodeURIComponent(location.pathname)}`} target="_self">
              choose a profile
            </a>{" "}
            first. Times can be typed without.
          </span>
        </p>
      )}
      <form class="form" onSubmit={(event) => void save(event)}>
        <div class="markers">
          <Time label="Intro from" value={from} wrong={wrong(from)} at={at} onChange={setFrom} />
          <Time label="Intro to" value={to} wrong={wrong(to) ?? half ?? turned} at={at} onChange={setTo} />
          <Time label="Credits from" value={credits} wrong={wrong(credits)} at={at} onChange={setCredits} />
        </div>
        <FormProblem problem={problem} />
        <div class="acts">
          <button class="btn go" disabled={busy || !!bad}>
            Save
          </button>
          <button class="btn" type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Time({
  label,
  value,
  wrong,
  at,
  onChange,
}: {
  label: string;
  value: string;
  wrong: string | undefined;
  at: number;
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <div class="form">
      <Field
        label={label}
        value={value}
        wrong={wrong}
        autocomplete="off"
        placeholder="none"
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <button
        class="btn s"
        type="button"
        aria-label={`${label}: take ${timeText(at)}, where the film stands`}
        onClick={() => onChange(timeText(Math.round(at * 10) / 10))}
      >
        Take {timeText(Math.round(at * 10) / 10)}
      </button>
    </div>
  );
}

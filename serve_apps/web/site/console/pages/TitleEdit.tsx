/** One title: its words, its pictures, its parts and markers, and whether members see it. */
import { useLocation, useRoute } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { catalog, ok } from "../../lib/api.ts";
import { language } from "../../lib/format.ts";
import { outdate, useLoad } from "../../lib/load.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import type { Title } from "../../lib/titles.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { Field } from "../../ui/Field.tsx";
import { Empty, Failed, FormProblem } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { castOf, castText, changed, type Clash, listOf, listText, merge } from "../editing.ts";
import { GhostRows } from "../Table.tsx";
import { ChangedMeanwhile, edit, readTitle, type Tagged, titleKey } from "../title.ts";
import { ArtworkPanel } from "../ArtworkPanel.tsx";
import { PartsPanel } from "../PartsPanel.tsx";
import { StatePill, Top } from "../Top.tsx";
import "./titles.css";

export default function TitleEdit(): JSX.Element {
  const { params } = useRoute();
  const titleId = params["titleId"] ?? "";
  const loaded = useLoad(titleKey(titleId), (signal) => readTitle(titleId, signal), 10_000);
  const now = loaded.data;
  if (!now) {
    return (
      <>
        <Top title="Title" />
        {loaded.error?.status === 404 ? (
          <Empty title="There is no such title">
            <p>It may have been deleted.</p>
            <a class="btn" href="/console/titles">
              All titles
            </a>
          </Empty>
        ) : loaded.error ? (
          <Failed problem={loaded.error} what="The title could not be loaded" onAgain={() => void loaded.reload()} />
        ) : (
          <GhostRows />
        )}
      </>
    );
  }
  return (
    <>
      <Top title={now.title.name} loaded={loaded}>
        <Publishing now={now} />
      </Top>
      <div class="title-edit">
        <Words key={titleId} now={now} />
        <ArtworkPanel now={now} />
        <PartsPanel now={now} />
      </div>
    </>
  );
}

/** The words of a title, as its form holds them. */
interface Words extends Record<string, unknown> {
  name: string;
  original_name: string | null;
  year: number | null;
  maturity: number;
  genres: string[];
  languages: string[];
  cast: { name: string; role: string }[];
  synopsis: string;
}

const LABELS: Record<string, string> = {
  name: "Name",
  original_name: "Original name",
  year: "Year",
  maturity: "From age",
  genres: "Genres",
  languages: "Languages",
  cast: "Cast",
  synopsis: "Synopsis",
};

function wordsOf(title: Title): Words {
  const { name, original_name, year, maturity, genres, languages, synopsis } = title;
  return {
    name,
    original_name,
    year,
    maturity,
    genres,
    languages,
    synopsis,
    cast: title.cast.map(({ name, role }) => ({ name, role })),
  };
}

function Words({ now }: { now: Tagged }): JSX.Element {
  const titleId = now.title.title_id;
  const [base, setBase] = useState(now);
  const [mine, setMine] = useState(() => wordsOf(now.title));
  // What is typed stays as it is typed; it is read when it is saved.
  const [typed, setTyped] = useState({
    genres: listText(now.title.genres),
    languages: listText(now.title.languages),
    cast: castText(now.title.cast),
  });
  const [clash, setClash] = useState<{
    theirs: Tagged;
    clashes: Clash[];
    taken: string[];
    picks: Record<string, "mine" | "theirs">;
  } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const changes = changed(wordsOf(base.title), mine);

  const take = (tag: Tagged, words: Words): void => {
    setBase(tag);
    setMine(words);
    setTyped({ genres: listText(words.genres), languages: listText(words.languages), cast: castText(words.cast) });
  };
  // While nothing is typed the form follows what others do.
  useEffect(() => {
    if (!changes.length && now.etag !== base.etag) take(now, wordsOf(now.title));
  }, [now.etag]);

  const save = async (from: Tagged, words: Words): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const patch = Object.fromEntries(changed(wordsOf(from.title), words).map((field) => [field, words[field]]));
    try {
      const saved = await edit(
        titleId,
        catalog.PATCH("/{title_id}", {
          params: { path: { title_id: titleId }, header: { "If-Match": from.etag } },
          body: patch,
          headers: { "Content-Type": "application/merge-patch+json" },
        }),
      );
      take(saved, wordsOf(saved.title));
      setClash(null);
      toast("Saved.");
    } catch (thrown) {
      if (thrown instanceof ChangedMeanwhile) {
        const merged = merge(wordsOf(from.title), words, wordsOf(thrown.current.title));
        setClash({ theirs: thrown.current, ...merged, picks: {} });
        setMine(words);
      } else setProblem(asProblem(thrown));
    }
    setBusy(false);
  };
  const set = (field: keyof Words & string, value: unknown): void =>
    setMine((before) => ({ ...before, [field]: value }) as Words);

  return (
    <section class="panel" aria-label="Words">
      <header>
        <h2>Words</h2>
        <span>{changes.length ? "Not saved yet" : "Saved"}</span>
      </header>
      <form
        class="form inside"
        onSubmit={(event) => {
          event.preventDefault();
          void save(base, mine);
        }}
      >
        {clash && (
          <Clashes
            clash={clash}
            onPick={(field, pick) => setClash({ ...clash, picks: { ...clash.picks, [field]: pick } })}
            busy={busy}
            onSave={() => {
              const merged = merge(wordsOf(base.title), mine, wordsOf(clash.theirs.title)).fields;
              for (const { field, mine: own } of clash.clashes) {
                if (clash.picks[field] === "mine") (merged as Record<string, unknown>)[field] = own;
              }
              void save(clash.theirs, merged);
            }}
          />
        )}
        <Field
          label="Name"
          value={mine.name}
          required
          maxLength={200}
          wrong={problem?.fields["name"]}
          onInput={(event) => set("name", event.currentTarget.value)}
        />
        <Field
          label="Original name"
          hint="Where it is called otherwise at home."
          maxLength={200}
          value={mine.original_name ?? ""}
          wrong={problem?.fields["original_name"]}
          onInput={(event) => set("original_name", event.currentTarget.value || null)}
        />
        <div class="two-fields">
          <Field
            label="Year"
            type="number"
            min={1870}
            max={2200}
            value={mine.year ?? ""}
            wrong={problem?.fields["year"]}
            onInput={(event) =>
              set("year", event.currentTarget.value === "" ? null : Number(event.currentTarget.value))
            }
          />
          <Field
            label="From age"
            type="number"
            min={0}
            max={18}
            required
            value={mine.maturity}
            wrong={problem?.fields["maturity"]}
            onInput={(event) => set("maturity", Number(event.currentTarget.value))}
          />
        </div>
        <Field
          label="Genres"
          hint="With commas between."
          value={typed.genres}
          wrong={problem?.fields["genres"]}
          onInput={(event) => {
            setTyped({ ...typed, genres: event.currentTarget.value });
            set("genres", listOf(event.currentTarget.value));
          }}
        />
        <Field
          label="Languages"
          hint={
            mine.languages.length
              ? mine.languages.map(language).join(", ")
              : "Tags with commas between: en, de. Those that are heard come by themselves."
          }
          value={typed.languages}
          wrong={problem?.fields["languages"]}
          onInput={(event) => {
            setTyped({ ...typed, languages: event.currentTarget.value });
            set("languages", listOf(event.currentTarget.value));
          }}
        />
        <div class="field">
          <label for="synopsis">Synopsis</label>
          <textarea
            id="synopsis"
            class="input"
            maxLength={4000}
            value={mine.synopsis}
            onInput={(event) => set("synopsis", event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="cast">Cast</label>
          <textarea
            id="cast"
            class="input"
            aria-describedby="cast-hint"
            value={typed.cast}
            onInput={(event) => {
              setTyped({ ...typed, cast: event.currentTarget.value });
              set("cast", castOf(event.currentTarget.value));
            }}
          />
          <span class="hint" id="cast-hint">
            One a line: “Ada Lind as the captain”.
          </span>
        </div>
        <FormProblem problem={problem} />
        <div class="acts">
          <button class="btn go" disabled={busy || !changes.length || !!clash}>
            {busy ? "Saving…" : "Save"}
          </button>
          {changes.length > 0 && (
            <button
              class="btn"
              type="button"
              onClick={() => {
                setClash(null);
                take(now, wordsOf(now.title));
              }}
            >
              Undo my changes
            </button>
          )}
        </div>
      </form>
    </section>
  );
}

function Clashes({
  clash,
  onPick,
  onSave,
  busy,
}: {
  clash: { theirs: Tagged; clashes: Clash[]; taken: string[]; picks: Record<string, "mine" | "theirs"> };
  onPick: (field: string, pick: "mine" | "theirs") => void;
  onSave: () => void;
  busy: boolean;
}): JSX.Element {
  const decided = clash.clashes.every(({ field }) => clash.picks[field]);
  return (
    <div class="clash" role="alert">
      <h3>Somebody else changed this title meanwhile</h3>
      <p>
        Nothing of yours is lost, and nothing of theirs.
        {clash.taken.length > 0 &&
          ` Theirs comes along: ${clash.taken.map((field) => LABELS[field]!.toLowerCase()).join(", ")}.`}
        {clash.clashes.length > 0 && " Choose where you both changed the same:"}
      </p>
      {clash.clashes.map(({ field, mine, theirs }) => (
        <fieldset key={field}>
          <legend class="legend">{LABELS[field]}</legend>
          <div class="versions">
            {(["mine", "theirs"] as const).map((side) => (
              <label key={side}>
                <input
                  type="radio"
                  name={`clash-${field}`}
                  checked={clash.picks[field] === side}
                  onChange={() => onPick(field, side)}
                />
                <span>
                  <b>{side === "mine" ? "Yours" : "Theirs"}</b>
                  <span class="value">{shown(side === "mine" ? mine : theirs)}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
      ))}
      <div class="acts">
        <button class="btn go" type="button" disabled={busy || !decided} onClick={onSave}>
          Save both together
        </button>
      </div>
    </div>
  );
}

function shown(value: unknown): string {
  if (value === null || value === "" || (Array.isArray(value) && !value.length)) return "nothing";
  if (Array.isArray(value))
    return typeof value[0] === "object" ? castText(value as { name: string; role: string }[]) : value.join(", ");
  return String(value);
}

function Publishing({ now }: { now: Tagged }): JSX.Element {
  const { route } = useLocation();
  const [deleting, setDeleting] = useState(false);
  const [busy, setBusy] = useState(false);
  const { title } = now;
  const act = async (what: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    try {
      await what();
    } catch (thrown) {
      const problem = asProblem(thrown);
      toast(
        thrown instanceof ChangedMeanwhile
          ? "Somebody else changed it meanwhile; look again."
          : problem.detail || problem.title,
      );
    }
    setBusy(false);
  };
  const params = { path: { title_id: title.title_id } };
  return (
    <>
      <StatePill tone={title.published ? (title.available ? "good" : "busy") : "off"}>
        {title.published ? (title.available ? "Published" : "Published, nothing to play yet") : "Draft"}
      </StatePill>
      {title.published ? (
        <button
          class="btn"
          type="button"
          disabled={busy}
          onClick={() => void act(() => edit(title.title_id, catalog.POST("/{title_id}/unpublish", { params })))}
        >
          Take back
        </button>
      ) : (
        <button
          class="btn go"
          type="button"
          disabled={busy}
          onClick={() => void act(() => edit(title.title_id, catalog.POST("/{title_id}/publish", { params })))}
        >
          Publish
        </button>
      )}
      <button class="btn no" type="button" onClick={() => setDeleting(true)}>
        Delete
      </button>
      {deleting && (
        <Confirm
          title={`Delete “${title.name}”?`}
          act="Delete it"
          busy={busy}
          onClose={() => setDeleting(false)}
          onAct={() =>
            void act(async () => {
              await ok(catalog.DELETE("/{title_id}", { params: { ...params, header: { "If-Match": now.etag } } }));
              outdate("c:titles", "titles:", "home");
              toast(`“${title.name}” is deleted. Its files are given back.`);
              route("/console/titles");
            })
          }
        >
          <p>The title goes with all its parts, pictures and encoded films. This cannot be taken back.</p>
        </Confirm>
      )}
    </>
  );
}

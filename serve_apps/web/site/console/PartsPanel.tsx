/** What of a title can be played: the film, episodes and trailers, each with its markers; made, renamed, published and deleted here. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { catalog } from "../lib/api.ts";
import { clock, duration, language } from "../lib/format.ts";
import { asProblem, type Problem } from "../lib/problem.ts";
import type { Episode, Markers, Title, Trailer } from "../lib/titles.ts";
import { Confirm, Dialog } from "../ui/Dialog.tsx";
import { Field, Switch } from "../ui/Field.tsx";
import { FormProblem } from "../ui/States.tsx";
import { toast } from "../ui/Toasts.tsx";
import { MarkersDialog } from "./MarkersDialog.tsx";
import { ChangedMeanwhile, edit, readTitle, type Tagged } from "./title.ts";
import { StatePill } from "./Top.tsx";

export function PartsPanel({ now }: { now: Tagged }): JSX.Element {
  const { title } = now;
  const [adding, setAdding] = useState(false);
  return (
    <section class="panel" aria-label={title.kind === "series" ? "Episodes" : "Film"}>
      <header>
        <h2>{title.kind === "series" ? "Episodes" : "Film"}</h2>
        {title.kind === "series" && (
          <button class="btn s" type="button" onClick={() => setAdding(true)}>
            Add an episode
          </button>
        )}
      </header>
      <ul class="parts">
        {title.kind === "film" && <Film now={now} />}
        {title.seasons.map((season) =>
          season.episodes.map((episode) => <EpisodePart key={episode.playable_id} now={now} episode={episode} />),
        )}
        {title.trailers.map((trailer) => (
          <TrailerPart key={trailer.playable_id} now={now} trailer={trailer} />
        ))}
        {title.kind === "series" && !title.seasons.length && (
          <li class="dim">No episodes yet. Drop “{title.name} S01E01.mkv” at Ingest, or add one.</li>
        )}
      </ul>
      {adding && <NewEpisode now={now} onClose={() => setAdding(false)} />}
    </section>
  );
}

/** Do it on the version that is shown; where somebody was faster, once more on what it is now: parts are independent of each other. */
async function onLatest(now: Tagged, act: (etag: string) => ReturnType<typeof edit>): Promise<void> {
  try {
    await act(now.etag);
  } catch (thrown) {
    if (!(thrown instanceof ChangedMeanwhile)) throw thrown;
    await act(thrown.current.etag);
  }
}

function Media({ media }: { media: Title["media"] }): JSX.Element {
  if (!media) return <span class="dim">Nothing to play yet</span>;
  const audio = media.audio.map((track) => language(track.language)).join(", ");
  const subtitles = media.subtitles.map((track) => language(track.language)).join(", ");
  return (
    <span class="dim">
      {duration(media.duration_s)}, {media.height}p{audio && `, sound: ${audio}`}
      {subtitles && `, subtitles: ${subtitles}`}
    </span>
  );
}

function markersText(markers: Markers | null): string {
  const told = [
    markers?.intro && `intro ${clock(markers.intro.start_s)} to ${clock(markers.intro.end_s)}`,
    markers?.credits && `credits from ${clock(markers.credits.start_s)}`,
  ].filter(Boolean);
  return told.length ? told.join(", ") : "no markers";
}

function Film({ now }: { now: Tagged }): JSX.Element {
  const { title } = now;
  const [marking, setMarking] = useState(false);
  const params = (etag: string) => ({ path: { title_id: title.title_id }, header: { "If-Match": etag } });
  return (
    <li>
      <div>
        <b>{title.name}</b>
        <Media media={title.media} />
        <span class="dim">{markersText(title.markers)}</span>
      </div>
      <div class="acts">
        {title.media && title.playable_id && (
          <button class="btn s" type="button" onClick={() => setMarking(true)}>
            Set markers
          </button>
        )}
      </div>
      {marking && (
        <MarkersDialog
          name={title.name}
          playableId={title.playable_id!}
          markers={title.markers}
          onClose={() => setMarking(false)}
          onSave={(body) =>
            onLatest(now, (etag) =>
              edit(title.title_id, catalog.PUT("/{title_id}/markers", { params: params(etag), body })),
            )
          }
        />
      )}
    </li>
  );
}

function EpisodePart({ now, episode }: { now: Tagged; episode: Episode }): JSX.Element {
  const [doing, setDoing] = useState<"markers" | "edit" | "delete" | null>(null);
  const [busy, setBusy] = useState(false);
  const titleId = now.title.title_id;
  const path = { title_id: titleId, season: episode.season, episode: episode.episode };
  const patch = (body: { name?: string; synopsis?: string; published?: boolean; markers?: Markers }): Promise<void> =>
    onLatest(now, (etag) =>
      edit(
        titleId,
        catalog
          .PATCH("/{title_id}/seasons/{season}/episodes/{episode}", {
            params: { path, header: { "If-Match": etag } },
            body,
            headers: { "Content-Type": "application/merge-patch+json" },
          })
          .then(whole(titleId)),
      ),
    );
  const name = `S${episode.season} E${episode.episode}`;
  return (
    <li>
      <div>
        <b>
          {name} {episode.name}
        </b>
        <Media media={episode.media} />
        <span class="dim">{markersText(episode.markers)}</span>
      </div>
      <StatePill tone={episode.published ? "good" : "off"}>{episode.published ? "Shown" : "Hidden"}</StatePill>
      <div class="acts">
        {episode.media && (
          <button class="btn s" type="button" aria-label={`Set markers of ${name}`} onClick={() => setDoing("markers")}>
            Set markers
          </button>
        )}
        <button class="btn s" type="button" aria-label={`Edit ${name}`} onClick={() => setDoing("edit")}>
          Edit
        </button>
      </div>
      {doing === "markers" && (
        <MarkersDialog
          name={`${name} ${episode.name}`}
          playableId={episode.playable_id}
          markers={episode.markers}
          onClose={() => setDoing(null)}
          onSave={(markers) => patch({ markers })}
        />
      )}
      {doing === "edit" && (
        <PartForm
          heading={`Edit ${name}`}
          part={episode}
          onClose={() => setDoing(null)}
          onSave={patch}
          onDelete={() => setDoing("delete")}
        />
      )}
      {doing === "delete" && (
        <Confirm
          title={`Delete ${name}?`}
          act="Delete it"
          busy={busy}
          onClose={() => setDoing(null)}
          onAct={() => {
            setBusy(true);
            onLatest(now, (etag) =>
              edit(
                titleId,
                catalog
                  .DELETE("/{title_id}/seasons/{season}/episodes/{episode}", {
                    params: { path, header: { "If-Match": etag } },
                  })
                  .then(whole(titleId)),
              ),
            ).catch((thrown: unknown) => {
              setBusy(false);
              setDoing(null);
              toast(asProblem(thrown).message);
            });
          }}
        >
          <p>The episode goes with its encoded film. This cannot be taken back.</p>
        </Confirm>
      )}
    </li>
  );
}

function TrailerPart({ now, trailer }: { now: Tagged; trailer: Trailer }): JSX.Element {
  const [editing, setEditing] = useState(false);
  const titleId = now.title.title_id;
  const path = { title_id: titleId, trailer: trailer.trailer };
  const save = ({ name, synopsis, published }: { name: string; synopsis: string; published: boolean }): Promise<void> =>
    onLatest(now, (etag) =>
      edit(
        titleId,
        catalog
          .PUT("/{title_id}/trailers/{trailer}", {
            params: { path, header: { "If-Match": etag } },
            body: { name, synopsis, published },
          })
          .then(whole(titleId)),
      ),
    );
  return (
    <li>
      <div>
        <b>{trailer.name}</b>
        <Media media={trailer.media} />
        <span class="dim">trailer</span>
      </div>
      <StatePill tone={trailer.published ? "good" : "off"}>{trailer.published ? "Shown" : "Hidden"}</StatePill>
      <div class="acts">
        <button class="btn s" type="button" aria-label={`Edit ${trailer.name}`} onClick={() => setEditing(true)}>
          Edit
        </button>
      </div>
      {editing && (
        <PartForm heading={`Edit ${trailer.name}`} part={trailer} onClose={() => setEditing(false)} onSave={save} />
      )}
    </li>
  );
}

/** A part's edit answers the part; what is shown is the title. */
function whole(titleId: string) {
  return async (answer: {
    error?: unknown;
    response: Response;
  }): Promise<{ data?: Title; error?: unknown; response: Response }> =>
    answer.response.ok
      ? catalog.GET("/{title_id}", { params: { path: { title_id: titleId } } })
      : { error: answer.error, response: answer.response };
}

function PartForm({
  heading,
  part,
  onSave,
  onDelete,
  onClose,
}: {
  heading: string;
  part: { name: string; synopsis: string; published: boolean };
  onSave: (part: { name: string; synopsis: string; published: boolean }) => Promise<void>;
  onDelete?: () => void;
  onClose: () => void;
}): JSX.Element {
  const [name, setName] = useState(part.name);
  const [synopsis, setSynopsis] = useState(part.synopsis);
  const [published, setPublished] = useState(part.published);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  return (
    <Dialog title={heading} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          onSave({ name, synopsis, published }).then(onClose, (thrown: unknown) => {
            setProblem(asProblem(thrown));
            setBusy(false);
          });
        }}
      >
        <Field
          label="Name"
          value={name}
          required
          maxLength={200}
          wrong={problem?.fields["name"]}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <div class="field">
          <label for="part-synopsis">Synopsis</label>
          <textarea
            id="part-synopsis"
            class="input"
            maxLength={4000}
            value={synopsis}
            onInput={(event) => setSynopsis(event.currentTarget.value)}
          />
        </div>
        <Switch
          label="Shown to members once the title is published"
          checked={published}
          onChange={(event) => setPublished(event.currentTarget.checked)}
        />
        <FormProblem problem={problem} />
        <div class="acts">
          <button class="btn go" disabled={busy}>
            Save
          </button>
          <button class="btn" type="button" onClick={onClose}>
            Cancel
          </button>
          {onDelete && (
            <button class="btn no" type="button" onClick={onDelete}>
              Delete
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function NewEpisode({ now, onClose }: { now: Tagged; onClose: () => void }): JSX.Element {
  const last = now.title.seasons.at(-1);
  const [season, setSeason] = useState(last?.season ?? 1);
  const [episode, setEpisode] = useState((last?.episodes.at(-1)?.episode ?? 0) + 1);
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const titleId = now.title.title_id;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const asked = catalog.PUT("/{title_id}/seasons/{season}/episodes/{episode}", {
        params: { path: { title_id: titleId, season, episode }, header: { "If-None-Match": "*" } },
        body: { name: name || `Episode ${episode}`, synopsis: "", published: true },
      });
      await edit(titleId, asked.then(whole(titleId)));
      onClose();
    } catch (thrown) {
      if (thrown instanceof ChangedMeanwhile) {
        await readTitle(titleId);
        setProblem(null);
        toast(`There is an S${season} E${episode} already.`);
      } else setProblem(asProblem(thrown));
    }
  };
  return (
    <Dialog title="A new episode" onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <div class="two-fields">
          <Field
            label="Season"
            type="number"
            min={0}
            max={999}
            required
            value={season}
            onInput={(event) => setSeason(Number(event.currentTarget.value))}
          />
          <Field
            label="Episode"
            type="number"
            min={0}
            max={9999}
            required
            value={episode}
            onInput={(event) => setEpisode(Number(event.currentTarget.value))}
          />
        </div>
        <Field
          label="Name"
          value={name}
          maxLength={200}
          placeholder={`Episode ${episode}`}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <FormProblem problem={problem} />
        <div class="acts">
          <button class="btn go">Add it</button>
          <button class="btn" type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

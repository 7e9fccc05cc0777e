/** The pictures of a title: what members see of each kind, stills of the film to choose from, and own ones. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { catalog, ok, send, studio } from "../lib/api.ts";
import { useLoad } from "../lib/load.ts";
import { asProblem, Problem, problemOf } from "../lib/problem.ts";
import { titlePath, type Title } from "../lib/titles.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Picture } from "../ui/Picture.tsx";
import { Failed, FormProblem } from "../ui/States.tsx";
import { toast } from "../ui/Toasts.tsx";
import { GhostRows } from "./Table.tsx";
import { ChangedMeanwhile, edit, type Tagged } from "./title.ts";

const KINDS = [
  { kind: "backdrop", label: "Backdrop", hint: "Wide, behind the title’s name" },
  { kind: "still", label: "Still", hint: "Wide, on cards" },
  { kind: "poster", label: "Poster", hint: "Tall" },
] as const;
type Kind = (typeof KINDS)[number]["kind"];

export function ArtworkPanel({ now }: { now: Tagged }): JSX.Element {
  const { title } = now;
  const [choosing, setChoosing] = useState<Kind | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState<Kind | null>(null);

  const act = async (kind: Kind, what: () => Promise<unknown>): Promise<void> => {
    setBusy(kind);
    setProblem(null);
    try {
      await what();
      setChoosing(null);
    } catch (thrown) {
      // A picture replaces a picture, whatever else was edited: done again on what the title is now.
      if (thrown instanceof ChangedMeanwhile) toast("The title was changed meanwhile; choose again.");
      else setProblem(asProblem(thrown));
    }
    setBusy(null);
  };
  const upload = (kind: Kind, file: File): Promise<void> =>
    act(kind, () => edit(title.title_id, putPicture(now, kind, file)));
  const remove = (kind: Kind): Promise<void> =>
    act(kind, () =>
      edit(
        title.title_id,
        catalog.DELETE("/{title_id}/artwork/{kind}", {
          params: { path: { title_id: title.title_id, kind }, header: { "If-Match": now.etag } },
        }),
      ),
    );
  return (
    <section class="panel" aria-label="Pictures">
      <header>
        <h2>Pictures</h2>
        <a class="link" href={titlePath(title)} target="_self">
          See it as members do
        </a>
      </header>
      <div class="inside form">
        <FormProblem problem={problem} />
        <div class="artwork">
          {KINDS.map(({ kind, label, hint }) => {
            const has = (title.artwork[kind] ?? []).length > 0;
            return (
              <figure key={kind}>
                <Picture
                  key={title.artwork[kind]?.[0]?.url ?? ""}
                  id={title.title_id}
                  name={title.name}
                  shape={kind === "poster" ? "poster" : "still"}
                  artwork={
                    has
                      ? {
                          poster: [],
                          backdrop: [],
                          still: [],
                          [kind === "poster" ? "poster" : "still"]: title.artwork[kind],
                        }
                      : undefined
                  }
                  sizes="240px"
                />
                <figcaption>
                  <b>{label}</b> <span class="dim">{has ? hint : `${hint}; drawn, since there is none`}</span>
                </figcaption>
                <div class="acts">
                  <button
                    class="btn s"
                    type="button"
                    disabled={busy !== null}
                    aria-label={`Choose the ${kind} from the film`}
                    onClick={() => setChoosing(kind)}
                  >
                    Choose
                  </button>
                  <Uploader kind={kind} busy={busy !== null} onFile={(file) => void upload(kind, file)} />
                  {has && (
                    <button
                      class="btn s"
                      type="button"
                      disabled={busy !== null}
                      aria-label={`Remove the ${kind}`}
                      onClick={() => void remove(kind)}
                    >
                      Remove
                    </button>
                  )}
                </div>
              </figure>
            );
          })}
        </div>
      </div>
      {choosing && (
        <Candidates
          title={title}
          kind={choosing}
          busy={busy !== null}
          onClose={() => setChoosing(null)}
          onChoose={(objectName) =>
            void act(choosing, () => edit(title.title_id, putChosen(now, choosing, objectName)))
          }
        />
      )}
    </section>
  );
}

function Uploader({ kind, busy, onFile }: { kind: Kind; busy: boolean; onFile: (file: File) => void }): JSX.Element {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        class="btn s"
        type="button"
        disabled={busy}
        aria-label={`Upload a ${kind}`}
        onClick={() => picker.current?.click()}
      >
        Upload
      </button>
      <input
        ref={picker}
        class="unseen"
        type="file"
        accept="image/jpeg,image/png,image/webp,image/avif"
        aria-label={`A picture file for the ${kind}`}
        tabIndex={-1}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) onFile(file);
        }}
      />
    </>
  );
}

function Candidates({
  title,
  kind,
  busy,
  onChoose,
  onClose,
}: {
  title: Title;
  kind: Kind;
  busy: boolean;
  onChoose: (objectName: string) => void;
  onClose: () => void;
}): JSX.Element {
  const playables = playablesOf(title);
  const [playableId, setPlayableId] = useState(playables[0]?.id ?? "");
  const loaded = useLoad(playableId ? `c:candidates:${playableId}` : null, (signal) =>
    ok(studio.GET("/playables/{playable_id}/candidates", { params: { path: { playable_id: playableId } }, signal })),
  );
  const items = loaded.data?.items;
  return (
    <Dialog title={`Choose a ${kind}`} onClose={onClose} wide>
      {playables.length > 1 && (
        <div class="field">
          <label for="from">From</label>
          <select
            id="from"
            class="select"
            value={playableId}
            onChange={(event) => setPlayableId(event.currentTarget.value)}
          >
            {playables.map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        </div>
      )}
      {!playables.length ? (
        <p class="dim">There is no film yet to take a picture from.</p>
      ) : loaded.error && !items ? (
        <Failed problem={loaded.error} what="The stills could not be loaded" onAgain={() => void loaded.reload()} />
      ) : !items ? (
        <GhostRows rows={2} />
      ) : items.length ? (
        <ul class="candidates">
          {items.map((still, index) => (
            <li key={still.object_name}>
              <button
                type="button"
                disabled={busy}
                aria-label={`Still ${index + 1} of ${items.length}`}
                onClick={() => onChoose(still.object_name)}
              >
                <img src={still.url} width={still.width} height={still.height} alt="" loading="lazy" />
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <p class="dim">This film was encoded before stills were kept. Encode it again, or upload a picture.</p>
      )}
      <div class="acts">
        <button class="btn" type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

function playablesOf(title: Title): { id: string; label: string }[] {
  const found = title.media && title.playable_id ? [{ id: title.playable_id, label: title.name }] : [];
  for (const season of title.seasons)
    for (const episode of season.episodes)
      if (episode.media)
        found.push({ id: episode.playable_id, label: `S${season.season} E${episode.episode} ${episode.name}` });
  for (const trailer of title.trailers) if (trailer.media) found.push({ id: trailer.playable_id, label: trailer.name });
  return found;
}

/** openapi-fetch writes JSON alone; a picture goes as it is. */
async function putPicture(
  { title, etag }: Tagged,
  kind: Kind,
  file: File,
): Promise<{ data?: Title; error?: unknown; response: Response }> {
  return raw(title.title_id, kind, etag, file.type || "application/octet-stream", file);
}

async function putChosen(
  { title, etag }: Tagged,
  kind: Kind,
  objectName: string,
): Promise<{ data?: Title; error?: unknown; response: Response }> {
  return raw(title.title_id, kind, etag, "application/json", JSON.stringify({ object_name: objectName }));
}

async function raw(
  titleId: string,
  kind: Kind,
  etag: string,
  type: string,
  body: BodyInit,
): Promise<{ data?: Title; error?: unknown; response: Response }> {
  const response = await send(
    new Request(`/api/v1/titles/${titleId}/artwork/${kind}`, {
      method: "PUT",
      body,
      headers: { "Content-Type": type, "If-Match": etag },
    }),
  );
  if (response.ok) return { data: (await response.json()) as Title, response };
  throw await problemOf(response);
}

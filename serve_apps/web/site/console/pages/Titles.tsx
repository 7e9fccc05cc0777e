/** All titles, drafts too, found as one types. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { catalog, ok, onceKey } from "../../lib/api.ts";
import { ago, duration } from "../../lib/format.ts";
import { outdate, useLoad } from "../../lib/load.ts";
import { asProblem, type Problem } from "../../lib/problem.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { Choices, Field } from "../../ui/Field.tsx";
import { Picture } from "../../ui/Picture.tsx";
import { Empty, Failed, FormProblem } from "../../ui/States.tsx";
import { Cell, GhostRows, Pager, Row, Table, usePages } from "../Table.tsx";
import { StatePill, Top } from "../Top.tsx";
import "./titles.css";

type Kind = "all" | "film" | "series";

export default function Titles(): JSX.Element {
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [kind, setKind] = useState<Kind>("all");
  const [making, setMaking] = useState(false);
  const pages = usePages();
  useEffect(() => {
    const timer = setTimeout(() => setName(text.trim()), 200);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => pages.first(), [name, kind]);
  const query = {
    limit: 50,
    ...(name ? { name } : {}),
    ...(kind === "all" ? {} : { kind }),
    ...(pages.cursor ? { cursor: pages.cursor } : {}),
  };
  const titles = useLoad(
    `c:titles:${JSON.stringify(query)}`,
    (signal) => ok(catalog.GET("/", { params: { query }, signal })),
    5000,
  );
  const items = titles.data?.items;
  return (
    <>
      <Top title="Titles" loaded={titles}>
        <button class="btn go" type="button" onClick={() => setMaking(true)}>
          New title
        </button>
      </Top>
      <div class="titles-filter">
        <Field
          label="Find by name"
          type="search"
          value={text}
          autocomplete="off"
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <Choices<Kind>
          legend="Kind"
          name="kind"
          value={kind}
          onChange={setKind}
          options={[
            { value: "all", label: "All" },
            { value: "film", label: "Films" },
            { value: "series", label: "Series" },
          ]}
        />
      </div>
      <section class="panel" aria-label="Titles">
        {titles.error && !items ? (
          <div class="inside">
            <Failed problem={titles.error} what="The titles could not be loaded" onAgain={() => void titles.reload()} />
          </div>
        ) : !items ? (
          <GhostRows />
        ) : items.length ? (
          <Table label="Titles" head={["Title", "State", "Kind", "Year", "Age", "#Length", "Added"]}>
            {items.map((title) => (
              <Row key={title.title_id}>
                <Cell label="Title">
                  <a class="title-link" href={`/console/titles/${title.title_id}`}>
                    <Picture id={title.title_id} name="" artwork={title.artwork} sizes="72px" />
                    <b>{title.name}</b>
                  </a>
                </Cell>
                <Cell label="State">
                  {title.published ? (
                    <StatePill tone={title.available ? "good" : "busy"}>
                      {title.available ? "Published" : "Nothing to play yet"}
                    </StatePill>
                  ) : (
                    <StatePill tone="off">Draft</StatePill>
                  )}
                </Cell>
                <Cell label="Kind">{title.kind === "film" ? "Film" : "Series"}</Cell>
                <Cell label="Year">{title.year ?? ""}</Cell>
                <Cell label="Age">{title.maturity}+</Cell>
                <Cell label="Length" num>
                  {duration(title.duration_s)}
                </Cell>
                <Cell label="Added">{ago(title.added_at)}</Cell>
              </Row>
            ))}
          </Table>
        ) : (
          <div class="inside">
            <Empty title={name ? `Nothing is called “${name}”` : "There are no titles yet"}>
              <p>
                {name
                  ? "Names are searched as they are written."
                  : "Drop a film at Ingest, and its title is made by itself."}
              </p>
              {!name && (
                <a class="btn" href="/console/ingest">
                  Go to Ingest
                </a>
              )}
            </Empty>
          </div>
        )}
      </section>
      <Pager pages={pages} next={titles.data?.next_cursor} />
      {making && <NewTitle onClose={() => setMaking(false)} />}
    </>
  );
}

function NewTitle({ onClose }: { onClose: () => void }): JSX.Element {
  const { route } = useLocation();
  const [name, setName] = useState("");
  const [kind, setKind] = useState<"film" | "series">("film");
  const [key] = useState(onceKey);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const body = { kind, name, synopsis: "", genres: [], cast: [], languages: [], maturity: 18, published: false };
      const made = await ok(catalog.POST("/", { body, headers: key }));
      outdate("c:titles");
      route(`/console/titles/${made.title_id}`);
    } catch (thrown) {
      setProblem(asProblem(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title="A new title" onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <Field
          label="Name"
          value={name}
          required
          maxLength={200}
          wrong={problem?.fields["name"]}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Choices
          legend="Kind"
          name="new-kind"
          value={kind}
          onChange={setKind}
          options={[
            { value: "film", label: "Film" },
            { value: "series", label: "Series" },
          ]}
        />
        <p class="dim">It is a draft until you publish it; members do not see it.</p>
        <FormProblem problem={problem} />
        <div class="acts">
          <button class="btn go" disabled={busy}>
            Make it
          </button>
          <button class="btn" type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

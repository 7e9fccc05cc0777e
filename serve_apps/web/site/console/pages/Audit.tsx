/** What operators did, newest first, in words; refused wishes are told too. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";

import { ago } from "../../lib/format.ts";
import { useLoad } from "../../lib/load.ts";
import { Empty, Failed } from "../../ui/States.tsx";
import { actOf, mentions } from "../acts.ts";
import { readAudit, type AuditEntry } from "../calls.ts";
import { collect } from "../collect.ts";
import { Find } from "../Find.tsx";
import { POLL_MS } from "../now.ts";
import { meet, person, usePeople } from "../people.ts";
import { Cell, GhostRows, Pager, Row, Table, usePages } from "../Table.tsx";
import { StatePill, Top } from "../Top.tsx";
import { Who } from "../Who.tsx";

const PAGE = 50;
/** Sought through at once; further back is one more press. */
const SOUGHT = { limit: 100, atMost: 10 };
/** A search reads many pages, so it is repeated less often. */
const SEARCH_POLL_MS = 10_000;

export default function Audit(): JSX.Element {
  const { query, path, route } = useLocation();
  const sought = query["q"] ?? "";
  const pages = usePages(sought);
  const { cursor } = pages;
  const loaded = useLoad(
    `c:audit:${cursor ?? ""}:${sought}`,
    (signal) =>
      sought
        ? collect((from) => read(from, signal, SOUGHT.limit), cursor, {
            matches: (entry) => mentions(sought, texts(entry)),
            enough: PAGE,
            atMost: SOUGHT.atMost,
          })
        : collect((from) => read(from, signal, PAGE), cursor, { enough: 1, atMost: 1 }),
    sought ? SEARCH_POLL_MS : POLL_MS,
  );
  const { data } = loaded;
  usePeople(data?.items.map(({ account_id }) => account_id) ?? [], loaded.atMs);
  return (
    <>
      <Top title="Audit" loaded={loaded} />
      <Find
        label="Filter by who, what or a path"
        value={sought}
        onFind={(text) => route(text ? `${path}?q=${encodeURIComponent(text)}` : path, true)}
      />
      <section class="panel" aria-label="What operators did" aria-busy={data ? undefined : "true"}>
        {data ? (
          data.items.length > 0 ? (
            <Table label="What operators did" head={["When", "Who", "What", "Answer"]}>
              {data.items.map((entry) => (
                <Entry key={entry.audit_id} entry={entry} />
              ))}
            </Table>
          ) : (
            <div class="calm">
              <Empty title={sought ? `Nothing found for “${sought}”` : "No operator has changed anything yet"}>
                {data.next_cursor ? (
                  <>
                    <p>The last {data.looked.toLocaleString("en")} entries were looked through.</p>
                    <button class="btn" type="button" onClick={() => pages.forward(data.next_cursor!)}>
                      Search further back
                    </button>
                  </>
                ) : (
                  <p>
                    {sought
                      ? "Every word must be in an entry. Fewer find more."
                      : "What they do from now on is kept here."}
                  </p>
                )}
              </Empty>
            </div>
          )
        ) : loaded.error ? (
          <div class="calm">
            <Failed problem={loaded.error} what="The audit could not be read" onAgain={() => void loaded.reload()} />
          </div>
        ) : (
          loaded.slow && <GhostRows />
        )}
      </section>
      <Pager pages={pages} next={data?.next_cursor} nextLabel={sought ? "Search further back" : "Older"} />
    </>
  );
}

/** A page with the names of who did it: these are sought too, and a column that learns them later would jump. */
async function read(
  cursor: string | null,
  signal: AbortSignal,
  limit: number,
): Promise<{ items: AuditEntry[]; next_cursor: string | null }> {
  const page = await readAudit({ limit, cursor }, signal);
  await meet(page.items.map(({ account_id }) => account_id));
  return page;
}

function texts(entry: AuditEntry): string[] {
  const known = person(entry.account_id);
  const act = actOf(entry);
  return [act.words, act.outcome.word, entry.method, entry.path, entry.service, known?.name ?? "", known?.email ?? ""];
}

function Entry({ entry }: { entry: AuditEntry }): JSX.Element {
  const act = actOf(entry);
  return (
    <Row>
      <Cell>
        <time dateTime={entry.at}>
          {new Date(entry.at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" })}
        </time>
        <span class="under">{ago(entry.at)}</span>
      </Cell>
      <Cell label="Who">
        <Who accountId={entry.account_id} />
      </Cell>
      <Cell label="What">
        {act.href ? (
          <a class="strong" href={act.href}>
            {act.words}
          </a>
        ) : (
          <span class="strong">{act.words}</span>
        )}
        <code class="under" title={`Request ${entry.request_id}`}>
          {entry.method} {entry.path}
        </code>
      </Cell>
      <Cell label="Answer">
        <StatePill tone={act.outcome.tone}>{act.outcome.word}</StatePill>
      </Cell>
    </Row>
  );
}

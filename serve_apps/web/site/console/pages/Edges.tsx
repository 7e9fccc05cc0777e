/** The edges: which are there, what they answer from their disks, and how full these are. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { bytes, count, duration, timeOfDay } from "../../lib/format.ts";
import { Empty, Failed } from "../../ui/States.tsx";
import type { Edge } from "../calls.ts";
import { Chart, type Line } from "../Chart.tsx";
import { hitRate, rateOf, type History } from "../history.ts";
import { history, useStatus } from "../now.ts";
import { Cell, GhostRows, Row, Table } from "../Table.tsx";
import { StatePill, Top } from "../Top.tsx";

const PAGE = 50;
/** An edge tells every few seconds that it lives. */
const LATE_S = 8;

const LINES: readonly Line[] = [
  { of: ({ hitsPerS }) => hitsPerS, colour: "sun-ink" },
  { of: ({ missesPerS }) => missesPerS, colour: "sky" },
];

export default function Edges(): JSX.Element {
  const status = useStatus();
  const [first, setFirst] = useState(0);
  const edges = status.data?.edges;
  const seen = history.value;
  if (!edges) {
    return (
      <>
        <Top title="Edges" loaded={status} />
        {status.error ? (
          <Failed problem={status.error} what="The edges could not be listed" onAgain={() => void status.reload()} />
        ) : (
          <section class="panel" aria-busy="true">
            {status.slow && <GhostRows />}
          </section>
        )}
      </>
    );
  }
  const from = Math.min(first, Math.max(0, Math.floor((edges.length - 1) / PAGE) * PAGE));
  const now = seen.samples.at(-1);
  return (
    <>
      <Top title="Edges" loaded={status} />
      <section class="panel" aria-labelledby="served">
        <header>
          <h2 id="served">Answers a second</h2>
          <span class="key">
            <span>
              <i class="of-disk" aria-hidden="true" />
              from disk
            </span>
            <span>
              <i class="of-store" aria-hidden="true" />
              fetched first
            </span>
          </span>
        </header>
        <div class="chart-box">
          <Chart
            label={`Answers a second now: ${rounded(now?.hitsPerS)} from disk, ${rounded(now?.missesPerS)} fetched first`}
            samples={seen.samples}
            lines={LINES}
            height={220}
            axes
          />
        </div>
      </section>
      <section class="panel" aria-labelledby="edges">
        <header>
          <h2 id="edges">{count(edges.length, "edge")}</h2>
          <span>Each is a process with a disk; none is needed for the others.</span>
        </header>
        {edges.length === 0 && (
          <div class="calm">
            <Empty title="No edge is there">
              <p>
                Nothing can be played until one runs: <code>matinee edge</code> starts one.
              </p>
            </Empty>
          </div>
        )}
        {edges.length + seen.gone.size > 0 && (
          <Table label="Edges" head={["Edge", "State", "#From disk", "#Now", "Disk", "#Fetched"]}>
            {[...seen.gone].map(([edgeId, { url, sinceS }]) => (
              <Row key={edgeId}>
                <Cell>
                  <span class="strong">{url}</span>
                  <span class="under">{edgeId}</span>
                </Cell>
                <Cell label="State">
                  <StatePill tone="bad">Gone since {timeOfDay(sinceS * 1000)}</StatePill>
                </Cell>
                <Cell label="From disk" num>
                  –
                </Cell>
                <Cell label="Now" num>
                  –
                </Cell>
                <Cell label="Disk">–</Cell>
                <Cell label="Fetched" num>
                  –
                </Cell>
              </Row>
            ))}
            {edges.slice(from, from + PAGE).map((edge) => (
              <EdgeRow key={edge.edge_id} edge={edge} seen={seen} />
            ))}
          </Table>
        )}
      </section>
      {edges.length > PAGE && (
        <nav class="pager" aria-label="Pages">
          <button class="btn s" type="button" disabled={from === 0} onClick={() => setFirst(from - PAGE)}>
            Previous page
          </button>
          <span class="dim">
            {from + 1} to {Math.min(edges.length, from + PAGE)} of {edges.length}
          </span>
          <button
            class="btn s"
            type="button"
            disabled={from + PAGE >= edges.length}
            onClick={() => setFirst(from + PAGE)}
          >
            Next page
          </button>
        </nav>
      )}
    </>
  );
}

function EdgeRow({ edge, seen }: { edge: Edge; seen: History }): JSX.Element {
  const rate = rateOf(seen, edge.edge_id);
  const share = hitRate(edge.hits, edge.misses);
  const late = edge.seen_s_ago > LATE_S;
  return (
    <Row>
      <Cell>
        <span class="strong">{edge.url}</span>
        <span class="under">{edge.edge_id}</span>
      </Cell>
      <Cell label="State">
        <StatePill tone={late ? "bad" : "good"}>
          {late ? `Silent for ${duration(edge.seen_s_ago)}` : "Healthy"}
        </StatePill>
      </Cell>
      <Cell label="From disk" num>
        {share === null ? "–" : `${(share * 100).toFixed(1)} %`}
        <span class="under">{count(edge.hits + edge.misses, "answer")}</span>
      </Cell>
      <Cell label="Now" num>
        {rate ? `${rounded(rate.hitsPerS + rate.missesPerS)} /s` : "–"}
      </Cell>
      <Cell label="Disk">
        <Disk edge={edge} />
      </Cell>
      <Cell label="Fetched" num>
        {bytes(edge.fill_bytes)}
        <span class="under">{rate ? `${bytes(rate.fillBytesPerS)}/s` : "–"}</span>
      </Cell>
    </Row>
  );
}

function Disk({ edge }: { edge: Edge }): JSX.Element {
  const { disk_limit_bytes: limit, disk_free_bytes: free } = edge;
  return (
    <div class="disk">
      {limit !== null && limit > 0 && (
        <meter
          min={0}
          max={limit}
          value={Math.min(edge.cache_bytes, limit)}
          aria-label={`Cache of ${edge.url}: ${bytes(edge.cache_bytes)} of ${bytes(limit)}`}
        />
      )}
      <span>
        {bytes(edge.cache_bytes)}
        {limit !== null && <span class="dim"> of {bytes(limit)}</span>}
      </span>
      {free !== null && <span class="under">{bytes(free)} free on the disk</span>}
    </div>
  );
}

function rounded(rate: number | null | undefined): string {
  return rate == null ? "–" : rate >= 10 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1);
}

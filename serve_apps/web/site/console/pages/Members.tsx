/** All members, newest first; found as one types. */
import { useLocation } from "preact-iso";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { ago } from "../../lib/format.ts";
import { useLoad } from "../../lib/load.ts";
import { Empty, Failed } from "../../ui/States.tsx";
import { readMembers, type Member } from "../calls.ts";
import { collect } from "../collect.ts";
import { Find } from "../Find.tsx";
import { POLL_MS } from "../now.ts";
import { Cell, GhostRows, Pager, Row, Table, usePages } from "../Table.tsx";
import { StatePill, Top } from "../Top.tsx";

const PAGE = 50;
/** A page may come short where much is searched for little: so many are asked before somebody is asked to go on. */
const ASKED_AT_MOST = 5;

export default function Members(): JSX.Element {
  const { query, path, route } = useLocation();
  const sought = query["q"] ?? "";
  const pages = usePages(sought);
  const { cursor } = pages;
  const loaded = useLoad(
    `c:members:${cursor ?? ""}:${sought}`,
    (signal) =>
      collect((from) => readMembers({ q: sought, limit: PAGE, cursor: from }, signal), cursor, {
        enough: PAGE / 2,
        atMost: ASKED_AT_MOST,
      }),
    POLL_MS,
  );
  // While the next letter's answer is on its way, the last one stays: nothing jumps.
  const last = useRef(loaded.data);
  useEffect(() => {
    if (loaded.data) last.current = loaded.data;
  });
  const data = loaded.data ?? (loaded.error ? undefined : last.current);
  return (
    <>
      <Top title="Members" loaded={loaded} />
      <Find
        label="Find a member by name or e-mail"
        value={sought}
        onFind={(text) => route(text ? `${path}?q=${encodeURIComponent(text)}` : path, true)}
      />
      <section class="panel" aria-label="Members" aria-busy={loaded.data ? undefined : "true"}>
        {data ? (
          data.items.length > 0 ? (
            <Table label="Members" head={["Name", "E-mail", "Role", "Joined", "State"]}>
              {data.items.map((member) => (
                <MemberRow key={member.account_id} member={member} />
              ))}
            </Table>
          ) : (
            <div class="calm">
              <Empty title={sought ? `Nobody found for “${sought}”` : "Nobody is a member yet"}>
                {data.next_cursor ? (
                  <button class="btn" type="button" onClick={() => pages.forward(data.next_cursor!)}>
                    Search further back
                  </button>
                ) : sought ? (
                  <p>A part of the name or of the e-mail is enough. An e-mail address in full finds the oldest, too.</p>
                ) : (
                  <p>Whoever signs up on the site appears here.</p>
                )}
              </Empty>
            </div>
          )
        ) : loaded.error ? (
          <div class="calm">
            <Failed
              problem={loaded.error}
              what="The members could not be listed"
              onAgain={() => void loaded.reload()}
            />
          </div>
        ) : (
          loaded.slow && <GhostRows />
        )}
      </section>
      <Pager pages={pages} next={data?.next_cursor} />
    </>
  );
}

function MemberRow({ member }: { member: Member }): JSX.Element {
  return (
    <Row>
      <Cell>
        <a class="strong" href={`/console/members/${encodeURIComponent(member.account_id)}`}>
          {member.name}
        </a>
      </Cell>
      <Cell label="E-mail">{member.email}</Cell>
      <Cell label="Role">{member.roles.includes("operator") ? "Operator" : "Member"}</Cell>
      <Cell label="Joined">{ago(member.created_at)}</Cell>
      <Cell label="State">
        <StatePill tone={member.disabled ? "bad" : "good"}>{member.disabled ? "Disabled" : "Active"}</StatePill>
      </Cell>
    </Row>
  );
}

/** A member by name, as a link to their page; the id until the name is known. */
import type { JSX } from "preact";

import { person } from "./people.ts";

export function Who({ accountId, email = false }: { accountId: string; email?: boolean }): JSX.Element {
  const known = person(accountId);
  if (known === null) return <span class="dim">A member who is gone</span>;
  return (
    <>
      <a class="strong" href={`/console/members/${encodeURIComponent(accountId)}`}>
        {known?.name ?? `Member ${accountId.slice(-6)}`}
      </a>
      {email && <span class="under">{known?.email ?? " "}</span>}
    </>
  );
}

/** What an operator did, in words: the audit keeps methods and paths, people read sentences. */

export interface Act {
  /** `disabled a member`; follows a name. */
  readonly words: string;
  /** The page of what it was done to. */
  readonly href?: string;
  readonly outcome: Outcome;
}

export interface Outcome {
  readonly tone: "good" | "bad" | "busy";
  readonly word: string;
}

interface Entry {
  method: string;
  path: string;
  status: number;
}

type Say = (...parts: string[]) => { words: string; href?: string };

const member =
  (words: string): Say =>
  (account) => ({ words, href: `/console/members/${account}` });
const title =
  (words: string): Say =>
  (titleId) => ({ words, href: `/console/titles/${titleId}` });
const plain =
  (words: string): Say =>
  () => ({ words });

/** Method, path after /api/v1, and what it is called; the first that fits. */
const ACTS: readonly (readonly [string, RegExp, Say])[] = [
  [
    "PUT",
    /^\/operations\/applications\/([^/]+)\/scale$/,
    (name) => ({ words: `changed the scale of ${name}`, href: "/console/services" }),
  ],
  ["DELETE", /^\/playback\/streams\/([^/]+)\/[^/]+$/, member("stopped a member’s stream")],
  ["POST", /^\/auth\/members\/([^/]+)\/disable$/, member("disabled a member")],
  ["POST", /^\/auth\/members\/([^/]+)\/enable$/, member("enabled a member")],
  ["POST", /^\/auth\/members\/([^/]+)\/password-reset$/, member("made a password reset link for a member")],
  ["DELETE", /^\/auth\/members\/([^/]+)\/devices\/[^/]+$/, member("signed a member’s device out")],
  ["POST", /^\/studio\/uploads$/, plain("began an upload")],
  ["PATCH", /^\/studio\/uploads\/[^/]+$/, plain("sent a part of an upload")],
  ["DELETE", /^\/studio\/uploads\/[^/]+$/, plain("gave an upload up")],
  ["POST", /^\/studio\/jobs$/, (() => ({ words: "started an ingest", href: "/console/ingest" })) as Say],
  [
    "POST",
    /^\/studio\/jobs\/[^/]+\/cancel$/,
    (() => ({ words: "cancelled an ingest", href: "/console/ingest" })) as Say,
  ],
  [
    "POST",
    /^\/studio\/jobs\/[^/]+\/retry$/,
    (() => ({ words: "tried an ingest again", href: "/console/ingest" })) as Say,
  ],
  ["POST", /^\/titles\/?$/, plain("made a title")],
  ["PATCH", /^\/titles\/([^/]+)$/, title("edited a title")],
  ["DELETE", /^\/titles\/[^/]+$/, plain("deleted a title")],
  ["POST", /^\/titles\/([^/]+)\/publish$/, title("published a title")],
  ["POST", /^\/titles\/([^/]+)\/unpublish$/, title("took a title back")],
  [
    "PUT",
    /^\/titles\/([^/]+)\/artwork\/([^/]+)$/,
    (titleId, kind) => ({ words: `changed the ${kind} of a title`, href: `/console/titles/${titleId}` }),
  ],
  ["DELETE", /^\/titles\/([^/]+)\/artwork\/[^/]+$/, title("removed a picture of a title")],
  ["PUT", /^\/titles\/([^/]+)\/markers$/, title("set the markers of a title")],
  ...(["PUT", "PATCH", "DELETE"] as const).flatMap((method) => {
    const did = { PUT: "set", PATCH: "edited", DELETE: "deleted" }[method];
    return [
      [
        method,
        /^\/titles\/([^/]+)\/seasons\/(\d+)\/episodes\/(\d+)(?:\/.*)?$/,
        (titleId: string, season: string, episode: string) => ({
          words: `${did} S${season} E${episode} of a series`,
          href: `/console/titles/${titleId}`,
        }),
      ] as const,
      [method, /^\/titles\/([^/]+)\/trailers\/[^/]+(?:\/.*)?$/, title(`${did} a trailer of a title`)] as const,
    ];
  }),
];

export function actOf(entry: Entry): Act {
  const path = entry.path.replace(/^\/api\/v1(?=\/)/, "").replace(/\?.*$/, "");
  const outcome = outcomeOf(entry.status);
  for (const [method, pattern, say] of ACTS) {
    const found = method === entry.method ? pattern.exec(path) : null;
    if (found) return { ...say(...found.slice(1)), outcome };
  }
  return { words: `asked for ${entry.method} ${path}`, outcome };
}

/** 499: the caller was gone before the answer, so it may have happened or not. */
function outcomeOf(status: number): Outcome {
  if (status === 499) return { tone: "busy", word: "Cut off, may be done" };
  if (status >= 500) return { tone: "bad", word: `Failed, ${status}` };
  return status >= 400 ? { tone: "bad", word: `Refused, ${status}` } : { tone: "good", word: "Done" };
}

/** Whether every word that is sought stands somewhere in the texts; case does not matter. */
export function mentions(sought: string, texts: readonly string[]): boolean {
  const all = texts.join(" ").toLocaleLowerCase();
  return sought
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

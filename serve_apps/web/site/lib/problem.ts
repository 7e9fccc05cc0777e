/** What went wrong, as every service tells it (RFC 9457), or as we tell what no service could. */
export class Problem extends Error {
  readonly slug: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly retryAfterS: number | undefined;
  readonly fields: Record<string, string>;
  readonly members: Record<string, unknown>;

  constructor(told: {
    slug: string;
    status: number;
    title: string;
    detail?: string | undefined;
    retryAfterS?: number | undefined;
    fields?: Record<string, string>;
    members?: Record<string, unknown>;
  }) {
    super(told.detail || told.title);
    this.name = "Problem";
    this.slug = told.slug;
    this.status = told.status;
    this.title = told.title;
    this.detail = told.detail ?? "";
    this.retryAfterS = told.retryAfterS;
    this.fields = told.fields ?? {};
    this.members = told.members ?? {};
  }
}

/** The connection failed before any answer came. */
export function unreachable(): Problem {
  const offline = typeof navigator !== "undefined" && navigator.onLine === false;
  return new Problem({
    slug: offline ? "offline" : "unreachable",
    status: 0,
    title: offline ? "You are offline" : "Matinee does not answer",
    detail: offline ? "This device has no network at the moment." : "The connection failed. It is tried again.",
  });
}

/** Read a refused answer. A text/plain 500 is the proxy's own: a replica left, or none is there. */
export async function problemOf(response: Response): Promise<Problem> {
  const retryAfterS = Number(response.headers.get("Retry-After")) || undefined;
  if (!(response.headers.get("Content-Type") ?? "").includes("json")) {
    return new Problem({
      slug: "unavailable",
      status: response.status,
      title: "Not available right now",
      detail: "A part of Matinee is starting or restarting.",
      retryAfterS,
    });
  }
  return problemFrom(await response.json().catch(() => ({})), response.status, retryAfterS);
}

/** Read a problem document; `errors[]` of a 422 becomes a message a field. */
export function problemFrom(body: unknown, status: number, retryAfterS?: number): Problem {
  const told = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const fields: Record<string, string> = {};
  if (Array.isArray(told["errors"])) {
    for (const error of told["errors"] as { pointer?: string; detail?: string }[]) {
      const name =
        String(error.pointer ?? "")
          .split("/")
          .filter(Boolean)
          .pop() ?? "";
      fields[name] ??= String(error.detail ?? "");
    }
  }
  return new Problem({
    slug:
      String(told["type"] ?? "")
        .split(":")
        .pop() || "unexpected",
    status,
    title: String(told["title"] ?? "Something went wrong"),
    detail: typeof told["detail"] === "string" ? told["detail"] : undefined,
    retryAfterS,
    fields,
    members: told,
  });
}

/** Whatever was thrown, as a Problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof TypeError) return unreachable();
  return new Problem({ slug: "unexpected", status: 0, title: "Something went wrong", detail: String(thrown) });
}

/** Two editors of one title: what each changed since both began, and what only a person can decide. Pure. */

export type Fields = Record<string, unknown>;

export interface Clash {
  field: string;
  mine: unknown;
  theirs: unknown;
}

export interface Merged<T extends Fields> {
  /** Theirs, with what only I changed. */
  fields: T;
  /** What both changed, differently. */
  clashes: Clash[];
  /** What only they changed. */
  taken: string[];
}

/** Whether two values are the same as JSON. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The fields that changed between two versions. */
export function changed<T extends Fields>(before: T, after: T): (keyof T & string)[] {
  return Object.keys(after).filter((field) => !same(before[field], after[field]));
}

/** Bring my changes of `base` onto `theirs`. */
export function merge<T extends Fields>(base: T, mine: T, theirs: T): Merged<T> {
  const fields: Fields = { ...theirs };
  const clashes: Clash[] = [];
  const taken: string[] = [];
  for (const field of Object.keys(mine)) {
    const iDid = !same(base[field], mine[field]);
    const theyDid = !same(base[field], theirs[field]);
    if (theyDid && !iDid) taken.push(field);
    if (iDid && !theyDid) fields[field] = mine[field];
    if (iDid && theyDid && !same(mine[field], theirs[field])) {
      clashes.push({ field, mine: mine[field], theirs: theirs[field] });
    }
  }
  return { fields: fields as T, clashes, taken };
}

/** `Ada as the captain` a line, or `Ada`. */
export function castText(cast: { name: string; role: string }[]): string {
  return cast.map(({ name, role }) => (role ? `${name} as ${role}` : name)).join("\n");
}

export function castOf(text: string): { name: string; role: string }[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const at = line.indexOf(" as ");
      return at > 0 ? { name: line.slice(0, at).trim(), role: line.slice(at + 4).trim() } : { name: line, role: "" };
    });
}

/** `Drama, Comedy`. */
export function listText(values: string[]): string {
  return values.join(", ");
}

export function listOf(text: string): string[] {
  return text
    .split(",")
    .map((value) => value.trim())
    .filter(Boolean);
}

/** `1:02:03`, `2:03` or `63.5` as seconds; null where it is none. */
export function secondsOf(text: string): number | null {
  const parts = text.trim().split(":");
  if (!text.trim() || parts.length > 3 || parts.some((part) => !/^\d+(\.\d+)?$/.test(part))) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Seconds as one types them: `1:02:03`, `2:03.5`. */
export function timeText(seconds: number): string {
  const rest = Math.round((seconds % 60) * 10) / 10;
  const minutes = Math.floor(seconds / 60);
  const padded = rest < 10 ? `0${rest}` : String(rest);
  return minutes >= 60
    ? `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${padded}`
    : `${minutes}:${padded}`;
}

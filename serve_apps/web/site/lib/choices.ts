/** What a profile keeps of titles: a change shows at once, is sent in turn, and goes back where it is refused. */
import { put, shown } from "./load.ts";
import { asProblem, type Problem } from "./problem.ts";
import { who } from "./session.ts";

/** By title, the latest first. */
export type Kept<V> = ReadonlyMap<string, V>;

/** One kind of choices: what is shown of them, and the wishes on their way that an older answer must not hide. */
export class Choices<V> {
  private readonly wishes = new Map<string, V | undefined>();
  private sending: Promise<unknown> = Promise.resolve();
  readonly key: string;
  private readonly load: (abort: AbortSignal) => Promise<Kept<V>>;
  private readonly send: (titleId: string, wish: V | undefined) => Promise<unknown>;

  constructor(
    key: string,
    load: (abort: AbortSignal) => Promise<Kept<V>>,
    send: (titleId: string, wish: V | undefined) => Promise<unknown>,
  ) {
    this.key = key;
    this.load = load;
    this.send = send;
  }

  /** What is kept there, with what was wished here since. */
  readonly ask = async (abort: AbortSignal): Promise<Kept<V>> => {
    let kept = await this.load(abort);
    for (const [titleId, wish] of this.wishes) kept = changed(kept, titleId, wish);
    return kept;
  };

  /** Show the wish and send it after those before it; undefined takes the title off. Resolves to why it was refused, or null. */
  async change(titleId: string, wish: V | undefined): Promise<Problem | null> {
    const before = shown<Kept<V>>(this.key)?.get(titleId);
    const profile = who.value?.profileId;
    this.show(titleId, wish);
    this.wishes.set(titleId, wish);
    const sent = this.sending.then(async () => {
      // A later wish for the same title, or another profile, has come in between.
      if (this.wishes.get(titleId) !== wish || who.value?.profileId !== profile) return;
      await this.send(titleId, wish);
    });
    this.sending = sent.catch(() => undefined);
    try {
      await sent;
      return null;
    } catch (thrown) {
      if (this.wishes.get(titleId) === wish) this.show(titleId, before);
      return asProblem(thrown);
    } finally {
      if (this.wishes.get(titleId) === wish) this.wishes.delete(titleId);
    }
  }

  private show(titleId: string, wish: V | undefined): void {
    put(this.key, changed(shown<Kept<V>>(this.key) ?? new Map(), titleId, wish));
  }
}

/** What was changed last comes first. */
function changed<V>(kept: Kept<V>, titleId: string, wish: V | undefined): Kept<V> {
  if (wish === kept.get(titleId)) return kept;
  const others = [...kept].filter(([other]) => other !== titleId);
  return new Map(wish === undefined ? others : [[titleId, wish], ...others]);
}

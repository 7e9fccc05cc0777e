import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Choices, type Kept } from "./choices.ts";
import { forgetAll, put, shown } from "./load.ts";
import { Problem } from "./problem.ts";
import { enter } from "./session.ts";

const never = new AbortController().signal;

/** A service that answers when told, in the order told. */
function service(): {
  choices: Choices<number>;
  sent: [string, number | undefined][];
  answer: (refusal?: Problem) => Promise<void>;
} {
  const sent: [string, number | undefined][] = [];
  const waiting: ((refusal?: Problem) => void)[] = [];
  const choices = new Choices<number>(
    "ratings",
    async () => new Map([["old", 1]]),
    (titleId, wish) => {
      sent.push([titleId, wish]);
      return new Promise<void>((kept, refused) => {
        waiting.push((refusal) => (refusal ? refused(refusal) : kept()));
      });
    },
  );
  const answer = async (refusal?: Problem): Promise<void> => {
    await settled();
    waiting.shift()!(refusal);
    await settled();
  };
  return { choices, sent, answer };
}

const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));
const now = (): [string, number][] => [...(shown<Kept<number>>("ratings") ?? [])];
const refusal = new Problem({ slug: "list-full", status: 409, title: "Full" });

function as(profileId: string): void {
  enter({
    access_token: "t",
    expires_in_s: 900,
    account_id: "a",
    device_id: "d",
    roles: ["member"],
    profile_id: profileId,
    kids: false,
    maturity: 18,
  });
}

beforeEach(() => {
  forgetAll();
  as("p");
});

test("a wish shows before it is sent, first of all, and stays once kept", async () => {
  put("ratings", new Map([["old", 1]]));
  const { choices, answer } = service();
  const done = choices.change("new", 2);
  assert.deepEqual(now(), [
    ["new", 2],
    ["old", 1],
  ]);
  await answer();
  assert.equal(await done, null);
  assert.equal(now()[0]![0], "new");
});

test("a refused wish goes back to what was there, others' changes untouched", async () => {
  put("ratings", new Map([["old", 1]]));
  const { choices, answer } = service();
  const first = choices.change("old", undefined);
  const second = choices.change("new", 2);
  assert.deepEqual(now(), [["new", 2]]);
  await answer(refusal);
  assert.equal(await first, refusal);
  await answer();
  assert.equal(await second, null);
  assert.deepEqual(
    new Map(now()),
    new Map([
      ["new", 2],
      ["old", 1],
    ]),
  );
});

test("wishes are sent one after another, and of several for a title that wait only the last", async () => {
  put("ratings", new Map());
  const { choices, sent, answer } = service();
  const all = [choices.change("a", 1), choices.change("b", 1), choices.change("b", 2), choices.change("b", undefined)];
  await settled();
  assert.deepEqual(sent, [["a", 1]]);
  await answer();
  await answer();
  assert.deepEqual(await Promise.all(all), [null, null, null, null]);
  assert.deepEqual(sent, [
    ["a", 1],
    ["b", undefined],
  ]);
  assert.deepEqual(now(), [["a", 1]]);
});

test("an answer that is older than the wish does not hide it", async () => {
  put("ratings", new Map());
  const { choices, answer } = service();
  const done = choices.change("new", 2);
  assert.deepEqual(
    [...(await choices.ask(never))],
    [
      ["new", 2],
      ["old", 1],
    ],
  );
  await answer();
  await done;
  assert.deepEqual([...(await choices.ask(never))], [["old", 1]]);
});

test("a wish that waits is not sent for another profile", async () => {
  put("ratings", new Map());
  const { choices, sent, answer } = service();
  const first = choices.change("a", 1);
  const second = choices.change("b", 1);
  await settled();
  as("other");
  await answer();
  await Promise.all([first, second]);
  assert.deepEqual(sent, [["a", 1]]);
});

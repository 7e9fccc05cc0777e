/** Names of members and of their devices, asked once each and kept for a while: lists tell ids alone. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { asProblem } from "../lib/problem.ts";
import { readDevices, readMember, type Device, type Member } from "./calls.ts";

/** `null`: there is no such member any more. */
export type Person = Member | null;

const KEPT = 1000;
const KEPT_MS = 5 * 60_000;
const DEVICES_AGAIN_MS = 30_000;
const AT_ONCE = 4;

interface Known<T> {
  value: T;
  atMs: number;
}

const people = signal<ReadonlyMap<string, Known<Person>>>(new Map());
const devices = signal<ReadonlyMap<string, Known<Device[]>>>(new Map());
const asking = new Map<string, Promise<void>>();
const waiting: (() => void)[] = [];
let running = 0;

/** What is known of a member; undefined: nothing yet. */
export function person(accountId: string): Person | undefined {
  return people.value.get(accountId)?.value;
}

/** What is known of a member's device; undefined: nothing yet, or it was signed out. */
export function device(accountId: string, deviceId: string): Device | undefined {
  return devices.value.get(accountId)?.value.find(({ device_id }) => device_id === deviceId);
}

/** Find these members out; resolves when all were asked for, also where asking failed. */
export async function meet(accountIds: Iterable<string>): Promise<void> {
  await Promise.all(
    [...new Set(accountIds)].map((accountId) =>
      fresh(people.value.get(accountId), KEPT_MS)
        ? undefined
        : once(`person ${accountId}`, async () => {
            const found = await readMember(accountId).catch((thrown: unknown) => {
              if (asProblem(thrown).status === 404) return null;
              throw thrown;
            });
            people.value = kept(people.value, accountId, found);
          }),
    ),
  );
}

async function learnDevices(wanted: readonly { account_id: string; device_id: string }[]): Promise<void> {
  await Promise.all(
    wanted.map(({ account_id, device_id }) => {
      const known = devices.value.get(account_id);
      const has = known?.value.some((each) => each.device_id === device_id);
      if (fresh(known, has ? KEPT_MS : DEVICES_AGAIN_MS)) return undefined;
      return once(`devices ${account_id}`, async () => {
        const found = await readDevices(account_id, { limit: 100, cursor: null }).catch((thrown: unknown) => {
          if (asProblem(thrown).status === 404) return { items: [] };
          throw thrown;
        });
        devices.value = kept(devices.value, account_id, found.items);
      });
    }),
  );
}

/** Find out who these are, and again as the list is asked again, for those that failed. */
export function usePeople(accountIds: readonly string[], atMs: number | undefined): void {
  useEffect(() => void meet(accountIds), [atMs]);
}

export function useDevices(
  wanted: readonly { account_id: string; device_id: string }[],
  atMs: number | undefined,
): void {
  useEffect(() => void learnDevices(wanted), [atMs]);
}

function fresh(known: Known<unknown> | undefined, forMs: number): boolean {
  return !!known && Date.now() - known.atMs < forMs;
}

function kept<T>(before: ReadonlyMap<string, Known<T>>, id: string, value: T): ReadonlyMap<string, Known<T>> {
  const after = new Map(before);
  after.delete(id); // so that it goes to the end: the first are those that were asked longest ago
  after.set(id, { value, atMs: Date.now() });
  for (const oldest of after.keys()) {
    if (after.size <= KEPT) break;
    after.delete(oldest);
  }
  return after;
}

/** One asking at a time for each, a few at a time for all; what fails is forgotten, so the next list asks again. */
function once(what: string, ask: () => Promise<void>): Promise<void> {
  let asked = asking.get(what);
  if (!asked) {
    asked = turn()
      .then(ask)
      .catch(() => undefined)
      .finally(() => {
        running--;
        waiting.shift()?.();
        asking.delete(what);
      });
    asking.set(what, asked);
  }
  return asked;
}

async function turn(): Promise<void> {
  if (running >= AT_ONCE) await new Promise<void>((wake) => waiting.push(wake));
  running++;
}

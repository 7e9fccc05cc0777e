/** What runs, asked every two seconds by the Shell for all pages, and what was seen of it since the console was opened. */
import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useEffect } from "preact/hooks";

import { useLoad, type Loaded } from "../lib/load.ts";
import { readStatus, type Status } from "./calls.ts";
import { NOTHING, recorded, type History } from "./history.ts";

export const POLL_MS = 2000;
const STATUS = "c:status";

export const history = signal<History>(NOTHING);

const IDLE: Loaded<Status> = {
  data: undefined,
  error: undefined,
  pending: false,
  slow: false,
  atMs: undefined,
  reload: () => Promise.resolve(),
};

export const StatusContext = createContext<Loaded<Status>>(IDLE);

/** The Shell's: the one place that asks. */
export function usePolledStatus(): Loaded<Status> {
  const loaded = useLoad(STATUS, readStatus, POLL_MS);
  useEffect(() => {
    if (loaded.data && loaded.atMs) history.value = recorded(history.value, loaded.data, loaded.atMs);
  }, [loaded.atMs]);
  return loaded;
}

/** A page's: what the Shell holds. */
export function useStatus(): Loaded<Status> {
  return useContext(StatusContext);
}

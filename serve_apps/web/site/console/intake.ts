/**
 * The films that an operator gave in this browser: each finds its title, is uploaded by tus, encoded, and published when it is ready.
 * What was reached is kept in localStorage, so that a tab opened again goes on: by itself where the upload was done, and from the
 * byte where it stopped once the same file is given again (no page may keep a file).
 */
import { effect, signal } from "@preact/signals";
import { Upload } from "tus-js-client";

import { catalog, ok, onceKey, studio } from "../lib/api.ts";
import { asProblem, Problem, problemFrom } from "../lib/problem.ts";
import { accessToken, refresh, remember, remembered, who } from "../lib/session.ts";
import { isVideo, named, type Named, subtitleOf } from "./naming.ts";

export type Step = "waiting" | "placing" | "uploading" | "asleep" | "encoding" | "publishing" | "ready" | "failed";

export interface Item extends Named {
  id: string;
  file: string;
  bytes: number;
  modifiedMs: number;
  publish: boolean;
  step: Step;
  sentBytes: number;
  uploadUrl?: string;
  titleId?: string;
  playableId?: string;
  /** Made for this file: taken back where nothing comes of it. */
  madeTitle?: boolean;
  jobId?: string;
  trouble?: { title: string; detail: string };
}

const KEY = "matinee.intake";
const CHUNK_BYTES = 8 << 20;
const RETRY_MS = [500, 1500, 4000, 8000, 15000, 30000];
const KEPT = 50;

/** The newest last. */
export const items = signal<Item[]>(load());
const files = new Map<string, { film: File; subtitles: { file: File; language: string }[] }>();
let running: { id: string; upload: Upload | null } | null = null;

function load(): Item[] {
  try {
    const kept = JSON.parse(remembered(KEY) ?? "[]") as Item[];
    // What was on its way when the tab closed waits for its file.
    return kept.map((item) =>
      ["waiting", "placing", "uploading"].includes(item.step) ? { ...item, step: "asleep" } : item,
    );
  } catch {
    return [];
  }
}

effect(() => remember(KEY, JSON.stringify(items.value.slice(-KEPT))));

export function change(id: string, changes: Partial<Item>): void {
  items.value = items.value.map((item) => (item.id === id ? { ...item, ...changes } : item));
}

function find(id: string): Item | undefined {
  return items.peek().find((item) => item.id === id);
}

export interface Given {
  path: string;
  file: File;
}

/** Take files; returns the names of those that are no films. A file that an unfinished upload waits for goes on with it. */
export function give(given: Given[]): string[] {
  const left = new Set(given.filter(({ file }) => !isVideo(file.name)));
  for (const { path, file } of given) {
    if (!isVideo(file.name)) continue;
    const subtitles = [...left].flatMap((other) => {
      const told =
        other.path.replace(/[^/]*$/, "") === path.replace(/[^/]*$/, "") ? subtitleOf(other.file.name, file.name) : null;
      if (!told) return [];
      left.delete(other);
      return [{ file: other.file, language: told.language }];
    });
    const asleep = items
      .peek()
      .find(
        (item) =>
          item.step === "asleep" &&
          item.file === file.name &&
          item.bytes === file.size &&
          item.modifiedMs === file.lastModified,
      );
    const id = asleep?.id ?? onceKey()["Idempotency-Key"];
    files.set(id, { film: file, subtitles });
    if (asleep) change(id, { step: "waiting" });
    else {
      const fresh: Item = {
        ...named(path),
        id,
        file: file.name,
        bytes: file.size,
        modifiedMs: file.lastModified,
        publish: true,
        step: "waiting",
        sentBytes: 0,
      };
      items.value = [...items.value, fresh];
    }
  }
  void run();
  return [...left].map(({ file }) => file.name);
}

/** Take an item out; what it uploaded and made goes with it, unless it is encoded already. */
export async function drop(id: string): Promise<void> {
  const item = find(id);
  items.value = items.value.filter((other) => other.id !== id);
  files.delete(id);
  if (running?.id === id) await running.upload?.abort().catch(() => undefined);
  if (!item || item.jobId) return;
  if (item.uploadUrl) {
    const upload_id = item.uploadUrl.split("/").pop()!;
    await studio
      .DELETE("/uploads/{upload_id}", { params: { path: { upload_id }, header: { "Tus-Resumable": "1.0.0" } } })
      .catch(() => undefined);
  }
  await takeBack(item);
}

export function again(id: string): void {
  const item = find(id);
  if (!item) return;
  const { trouble: _, ...rest } = item;
  items.value = items.value.map((other) =>
    other.id === id ? { ...rest, step: files.has(id) ? "waiting" : "asleep" } : other,
  );
  void run();
}

/** One upload at a time: two share the same line and end no sooner. */
async function run(): Promise<void> {
  if (running) return;
  for (;;) {
    const next = items.peek().find((item) => item.step === "waiting" && files.has(item.id));
    if (!next) return;
    running = { id: next.id, upload: null };
    try {
      await bring(next.id);
    } catch (thrown) {
      const problem = asProblem(thrown);
      if (find(next.id)) change(next.id, { step: "failed", trouble: { title: problem.title, detail: problem.detail } });
    } finally {
      running = null;
    }
  }
}

async function bring(id: string): Promise<void> {
  const { film, subtitles } = files.get(id)!;
  change(id, { step: "placing" });
  const item = find(id)!;
  if (!item.playableId) await place(item);
  if (!find(id)) return;
  change(id, { step: "uploading" });
  const uploadId = await send(film, find(id)!.uploadUrl, {
    onUrl: (uploadUrl) => change(id, { uploadUrl }),
    onSent: (sentBytes) => change(id, { sentBytes }),
    onUpload: (upload) => running && (running.upload = upload),
  });
  const now = find(id);
  if (!now) return;
  const sidecars = [];
  for (const { file, language } of subtitles) {
    sidecars.push({
      upload_id: await send(file, undefined, {}),
      language,
      label: language === "und" ? file.name.slice(0, 64) : language,
    });
  }
  const job = await ok(
    studio.POST("/jobs", {
      body: { upload_id: uploadId, playable_id: now.playableId!, subtitles: sidecars },
      headers: { "Idempotency-Key": id },
    }),
  );
  change(id, { step: "encoding", jobId: job.job_id });
  files.delete(id);
}

/** Find or make the title, as a draft, and the episode in it. */
async function place(item: Item): Promise<void> {
  const kind = item.kind === "episode" ? "series" : "film";
  const query = { kind, name: item.title, limit: 10, ...(item.year ? { year: item.year } : {}) } as const;
  const found = (await ok(catalog.GET("/", { params: { query } }))).items[0];
  let titleId = found?.title_id;
  if (!titleId) {
    const body = {
      kind,
      name: item.title,
      year: item.year,
      synopsis: "",
      genres: [],
      cast: [],
      languages: [],
      maturity: 18,
      published: false,
    } as const;
    // Two episodes of one new series make it once.
    const key = item.kind === "episode" ? `${who.peek()?.accountId}-${item.title}-${item.year}-${day()}` : item.id;
    const made = await ok(
      catalog.POST("/", {
        body: { ...body, genres: [], cast: [], languages: [] },
        headers: { "Idempotency-Key": key },
      }),
    );
    titleId = made.title_id;
    change(item.id, { madeTitle: true });
  }
  if (item.kind === "film") {
    change(item.id, { titleId, playableId: titleId });
    return;
  }
  const path = { title_id: titleId, season: item.season ?? 1, episode: item.episode ?? 1 };
  const known = await catalog.GET("/{title_id}/seasons/{season}/episodes/{episode}", { params: { path } });
  const episode =
    known.data ??
    (await ok(
      catalog.PUT("/{title_id}/seasons/{season}/episodes/{episode}", {
        params: { path, header: { "If-None-Match": "*" } },
        body: { name: item.name ?? `Episode ${item.episode}`, synopsis: "", published: true },
      }),
    ));
  change(item.id, { titleId, playableId: episode.playable_id });
}

function day(): string {
  return new Date().toISOString().slice(0, 10);
}

async function takeBack(item: Item): Promise<void> {
  if (!item.madeTitle || !item.titleId) return;
  const params = { path: { title_id: item.titleId } };
  const told = await catalog.GET("/{title_id}", { params }).catch(() => null);
  const title = told?.data;
  if (
    !title ||
    title.media ||
    title.seasons.some((season) => season.episodes.some((episode) => episode.media)) ||
    title.published
  )
    return;
  await catalog
    .DELETE("/{title_id}", { params: { ...params, header: { "If-Match": told.response.headers.get("ETag") ?? "" } } })
    .catch(() => undefined);
}

/** What to do with jobs that ended: publish what is ready, tell what failed. `ended` are the jobs as the studio tells them. */
export async function settle(
  jobs: { job_id: string; state: string; error?: Record<string, unknown> | null }[],
): Promise<void> {
  for (const item of items.peek()) {
    const job = item.step === "encoding" ? jobs.find((each) => each.job_id === item.jobId) : undefined;
    if (!job) continue;
    if (job.state === "failed" || job.state === "cancelled") {
      const problem = job.error ? problemFrom(job.error, 422) : null;
      change(item.id, {
        step: "failed",
        trouble: { title: problem?.title ?? "Cancelled", detail: problem?.detail ?? "Nothing of it was kept." },
      });
    } else if (job.state === "ready") {
      if (!item.publish) {
        change(item.id, { step: "ready" });
        continue;
      }
      change(item.id, { step: "publishing" });
      try {
        await ok(catalog.POST("/{title_id}/publish", { params: { path: { title_id: item.titleId! } } }));
        change(item.id, { step: "ready" });
      } catch (thrown) {
        const problem = asProblem(thrown);
        // Asked again with the next look at the jobs, unless it was refused.
        if (problem.status >= 400 && problem.status < 500) {
          change(item.id, { step: "failed", trouble: { title: problem.title, detail: problem.detail } });
        } else change(item.id, { step: "encoding" });
      }
    }
  }
}

interface Hears {
  onUrl?: (url: string) => void;
  onSent?: (bytes: number) => void;
  onUpload?: (upload: Upload) => void;
}

/** Upload a file, going on from `uploadUrl`; returns the upload's id. */
function send(file: File, uploadUrl: string | undefined, { onUrl, onSent, onUpload }: Hears): Promise<string> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(file, {
      endpoint: "/api/v1/studio/uploads",
      uploadUrl: uploadUrl ?? null,
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_MS,
      storeFingerprintForResuming: false,
      metadata: { filename: file.name },
      onBeforeRequest: async (request) => {
        const token = await accessToken();
        if (token) request.setHeader("Authorization", `Bearer ${token}`);
      },
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        if (status === 401) void refresh().catch(() => undefined);
        return status === 0 || status === 401 || status === 409 || status === 423 || status === 429 || status >= 500;
      },
      onUploadUrlAvailable: () => upload.url && onUrl?.(new URL(upload.url, location.href).pathname),
      onChunkComplete: (_, sentBytes) => onSent?.(sentBytes),
      onProgress: (sentBytes) => onSent?.(sentBytes),
      onSuccess: () => resolve(upload.url!.split("/").pop()!),
      onError: (error) => {
        const response = "originalResponse" in error ? error.originalResponse : null;
        let body: unknown = {};
        try {
          body = JSON.parse(response?.getBody() ?? "{}");
        } catch {
          // The proxy's own answer is no JSON.
        }
        const status = response?.getStatus() ?? 0;
        reject(
          status
            ? problemFrom(body, status)
            : new Problem({
                slug: "unreachable",
                status: 0,
                title: "The upload broke off",
                detail: "What arrived is kept; try again.",
              }),
        );
      },
    });
    onUpload?.(upload);
    upload.start();
  });
}

/** Read what was dropped, folders with all that is in them. */
export async function dropped(transfer: DataTransfer): Promise<Given[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => !!entry);
  if (!entries.length) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const found: Given[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.name.startsWith(".")) return;
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push({ path: entry.fullPath, file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const inner of some) await walk(inner);
    }
  };
  for (const entry of entries) await walk(entry);
  return found.sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
}

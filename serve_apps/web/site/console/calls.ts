/** Everything that the console asks of the services, and does in them; each call throws a Problem where it is refused. */
import type { components as Auth } from "../api/auth.ts";
import type { components as Operations } from "../api/operations.ts";
import type { components as Playback } from "../api/playback.ts";
import { auth, ok, operations, playback } from "../lib/api.ts";
import type { Range } from "./scaling.ts";

export type Status = Operations["schemas"]["Status"];
export type Application = Operations["schemas"]["ApplicationStatus"];
export type Edge = Operations["schemas"]["EdgeSummary"];
export type AuditEntry = Operations["schemas"]["AuditEntry"];
export type Stream = Playback["schemas"]["AccountStream"];
export type Streams = Playback["schemas"]["AccountStreams"];
export type Member = Auth["schemas"]["MemberAccount"];
export type Device = Auth["schemas"]["Device"];
export type ResetLink = Auth["schemas"]["ResetLink"];

/** A piece of a long list: from where, how much. */
export interface Piece {
  limit: number;
  cursor: string | null;
}
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export function readStatus(signal: AbortSignal): Promise<Status> {
  return ok(operations.GET("/status", { signal }));
}

export function scale(application: string, range: Range): Promise<Application> {
  return ok(
    operations.PUT("/applications/{name}/scale", {
      params: { path: { name: application } },
      body: { min_replicas: range.min, max_replicas: range.max },
    }),
  );
}

export function readStreams(query: Piece, signal: AbortSignal): Promise<Streams> {
  return ok(playback.GET("/streams", { params: { query }, signal }));
}

export async function stopStream({ account_id, session_id }: Stream): Promise<void> {
  await ok(playback.DELETE("/streams/{account_id}/{session_id}", { params: { path: { account_id, session_id } } }));
}

export function readMembers(query: Piece & { q: string }, signal: AbortSignal): Promise<Page<Member>> {
  return ok(auth.GET("/members", { params: { query }, signal }));
}

export function readMember(account_id: string, signal?: AbortSignal): Promise<Member> {
  return ok(auth.GET("/members/{account_id}", { params: { path: { account_id } }, ...(signal && { signal }) }));
}

export function readDevices(account_id: string, query: Piece, signal?: AbortSignal): Promise<Page<Device>> {
  return ok(
    auth.GET("/members/{account_id}/devices", { params: { path: { account_id }, query }, ...(signal && { signal }) }),
  );
}

export async function signDeviceOut(account_id: string, device_id: string): Promise<void> {
  await ok(auth.DELETE("/members/{account_id}/devices/{device_id}", { params: { path: { account_id, device_id } } }));
}

export async function setDisabled(account_id: string, disabled: boolean): Promise<void> {
  const params = { path: { account_id } };
  await ok(
    disabled
      ? auth.POST("/members/{account_id}/disable", { params })
      : auth.POST("/members/{account_id}/enable", { params }),
  );
}

export function makeResetLink(account_id: string): Promise<ResetLink> {
  return ok(auth.POST("/members/{account_id}/password-reset", { params: { path: { account_id } } }));
}

export function readAudit(query: Piece, signal: AbortSignal): Promise<Page<AuditEntry>> {
  return ok(operations.GET("/audit", { params: { query }, signal }));
}

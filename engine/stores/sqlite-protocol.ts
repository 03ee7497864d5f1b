/** What the main thread and the writing thread say to each other. */
import type { ErrorShape } from "../contract/errors.ts";
import type { ConversationRow, EventRow } from "./sqlite-writes.ts";
import type { Conversation } from "./store.ts";

/** A job for one tenant's file and what it answers. */
export interface Jobs {
  open: { input: { bytesMax: number | undefined }; output: null };
  append: { input: EventRow; output: number };
  create: { input: ConversationRow; output: Conversation };
  erase: { input: { subject: string; id: string }; output: number | undefined };
  /** Whether the file can be written, and with `isSuspect` whether its structure holds; changes nothing. */
  probe: { input: { isSuspect: boolean }; output: null };
  close: { input: null; output: null };
}

export type JobKind = keyof Jobs;

export type JobMessage = {
  [K in JobKind]: { id: number; path: string; kind: K; input: Jobs[K]["input"] };
}[JobKind];

export type JobReply =
  | { id: number; output: Jobs[JobKind]["output"] }
  | { id: number; error: ErrorShape }
  /** Our own defect, or an error that means nothing to users. */
  | { id: number; defect: string };

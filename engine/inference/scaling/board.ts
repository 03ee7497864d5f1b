/** Board: what gateways tell each other through the annotations of one Lease: what each wants, and which canaries were taken back. Pure texts. */
import { createHash } from "node:crypto";
import type { ModelDemand } from "../routing/demand.ts";

const prefix = "echorator.dev/";
const loadPrefix = `${prefix}load.`;
const takenPrefix = `${prefix}taken-back.`;

/** All annotations of an object together may have 256 KiB. */
const postCharactersMax = 3_000;
const reasonCharactersMax = 300;

/** What one gateway wants, by model. */
export type Post = ReadonlyMap<string, ModelDemand>;

export interface TakenBack {
  model: string;
  trial: string;
  reason: string;
}

type Row = [string, number, number, number, number, number, number];

export function loadKey(instance: string): string {
  return `${loadPrefix}${digest(instance)}`;
}

/** `count` makes each text new, so that a reader sees that its writer lives. What does not fit is the least pressing. */
export function renderPost(demands: Post, count: number): string {
  const rows = [...demands]
    .filter(([, demand]) => demand.lastUsedMs !== undefined)
    .sort(([, a], [, b]) => b.held - a.held || b.running - a.running)
    .map(
      ([model, demand]): Row => [
        model,
        demand.held,
        demand.running,
        round(demand.queueSeconds),
        Math.round(demand.tokensWaiting),
        demand.firstTokenSeconds === undefined ? -1 : round(demand.firstTokenSeconds),
        demand.lastUsedMs ?? 0,
      ],
    );
  const kept: Row[] = [];
  let characters = 32;
  for (const row of rows) {
    characters += JSON.stringify(row).length + 1;
    if (characters > postCharactersMax) break;
    kept.push(row);
  }
  return JSON.stringify([count, kept]);
}

export function parsePost(text: string): Post {
  const [, rows] = readJson(text) as [unknown, unknown];
  const post = new Map<string, ModelDemand>();
  for (const row of Array.isArray(rows) ? rows : []) {
    if (!isRow(row)) continue;
    const [model, held, running, queueSeconds, tokensWaiting, first, lastUsedMs] = row;
    const firstTokenSeconds = first < 0 ? undefined : first;
    const demand = { held, running, queueSeconds, tokensWaiting, firstTokenSeconds, lastUsedMs };
    post.set(model, demand);
  }
  return post;
}

/** The posts of all gateways, by the annotation that each writes. */
export function postsOf(annotations: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(annotations).filter(([key]) => key.startsWith(loadPrefix)));
}

export function renderTakenBack(taken: TakenBack): [key: string, value: string] {
  const reason = taken.reason.slice(0, reasonCharactersMax);
  return [`${takenPrefix}${digest(taken.model)}`, JSON.stringify({ ...taken, reason })];
}

export function takenBackOf(annotations: Readonly<Record<string, string>>): TakenBack[] {
  return Object.entries(annotations)
    .filter(([key]) => key.startsWith(takenPrefix))
    .flatMap(([, text]) => {
      const value = readJson(text) as Partial<TakenBack> | null;
      const { model, trial, reason } = value ?? {};
      const isWhole = typeof model === "string" && typeof trial === "string";
      return isWhole ? [{ model, trial, reason: String(reason ?? "") }] : [];
    });
}

/** What several gateways want together. */
export function addDemand(left: ModelDemand | undefined, right: ModelDemand): ModelDemand {
  if (left === undefined) return right;
  return {
    held: left.held + right.held,
    running: left.running + right.running,
    queueSeconds: Math.max(left.queueSeconds, right.queueSeconds),
    tokensWaiting: left.tokensWaiting + right.tokensWaiting,
    firstTokenSeconds: most(left.firstTokenSeconds, right.firstTokenSeconds),
    lastUsedMs: most(left.lastUsedMs, right.lastUsedMs),
  };
}

function most(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Math.max(left, right);
}

function isRow(row: unknown): row is Row {
  return (
    Array.isArray(row) &&
    row.length === 7 &&
    typeof row[0] === "string" &&
    row.slice(1).every(value => typeof value === "number")
  );
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) ?? [];
  } catch {
    return [];
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The name part of an annotation has 63 characters at most. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

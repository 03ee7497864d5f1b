/** The questions that are put to a tenant's file, each bound to one subject. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type {
  Conversation,
  EventHead,
  Neighbour,
  Posting,
  StoredEvent,
  TermPostings,
} from "./store.ts";

type Row = Record<string, SQLOutputValue>;

export interface Reads {
  conversation(subject: string, id: string): Conversation | undefined;
  conversations(subject: string, limit: number, before: string | undefined): Conversation[];
  history(subject: string, conversation: string, limit: number): StoredEvent[];
  statistics(subject: string): { events: number; averageLength: number };
  frequency(subject: string, term: string): number | undefined;
  postings(subject: string, term: string): TermPostings | undefined;
  head(subject: string, sequence: number): EventHead | undefined;
  neighbours(subject: string, sequence: number, hops: number): Neighbour[];
  event(subject: string, sequence: number): StoredEvent | undefined;
}

export function createReads(database: DatabaseSync): Reads {
  const statements = prepareStatements(database);
  return {
    conversation: (subject, id) => maybe(statements.conversation.get(subject, id), toConversation),
    conversations: (subject, limit, before) =>
      (before === undefined
        ? statements.conversations.all(subject, limit)
        : statements.conversationsBefore.all(subject, before, limit)
      ).map(toConversation),
    history: (subject, conversation, limit) =>
      statements.history.all(subject, conversation, limit).reverse().map(toEvent),
    statistics: subject => {
      const row = statements.statistics.get(subject);
      const events = Number(row?.events ?? 0);
      return { events, averageLength: events === 0 ? 0 : Number(row?.terms) / events };
    },
    frequency: (subject, term) =>
      maybe(statements.term.get(subject, term), row => Number(row.events)),
    postings: (subject, term) =>
      maybe(statements.term.get(subject, term), row => ({
        term,
        postings: toPostings(statements.postings, Number(row.key)),
      })),
    head: (subject, sequence) => maybe(statements.head.get(subject, sequence), toHead),
    neighbours: (subject, sequence, hops) =>
      statements.neighbours.all(subject, sequence, hops).map(row => ({
        distance: Math.abs(Number(row.offset)),
        head: toHead(row),
      })),
    event: (subject, sequence) => maybe(statements.event.get(subject, sequence), toEvent),
  };
}

const conversationColumns =
  "conversations.id AS id, created_ms, updated_ms, conversations.events AS events " +
  "FROM conversations JOIN subjects ON subjects.key = conversations.subject " +
  "WHERE subjects.subject = ?";

const headColumns =
  "events.sequence AS sequence, events.id AS id, conversations.id AS conversation, events.t_event AS t_event, " +
  "events.role AS role, events.trust AS trust, events.speech AS speech";

const eventColumns = `${headColumns}, text, t_ingest, source, request_id, status, model`;

const scopedEvents =
  "FROM events JOIN conversations ON conversations.key = events.conversation " +
  "JOIN subjects ON subjects.key = events.subject WHERE subjects.subject = ?";

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const postings = prepare(
    "SELECT sequence, frequency, length FROM postings WHERE term = ? ORDER BY sequence",
  );
  // Lists are long: arrays are read twice as fast as objects.
  postings.setReturnArrays(true);
  return {
    conversation: prepare(`SELECT ${conversationColumns} AND conversations.id = ?`),
    conversations: prepare(`SELECT ${conversationColumns} ORDER BY conversations.key DESC LIMIT ?`),
    conversationsBefore: prepare(
      `SELECT ${conversationColumns} AND conversations.key < (SELECT older.key FROM conversations AS older ` +
        "WHERE older.subject = subjects.key AND older.id = ?) ORDER BY conversations.key DESC LIMIT ?",
    ),
    history: prepare(
      `SELECT ${eventColumns} ${scopedEvents} AND conversations.id = ? ` +
        "AND conversations.subject = subjects.key ORDER BY events.position DESC LIMIT ?",
    ),
    statistics: prepare("SELECT events, terms FROM subjects WHERE subject = ?"),
    term: prepare(
      "SELECT terms.key AS key, terms.events AS events FROM terms " +
        "JOIN subjects ON subjects.key = terms.subject WHERE subjects.subject = ? AND term = ?",
    ),
    postings,
    head: prepare(`SELECT ${headColumns} ${scopedEvents} AND events.sequence = ?`),
    neighbours: prepare(
      `SELECT ${headColumns}, events.position - centre.position AS offset ` +
        "FROM subjects JOIN events AS centre ON centre.subject = subjects.key " +
        "JOIN events ON events.conversation = centre.conversation " +
        "JOIN conversations ON conversations.key = events.conversation " +
        "WHERE subjects.subject = ?1 AND centre.sequence = ?2 AND events.sequence <> centre.sequence " +
        "AND events.position BETWEEN centre.position - ?3 AND centre.position + ?3 ORDER BY events.position",
    ),
    event: prepare(`SELECT ${eventColumns} ${scopedEvents} AND events.sequence = ?`),
  };
}

function toPostings(statement: StatementSync, key: number): Posting[] {
  const rows: unknown = statement.all(key);
  const arrays = rows as [number, number, number][];
  return arrays.map(([sequence, frequency, length]) => ({ sequence, frequency, length }));
}

function maybe<T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}

function toConversation(row: Row): Conversation {
  return {
    id: String(row.id),
    createdMs: Number(row.created_ms),
    updatedMs: Number(row.updated_ms),
    events: Number(row.events),
  };
}

function toHead(row: Row): EventHead {
  return {
    sequence: Number(row.sequence),
    id: String(row.id),
    conversation: String(row.conversation),
    timeMs: Number(row.t_event),
    role: row.role as EventHead["role"],
    trust: Number(row.trust),
    speech: row.speech as EventHead["speech"],
  };
}

function toEvent(row: Row): StoredEvent {
  const { speech: _, ...head } = toHead(row);
  return {
    ...head,
    text: String(row.text),
    ingestedMs: Number(row.t_ingest),
    source: String(row.source),
    requestId: String(row.request_id),
    status: row.status as StoredEvent["status"],
    model: row.model === null ? undefined : String(row.model),
  };
}

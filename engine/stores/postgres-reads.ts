/** The questions that are put to the database. None names a scope: row-level security lets through the transaction's own only. */
import { EngineError } from "../contract/errors.ts";
import type { Row, Session } from "./postgres-database.ts";
import { toConversation } from "./postgres-writes.ts";
import type {
  Conversation,
  EventHead,
  Neighbour,
  Posting,
  StoredEvent,
  TermPostings,
} from "./store.ts";

const conversationColumns = "id, created_ms, updated_ms, events";

const headColumns =
  "events.sequence, events.id, conversations.id AS conversation, events.t_event, events.role, events.trust, events.speech";

const eventColumns = `${headColumns}, body, t_ingest, source, request_id, status, model`;

const eventsOf =
  "FROM echorator.events JOIN echorator.conversations ON conversations.key = events.conversation";

export async function conversation(
  session: Session,
  id: string,
): Promise<Conversation | undefined> {
  const [row] = await session.query(
    `SELECT ${conversationColumns} FROM echorator.conversations WHERE id = $1`,
    [id],
  );
  return row === undefined ? undefined : toConversation(row);
}

/** @throws EngineError conversation_not_found when there is no `before` */
export async function conversations(
  session: Session,
  page: { limit: number; before?: string },
): Promise<Conversation[]> {
  const from = `SELECT ${conversationColumns} FROM echorator.conversations`;
  const order = "ORDER BY key DESC LIMIT $1";
  if (page.before === undefined)
    return (await session.query(`${from} ${order}`, [page.limit])).map(toConversation);
  const [older] = await session.query("SELECT key FROM echorator.conversations WHERE id = $1", [
    page.before,
  ]);
  if (older === undefined)
    throw new EngineError("conversation_not_found", `There is no conversation "${page.before}".`, {
      field: "before",
    });
  const rows = await session.query(`${from} WHERE key < $2 ${order}`, [page.limit, older.key]);
  return rows.map(toConversation);
}

export async function history(session: Session, id: string, limit: number): Promise<StoredEvent[]> {
  const rows = await session.query(
    `SELECT ${eventColumns} ${eventsOf} WHERE conversations.id = $1 ORDER BY events.position DESC LIMIT $2`,
    [id, limit],
  );
  return rows.reverse().map(toEvent);
}

export async function statistics(
  session: Session,
): Promise<{ events: number; averageLength: number }> {
  const [row] = await session.query("SELECT events, terms FROM echorator.scopes");
  const events = Number(row?.events ?? 0);
  return { events, averageLength: events === 0 ? 0 : Number(row?.terms) / events };
}

export async function frequencies(
  session: Session,
  terms: readonly string[],
): Promise<Map<string, number>> {
  const rows = await session.query(
    "SELECT term, events FROM echorator.terms WHERE term = ANY($1::text[])",
    [terms],
  );
  const found = new Map(rows.map(row => [String(row.term), Number(row.events)]));
  return new Map(terms.flatMap(term => (found.has(term) ? [[term, found.get(term) ?? 0]] : [])));
}

export async function postings(
  session: Session,
  terms: readonly string[],
): Promise<TermPostings[]> {
  const rows = await session.query(
    "SELECT terms.term, postings.sequence, postings.frequency, postings.length " +
      "FROM echorator.terms JOIN echorator.postings ON postings.term = terms.key " +
      "WHERE terms.term = ANY($1::text[]) ORDER BY postings.term, postings.sequence",
    [terms],
  );
  const lists = new Map<string, Posting[]>();
  for (const { term, sequence, frequency, length } of rows) {
    const list = lists.get(String(term)) ?? [];
    lists.set(String(term), list);
    list.push({
      sequence: Number(sequence),
      frequency: Number(frequency),
      length: Number(length),
    });
  }
  return terms.flatMap(term => {
    const found = lists.get(term);
    return found === undefined ? [] : [{ term, postings: found }];
  });
}

export async function heads(session: Session, sequences: readonly number[]): Promise<EventHead[]> {
  return await bySequence(session, headColumns, sequences, toHead);
}

export async function events(
  session: Session,
  sequences: readonly number[],
): Promise<StoredEvent[]> {
  return await bySequence(session, eventColumns, sequences, toEvent);
}

async function bySequence<T>(
  session: Session,
  columns: string,
  sequences: readonly number[],
  convert: (row: Row) => T,
): Promise<T[]> {
  const rows = await session.query(
    `SELECT ${columns} ${eventsOf} WHERE events.sequence = ANY($1::bigint[])`,
    [sequences],
  );
  const found = new Map(rows.map(row => [Number(row.sequence), row]));
  return sequences.flatMap(sequence => {
    const row = found.get(sequence);
    return row === undefined ? [] : [convert(row)];
  });
}

export async function neighbours(
  session: Session,
  sequences: readonly number[],
  hops: number,
): Promise<Neighbour[][]> {
  const rows = await session.query(
    `SELECT centre.sequence AS centre, events.position - centre.position AS away, ${headColumns} ` +
      "FROM echorator.events AS centre JOIN echorator.events ON events.conversation = centre.conversation " +
      "AND events.position BETWEEN centre.position - $2::integer AND centre.position + $2::integer " +
      "AND events.sequence <> centre.sequence " +
      "JOIN echorator.conversations ON conversations.key = events.conversation " +
      "WHERE centre.sequence = ANY($1::bigint[]) ORDER BY centre.sequence, events.position",
    [sequences, hops],
  );
  const around = Map.groupBy(rows, row => Number(row.centre));
  return sequences.map(sequence =>
    (around.get(sequence) ?? []).map(row => ({
      distance: Math.abs(Number(row.away)),
      head: toHead(row),
    })),
  );
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
    text: (row.body as Buffer).toString("utf8"),
    ingestedMs: Number(row.t_ingest),
    source: String(row.source),
    requestId: String(row.request_id),
    status: row.status as StoredEvent["status"],
    model: row.model === null ? undefined : String(row.model),
  };
}

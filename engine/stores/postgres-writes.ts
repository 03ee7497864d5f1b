/** The statements that change a tenant's log. They run inside a transaction that holds the tenant's counter. */
import type { Row, Session } from "./postgres-database.ts";
import type { Conversation, NewEvent } from "./store.ts";

/** An event as it is kept: all that is not the database's to decide. */
export interface EventRow extends Omit<NewEvent, "terms"> {
  id: string;
  ingestedMs: number;
  length: number;
  terms: [term: string, frequency: number][];
}

/**
 * Takes the tenant's counter for the rest of the transaction, and `count` sequences from it; gives the last of them.
 * Others who write for the tenant wait here, so that whoever sees a sequence sees every earlier one.
 */
export async function takeSequences(
  session: Session,
  tenant: string,
  count: number,
): Promise<number> {
  const [row] = await session.query(
    "INSERT INTO echorator.tenants (tenant, last_sequence) VALUES ($1, $2) " +
      "ON CONFLICT (tenant) DO UPDATE SET last_sequence = tenants.last_sequence + $2 RETURNING last_sequence",
    [tenant, count],
  );
  return Number(row?.last_sequence);
}

/** The key of the scope that the transaction has named, made when there is none. */
export async function makeScope(
  session: Session,
  tenant: string,
  subject: string,
): Promise<number> {
  const [row] = await session.query(
    "WITH added AS (INSERT INTO echorator.scopes (tenant, subject) VALUES ($1, $2) " +
      "ON CONFLICT (tenant, subject) DO NOTHING RETURNING key) " +
      "SELECT key FROM added UNION ALL SELECT key FROM echorator.scopes WHERE tenant = $1 AND subject = $2",
    [tenant, subject],
  );
  return Number(row?.key);
}

/** An event with all that is derived from it, as one statement. */
const appendEvent = `
WITH counted AS (
  UPDATE echorator.scopes SET events = events + 1, terms = terms + $16 WHERE key = $1
), conversation AS (
  INSERT INTO echorator.conversations AS known (scope, id, created_ms, updated_ms, events)
  VALUES ($1, $2, $7, $7, 1)
  ON CONFLICT (scope, id) DO UPDATE SET events = known.events + 1, updated_ms = EXCLUDED.updated_ms
  RETURNING key, events
), event AS (
  INSERT INTO echorator.events (scope, sequence, conversation, position, id, role, body, t_event, t_ingest,
    source, request_id, trust, status, model, speech, length)
  SELECT $1, $3, key, events - 1, $4, $5, $6, $8, $7, $9, $10, $11, $12, $13, $14, $16 FROM conversation
), given AS (
  SELECT term, frequency FROM unnest($15::text[], $17::integer[]) AS pairs (term, frequency)
), known AS (
  INSERT INTO echorator.terms AS old (scope, term, events) SELECT $1, term, 1 FROM given
  ON CONFLICT (scope, term) DO UPDATE SET events = old.events + 1
  RETURNING key, term
)
INSERT INTO echorator.postings (scope, term, sequence, frequency, length)
SELECT $1, known.key, $3, given.frequency, $16 FROM known JOIN given USING (term)`;

export async function append(
  session: Session,
  scope: number,
  sequence: number,
  event: EventRow,
): Promise<void> {
  await session.query(appendEvent, [
    scope,
    event.conversation,
    sequence,
    event.id,
    event.role,
    Buffer.from(event.text),
    event.ingestedMs,
    event.timeMs,
    event.source,
    event.requestId,
    event.trust,
    event.status,
    event.model ?? null,
    event.speech,
    event.terms.map(([term]) => term),
    event.length,
    event.terms.map(([, frequency]) => frequency),
  ]);
}

export async function createConversation(
  session: Session,
  scope: number,
  row: { id: string; createdMs: number },
): Promise<Conversation> {
  const columns = "id, created_ms, updated_ms, events";
  const [made] = await session.query(
    "WITH added AS (INSERT INTO echorator.conversations (scope, id, created_ms, updated_ms) VALUES ($1, $2, $3, $3) " +
      `ON CONFLICT (scope, id) DO NOTHING RETURNING ${columns}) ` +
      `SELECT ${columns} FROM added UNION ALL SELECT ${columns} FROM echorator.conversations WHERE scope = $1 AND id = $2`,
    [scope, row.id, row.createdMs],
  );
  return toConversation(made ?? {});
}

/** How many events went; undefined when there is no such conversation. */
export async function erase(session: Session, id: string): Promise<number | undefined> {
  const [conversation] = await session.query(
    "SELECT key, scope FROM echorator.conversations WHERE id = $1",
    [id],
  );
  if (conversation === undefined) return undefined;
  await erasePostings(session, conversation);
  const [gone] = await session.query(
    "WITH gone AS (DELETE FROM echorator.events WHERE conversation = $1 RETURNING length) " +
      "SELECT count(*) AS events, coalesce(sum(length), 0) AS terms FROM gone",
    [conversation.key],
  );
  await session.query("DELETE FROM echorator.conversations WHERE key = $1", [conversation.key]);
  await session.query(
    "UPDATE echorator.scopes SET events = events - $2, terms = terms - $3 WHERE key = $1",
    [conversation.scope, gone?.events, gone?.terms],
  );
  await session.query(
    "DELETE FROM echorator.scopes WHERE key = $1 " +
      "AND NOT EXISTS (SELECT 1 FROM echorator.conversations WHERE scope = $1)",
    [conversation.scope],
  );
  await session.query("INSERT INTO echorator.erasures DEFAULT VALUES");
  return Number(gone?.events);
}

async function erasePostings(session: Session, conversation: Row): Promise<void> {
  const touched = await session.query(
    "WITH gone AS (DELETE FROM echorator.postings USING echorator.events " +
      "WHERE events.conversation = $1 AND postings.scope = events.scope AND postings.sequence = events.sequence " +
      "RETURNING postings.term), " +
      "counted AS (SELECT term, count(*) AS events FROM gone GROUP BY term) " +
      "UPDATE echorator.terms SET events = terms.events - counted.events FROM counted " +
      "WHERE terms.key = counted.term RETURNING terms.key, terms.events",
    [conversation.key],
  );
  const unused = touched.filter(row => Number(row.events) <= 0).map(row => row.key);
  if (unused.length > 0)
    await session.query("DELETE FROM echorator.terms WHERE key = ANY($1::bigint[])", [unused]);
}

export function toConversation(row: Row): Conversation {
  return {
    id: String(row.id),
    createdMs: Number(row.created_ms),
    updatedMs: Number(row.updated_ms),
    events: Number(row.events),
  };
}

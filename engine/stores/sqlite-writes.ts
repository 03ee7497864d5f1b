/** The statements that change a tenant's file. They run inside a transaction that the writer opens. */
import type { DatabaseSync } from "node:sqlite";
import { EngineError } from "../contract/errors.ts";
import type { Conversation, NewEvent } from "./store.ts";

/** An event as it crosses to the writer: all that is not the database's to decide. */
export interface EventRow extends Omit<NewEvent, "terms"> {
  subject: string;
  id: string;
  ingestedMs: number;
  length: number;
  terms: [term: string, frequency: number][];
}

export interface ConversationRow {
  subject: string;
  id: string;
  createdMs: number;
}

export interface Writes {
  /** The sequence that the event has got. */
  append(event: EventRow): number;
  createConversation(row: ConversationRow): Conversation;
  /** How many events went; undefined when there is no such conversation. */
  erase(subject: string, id: string): number | undefined;
  /** Whether the bytes of an erasure may still be in the file. */
  hasUnscrubbed(): boolean;
  /** Outside of any transaction: rewrites the file without what was erased, and empties the log beside it. */
  scrub(): void;
}

export function createWrites(database: DatabaseSync): Writes {
  const statements = prepareStatements(database);

  function toSubjectKey(subject: string): number {
    const found = statements.findSubject.get(subject);
    return Number(found?.key ?? statements.addSubject.run(subject).lastInsertRowid);
  }

  function toConversation(
    subject: number,
    id: string,
    createdMs: number,
  ): Conversation & { key: number } {
    const found = statements.findConversation.get(subject, id);
    if (found !== undefined)
      return {
        key: Number(found.key),
        id,
        createdMs: Number(found.created_ms),
        updatedMs: Number(found.updated_ms),
        events: Number(found.events),
      };
    const added = statements.addConversation.run(subject, id, createdMs, createdMs);
    return { key: Number(added.lastInsertRowid), id, createdMs, updatedMs: createdMs, events: 0 };
  }

  function append(event: EventRow): number {
    const subject = toSubjectKey(event.subject);
    const conversation = toConversation(subject, event.conversation, event.ingestedMs).key;
    const added = statements.addEvent.run(
      subject,
      conversation,
      Number(statements.nextPosition.get(conversation)?.position ?? 0),
      event.id,
      event.role,
      event.text,
      event.timeMs,
      event.ingestedMs,
      event.source,
      event.requestId,
      event.trust,
      event.status,
      event.model ?? null,
      event.speech,
      event.length,
    );
    const sequence = Number(added.lastInsertRowid);
    statements.countEvent.run(event.ingestedMs, conversation);
    statements.countSubject.run(1, event.length, subject);
    for (const [term, frequency] of event.terms) {
      const key = Number(statements.addTerm.get(subject, term)?.key);
      statements.addPosting.run(key, sequence, frequency, event.length);
    }
    return sequence;
  }

  function createConversation(row: ConversationRow): Conversation {
    const { key: _, ...conversation } = toConversation(
      toSubjectKey(row.subject),
      row.id,
      row.createdMs,
    );
    return conversation;
  }

  function erase(subjectName: string, id: string): number | undefined {
    const subject = Number(statements.findSubject.get(subjectName)?.key);
    const conversation = Number(statements.findConversation.get(subject, id)?.key);
    if (Number.isNaN(conversation)) return undefined;
    for (const { term, events } of statements.termsOfConversation.all(conversation)) {
      statements.uncountTerm.run(Number(events), Number(term));
      statements.dropTerm.run(Number(term));
    }
    const sums = statements.sumConversation.get(conversation);
    const events = Number(sums?.events ?? 0);
    statements.dropPostings.run(conversation);
    statements.dropEvents.run(conversation);
    statements.dropConversation.run(conversation);
    statements.countSubject.run(-events, -Number(sums?.terms ?? 0), subject);
    statements.dropSubject.run(subject);
    database.exec("INSERT INTO erasures DEFAULT VALUES");
    return events;
  }

  function scrub(): void {
    database.exec("VACUUM");
    const [checkpoint] = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    // Someone outside reads an older state, which the log still holds for him; the row stays, so it is tried again.
    if (checkpoint?.busy !== 0)
      throw new EngineError("memory_failed", "Another program reads the memory's file.", {
        remedy:
          "End it and delete the conversation again; until then its bytes may still be on disk.",
      });
    database.exec("DELETE FROM erasures");
  }

  return {
    append,
    createConversation,
    erase,
    hasUnscrubbed: () => statements.findErasure.get() !== undefined,
    scrub,
  };
}

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    findSubject: prepare("SELECT key FROM subjects WHERE subject = ?"),
    addSubject: prepare("INSERT INTO subjects (subject) VALUES (?)"),
    countSubject: prepare(
      "UPDATE subjects SET events = events + ?, terms = terms + ? WHERE key = ?",
    ),
    dropSubject: prepare(
      "DELETE FROM subjects WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM conversations WHERE subject = ?1)",
    ),
    findConversation: prepare(
      "SELECT key, created_ms, updated_ms, events FROM conversations WHERE subject = ? AND id = ?",
    ),
    addConversation: prepare(
      "INSERT INTO conversations (subject, id, created_ms, updated_ms) VALUES (?, ?, ?, ?)",
    ),
    countEvent: prepare(
      "UPDATE conversations SET events = events + 1, updated_ms = ? WHERE key = ?",
    ),
    dropConversation: prepare("DELETE FROM conversations WHERE key = ?"),
    nextPosition: prepare(
      "SELECT coalesce(max(position) + 1, 0) AS position FROM events WHERE conversation = ?",
    ),
    addEvent: prepare(
      "INSERT INTO events (subject, conversation, position, id, role, text, t_event, t_ingest, source, " +
        "request_id, trust, status, model, speech, length) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    sumConversation: prepare(
      "SELECT count(*) AS events, coalesce(sum(length), 0) AS terms FROM events WHERE conversation = ?",
    ),
    dropEvents: prepare("DELETE FROM events WHERE conversation = ?"),
    addTerm: prepare(
      "INSERT INTO terms (subject, term, events) VALUES (?, ?, 1) " +
        "ON CONFLICT (subject, term) DO UPDATE SET events = events + 1 RETURNING key",
    ),
    termsOfConversation: prepare(
      "SELECT postings.term AS term, count(*) AS events FROM events JOIN postings USING (sequence) " +
        "WHERE events.conversation = ? GROUP BY postings.term",
    ),
    uncountTerm: prepare("UPDATE terms SET events = events - ? WHERE key = ?"),
    dropTerm: prepare("DELETE FROM terms WHERE key = ? AND events <= 0"),
    addPosting: prepare(
      "INSERT INTO postings (term, sequence, frequency, length) VALUES (?, ?, ?, ?)",
    ),
    dropPostings: prepare(
      "DELETE FROM postings WHERE sequence IN (SELECT sequence FROM events WHERE conversation = ?)",
    ),
    findErasure: prepare("SELECT key FROM erasures LIMIT 1"),
  };
}

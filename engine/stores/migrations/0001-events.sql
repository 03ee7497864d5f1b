-- The log of verbatim events, and what is derived from it for recall.
-- Text stands in one place only; every other table knows it by numbers, so that erasing has few places to visit.

CREATE TABLE subjects (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL UNIQUE,
  -- Of all its events, so that ranking need not count them.
  events INTEGER NOT NULL DEFAULT 0,
  terms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE conversations (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  subject INTEGER NOT NULL REFERENCES subjects (key),
  id TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  events INTEGER NOT NULL DEFAULT 0,
  UNIQUE (subject, id)
) STRICT;

CREATE TABLE events (
  -- AUTOINCREMENT: an erased event's sequence is never given again.
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  subject INTEGER NOT NULL REFERENCES subjects (key),
  conversation INTEGER NOT NULL REFERENCES conversations (key),
  -- Place in its conversation: neighbours are found by it.
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'tool')),
  text TEXT NOT NULL,
  t_event INTEGER NOT NULL,
  t_ingest INTEGER NOT NULL,
  source TEXT NOT NULL,
  request_id TEXT NOT NULL,
  trust REAL NOT NULL CHECK (trust BETWEEN 0 AND 1),
  status TEXT NOT NULL CHECK (status IN ('complete', 'interrupted')),
  model TEXT,
  -- Derived: what the text does, and how many terms it has.
  speech TEXT NOT NULL CHECK (speech IN ('statement', 'question', 'ignorance')),
  length INTEGER NOT NULL,
  UNIQUE (conversation, position)
) STRICT;

CREATE TABLE terms (
  key INTEGER PRIMARY KEY,
  subject INTEGER NOT NULL REFERENCES subjects (key),
  term TEXT NOT NULL,
  -- How many events hold it.
  events INTEGER NOT NULL,
  UNIQUE (subject, term)
) STRICT;

CREATE TABLE postings (
  term INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  frequency INTEGER NOT NULL,
  length INTEGER NOT NULL,
  PRIMARY KEY (term, sequence)
) STRICT, WITHOUT ROWID;

-- Erasing an event finds its postings by this one.
CREATE INDEX postings_of_event ON postings (sequence);

-- Erasures whose last bytes are perhaps still in the file; a row here makes the next opening clean up.
CREATE TABLE erasures (key INTEGER PRIMARY KEY) STRICT;

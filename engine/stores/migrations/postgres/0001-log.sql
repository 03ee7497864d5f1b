-- The log of verbatim events, and what is derived from it for recall, of all tenants in one database.
-- A scope is a tenant's subject; every table but the counters of tenants hangs from one, and row-level security lets a
-- transaction see the one scope that it has named. Text stands in `events` only, terms in `terms` only.

-- The log's counter. Whoever writes for a tenant holds its row until the commit, so that sequences become visible in their order.
CREATE TABLE echorator.tenants (
  tenant text PRIMARY KEY,
  last_sequence bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE echorator.scopes (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL REFERENCES echorator.tenants (tenant),
  subject text NOT NULL,
  -- Of all its events, so that ranking need not count them.
  events bigint NOT NULL DEFAULT 0,
  terms bigint NOT NULL DEFAULT 0,
  UNIQUE (tenant, subject)
) WITH (fillfactor = 50);

CREATE TABLE echorator.conversations (
  -- Grows with the time of creation: the order of lists.
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope bigint NOT NULL REFERENCES echorator.scopes (key),
  id text NOT NULL,
  created_ms bigint NOT NULL,
  updated_ms bigint NOT NULL,
  events integer NOT NULL DEFAULT 0,
  UNIQUE (scope, id)
) WITH (fillfactor = 70);
CREATE INDEX conversations_in_order ON echorator.conversations (scope, key);

CREATE TABLE echorator.events (
  scope bigint NOT NULL REFERENCES echorator.scopes (key),
  -- Counted by tenant.
  sequence bigint NOT NULL,
  conversation bigint NOT NULL REFERENCES echorator.conversations (key),
  -- Place in its conversation: neighbours are found by it.
  position integer NOT NULL,
  id text NOT NULL,
  role text NOT NULL CHECK (role IN ('user', 'assistant', 'tool')),
  -- UTF-8. The type text cannot hold the character of number 0.
  body bytea NOT NULL,
  t_event bigint NOT NULL,
  t_ingest bigint NOT NULL,
  source text NOT NULL,
  request_id text NOT NULL,
  trust double precision NOT NULL CHECK (trust BETWEEN 0 AND 1),
  status text NOT NULL CHECK (status IN ('complete', 'interrupted')),
  model text,
  -- Derived: what the text does, and how many terms it has.
  speech text NOT NULL CHECK (speech IN ('statement', 'question', 'ignorance')),
  length integer NOT NULL,
  PRIMARY KEY (scope, sequence),
  UNIQUE (conversation, position)
);

CREATE TABLE echorator.terms (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope bigint NOT NULL REFERENCES echorator.scopes (key),
  term text NOT NULL,
  -- How many events hold it.
  events bigint NOT NULL,
  UNIQUE (scope, term)
) WITH (fillfactor = 70);

CREATE TABLE echorator.postings (
  scope bigint NOT NULL,
  term bigint NOT NULL,
  sequence bigint NOT NULL,
  frequency integer NOT NULL,
  length integer NOT NULL,
  -- All of a posting stands in the index, so that a list is read without visiting the table.
  PRIMARY KEY (term, sequence) INCLUDE (scope, frequency, length)
);
-- Erasing an event finds its postings by this one.
CREATE INDEX postings_of_event ON echorator.postings (scope, sequence);

-- Deletions whose dead rows are perhaps still in the tables' files; says nothing of whose they were.
CREATE TABLE echorator.erasures (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);

-- A transaction that has named no scope sees nothing and can write nothing; FORCE holds the tables' owner to it as well.
ALTER TABLE echorator.tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE echorator.scopes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE echorator.conversations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE echorator.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE echorator.terms ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE echorator.postings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON echorator.tenants
  USING (tenant = current_setting('echorator.tenant', true));
CREATE POLICY own_scope ON echorator.scopes
  USING (
    tenant = current_setting('echorator.tenant', true)
    AND subject = current_setting('echorator.subject', true)
  );
-- The bracketed query sees the one scope that the policy above lets through, once a statement.
CREATE POLICY own_scope ON echorator.conversations
  USING (scope = (SELECT scopes.key FROM echorator.scopes
    WHERE scopes.tenant = current_setting('echorator.tenant', true)
    AND scopes.subject = current_setting('echorator.subject', true)));
CREATE POLICY own_scope ON echorator.events
  USING (scope = (SELECT scopes.key FROM echorator.scopes
    WHERE scopes.tenant = current_setting('echorator.tenant', true)
    AND scopes.subject = current_setting('echorator.subject', true)));
CREATE POLICY own_scope ON echorator.terms
  USING (scope = (SELECT scopes.key FROM echorator.scopes
    WHERE scopes.tenant = current_setting('echorator.tenant', true)
    AND scopes.subject = current_setting('echorator.subject', true)));
CREATE POLICY own_scope ON echorator.postings
  USING (scope = (SELECT scopes.key FROM echorator.scopes
    WHERE scopes.tenant = current_setting('echorator.tenant', true)
    AND scopes.subject = current_setting('echorator.subject', true)));

/** Every bound of the engine in one table: what is not bounded here is a defect. Units are in the names. */
export const limits = {
  /** Connections of one port at the same time; whoever waits for an answer holds one. */
  connectionsMax: 4096,
  /** Largest request body any dialect reads. */
  bodyBytesMax: 16 * 1024 * 1024,
  /** Messages in one request. */
  messagesMax: 4096,
  /** Tools offered in one request. */
  toolsMax: 128,
  /** Stop strings in one request, and the length of each. */
  stopsMax: 16,
  stopCharactersMax: 256,
  /** Depth and total nodes of a JSON schema that output is held to. */
  schemaDepthMax: 16,
  schemaNodesMax: 2048,
  /** Texts in one embedding request. */
  embedInputsMax: 2048,
  /** Requests that may wait for a slot of one model before the next is refused with 503. */
  queueLengthMax: 512,
  /** How long a request may wait for a slot. */
  queueWaitMsMax: 300_000,
  /** How long one generation may take. */
  generateMsMax: 3_600_000,
  /** Completion tokens when the request names no limit (never more than the context holds). */
  completionTokensDefault: 4096,
  /** Models that one engine may know, and aliases of one. */
  modelsMax: 256,
  aliasesMax: 16,
  slotsMax: 64,
  /** Of one model on a cluster. */
  replicasMax: 1000,
  scheduleWindowsMax: 32,
  adaptersMax: 8,
  adapterRankMax: 4096,
  /** How long a gateway holds a request for a model that has no replica yet. */
  holdMsMax: 600_000,
  /** Requests that one gateway holds for one such model. */
  heldRequestsMax: 1024,
  /** How often a reply whose worker died is gone on with by another. */
  continuationsMax: 5,
  /** Largest reply of the Kubernetes API that is read as one. */
  kubernetesReplyBytesMax: 64 * 1024 * 1024,
  contextTokensMax: 1_048_576,
  /** Models that are fetched or checked at the same time; loading goes one by one. */
  fetchesMax: 8,
  /** How long a client's model stays in memory without a request; a stack's stays. */
  keepAliveMsDefault: 300_000,
  /** How long loading one model may take before it is called failed. */
  loadMsMax: 600_000,
  /** Crashes of one inference child within the window before the model is called failed. */
  childCrashesMax: 5,
  childCrashWindowMs: 60_000,
  /** How often an inference process is asked for a sign of life; after two without one it is ended. */
  childPulseMs: 20_000,
  /** GGUF header bounds, checked before native code sees a file. */
  ggufHeaderBytesMax: 256 * 1024 * 1024,
  ggufKeysMax: 65_536,
  ggufTensorsMax: 65_536,
  ggufStringBytesMax: 16 * 1024 * 1024,
  ggufArrayLengthMax: 16_777_216,
  ggufVocabularyMax: 2_097_152,
  /** As llama.cpp has them. */
  ggufBlocksMax: 512,
  ggufExpertsMax: 1024,
  ggufDimensionsMax: 4,
  /** Reading the header of a model on a server: the time for all of it, and one range. */
  factsMsMax: 20_000,
  factsRangeBytesMax: 16 * 1024 * 1024,
  /** Headers that are remembered in one folder. */
  factsKeptMax: 512,
  /** Download: attempts without any progress, and silence on the wire before one attempt is given up. */
  downloadAttemptsMax: 5,
  downloadStallMs: 30_000,
  /** Largest file of weights, and what stays free on its disk for memory and logs. */
  modelFileBytesMax: 4 * 1024 ** 4,
  diskReserveBytes: 64 * 1024 * 1024,
  /** Text of one remembered event; longer text is refused, never cut silently. */
  eventTextBytesMax: 1024 * 1024,
  /** Distinct terms of one event that recall may find it by, and characters of one; the text itself is kept whole. */
  eventTermsMax: 4096,
  termCharactersMax: 64,
  /** Tenants whose files are open at once; the one unused for longest is closed for the next. */
  tenantsOpenMax: 128,
  /** Appends that may wait for the disk before the next is refused with 503. */
  appendsWaitingMax: 4096,
  /** Appends of one tenant that share a commit in PostgreSQL. */
  appendBatchMax: 128,
  /** Connections of one gateway to PostgreSQL, requests that may wait for one, and how long for it and for one statement. */
  databaseConnectionsMax: 10,
  databaseWaitingMax: 4096,
  databaseConnectMsMax: 5_000,
  databaseStatementMsMax: 10_000,
  /** How long an answer of the shared Valkey is waited for, and quotas that one process counts. */
  cacheCommandMsMax: 250,
  countersMax: 65_536,
  conversationsPageMax: 200,
  /** Events that GET of one conversation shows: its last ones. */
  conversationEventsShownMax: 1000,
  /** Turns that may wait for the running turn of the same conversation. */
  conversationTurnsWaitingMax: 16,
  /** Memories and tokens that recall may put into one prompt. */
  recallMemoriesMax: 12,
  recallTokensDefault: 320,
  /** Terms of one query that recall looks up, and events that it ranks in full. */
  recallTermsMax: 64,
  recallCandidatesMax: 400,
  /** A conversation's turns that go into a prompt at most (older ones are left to recall). */
  historyEventsMax: 200,
  /** Subject and conversation ids given by clients. */
  subjectCharactersMax: 256,
  conversationIdCharactersMax: 128,
  /** How long a stopping engine lets running streams finish. */
  graceMs: 10_000,
  /** A gateway's connection to a worker, its questions there, and silence in a reply that has begun. */
  workerConnectMs: 2_000,
  workerAnswerMs: 10_000,
  workerSilenceMs: 30_000,
  /** How often a worker gives a sign of life in a reply that has nothing to say. */
  workerBeatMs: 5_000,
  /** Largest event of a worker's stream, and largest answer that is read as one. */
  workerEventBytesMax: 8 * 1024 * 1024,
  workerReplyBytesMax: 64 * 1024 * 1024,
  keysMax: 1024,
  /** Largest quota of a key. */
  quotaMax: 1_000_000_000_000,
} as const;

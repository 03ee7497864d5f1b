/** The metrics of the engine: names, kinds, labels and meaning; nothing is measured that is not listed here. */

export interface MetricSpec {
  kind: "counter" | "gauge" | "histogram";
  help: string;
  labels: readonly string[];
  /** Upper bounds of a histogram. */
  buckets?: readonly number[];
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** Label values come from configuration or fixed lists only, never from a request's text. */
export const metrics = {
  echorator_http_requests_total: {
    kind: "counter",
    help: "HTTP requests by dialect, route and status class.",
    labels: ["dialect", "route", "status"],
  },
  echorator_http_request_seconds: {
    kind: "histogram",
    help: "Time from the request's arrival to the end of its reply.",
    labels: ["dialect", "route"],
    buckets: seconds,
  },
  echorator_time_to_first_token_seconds: {
    kind: "histogram",
    help: "Time from the request's arrival to the first text of the model.",
    labels: ["model"],
    buckets: seconds,
  },
  echorator_tokens_total: {
    kind: "counter",
    help: "Tokens by kind: prompt, cached (part of prompt) and completion.",
    labels: ["model", "kind"],
  },
  echorator_generations_total: {
    kind: "counter",
    help: "Generations by how they ended: stop, length, toolCalls, cancelled or error.",
    labels: ["model", "finish"],
  },
  echorator_queue_length: {
    kind: "gauge",
    help: "Requests that wait for a slot.",
    labels: ["model"],
  },
  echorator_queue_seconds: {
    kind: "histogram",
    help: "Time that requests waited for a slot.",
    labels: ["model"],
    buckets: seconds,
  },
  echorator_slots_busy: { kind: "gauge", help: "Sequences being decoded.", labels: ["model"] },
  echorator_kv_cache_use_ratio: {
    kind: "gauge",
    help: "Share of the cached keys and values that is in use, 0 to 1.",
    labels: ["model"],
  },
  echorator_tokens_waiting: {
    kind: "gauge",
    help: "Prompt and completion tokens that admitted requests still want, about.",
    labels: ["model"],
  },
  echorator_model_state: {
    kind: "gauge",
    help: "1 for the state that the model is in, 0 for the others.",
    labels: ["model", "state"],
  },
  echorator_model_load_seconds: {
    kind: "histogram",
    help: "Time to load a model from disk into memory.",
    labels: ["model"],
    buckets: seconds,
  },
  echorator_model_crashes_total: {
    kind: "counter",
    help: "Crashes of the model's inference process.",
    labels: ["model"],
  },
  echorator_route_choices_total: {
    kind: "counter",
    help: "Requests sent to a worker by why it was chosen: prefix, hash or least.",
    labels: ["model", "why"],
  },
  echorator_route_retries_total: {
    kind: "counter",
    help: "Attempts that another worker had to take over, by the code of the failure.",
    labels: ["model", "code"],
  },
  echorator_worker_ejections_total: {
    kind: "counter",
    help: "Workers that were left out because they failed or fell silent.",
    labels: ["model"],
  },
  echorator_workers: {
    kind: "gauge",
    help: "Workers that the gateway knows by state: usable, ejected, draining or opening.",
    labels: ["model", "state"],
  },
  echorator_held_requests: {
    kind: "gauge",
    help: "Requests that wait for a worker to appear.",
    labels: ["model"],
  },
  echorator_hold_seconds: {
    kind: "histogram",
    help: "Time that requests waited for a worker to appear.",
    labels: ["model"],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
  },
  echorator_track_requests_total: {
    kind: "counter",
    help: "Attempts by track, stable or canary, and outcome, answered or failed.",
    labels: ["model", "track", "outcome"],
  },
  echorator_canary_taken_back: {
    kind: "gauge",
    help: "1 when the current canary was taken back because it did worse.",
    labels: ["model"],
  },
  echorator_limited_total: {
    kind: "counter",
    help: "Requests refused because a quota of their key was used up.",
    labels: ["limit"],
  },
  echorator_counters_shared: {
    kind: "gauge",
    help: "1 while quotas are counted together with the other gateways, 0 while this one counts alone.",
    labels: [],
  },
  echorator_replicas_wanted: {
    kind: "gauge",
    help: "Replicas that the leading scaler wants.",
    labels: ["model"],
  },
  echorator_scaler_leads: {
    kind: "gauge",
    help: "1 where this gateway sets the replicas of the models.",
    labels: [],
  },
  echorator_operator_leads: {
    kind: "gauge",
    help: "1 where this operator acts, 0 where it stands by.",
    labels: [],
  },
  echorator_operator_queue_length: {
    kind: "gauge",
    help: "Models that wait to be looked at, those that wait for another attempt included.",
    labels: [],
  },
  echorator_operator_models: {
    kind: "gauge",
    help: "Model resources that the operator knows.",
    labels: [],
  },
  echorator_reconcile_seconds: {
    kind: "histogram",
    help: "Time to bring one model's objects to what its resource says.",
    labels: [],
    buckets: seconds,
  },
  echorator_reconciles_total: {
    kind: "counter",
    help: "Looks at a model by outcome: done, failed (tried again) or refused (its specification).",
    labels: ["outcome"],
  },
  echorator_applied_objects_total: {
    kind: "counter",
    help: "Objects that were written because they were not as planned.",
    labels: [],
  },
  dte_recall_seconds: {
    kind: "histogram",
    help: "Time of one recall.",
    labels: [],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1],
  },
  dte_memory_tokens: {
    kind: "histogram",
    help: "Tokens of recalled memories in a prompt.",
    labels: [],
    buckets: [0, 32, 64, 128, 256, 512, 1024, 2048],
  },
  dte_events_total: { kind: "counter", help: "Events remembered, by role.", labels: ["role"] },
  dte_erasures_total: { kind: "counter", help: "Conversations erased.", labels: [] },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof metrics;

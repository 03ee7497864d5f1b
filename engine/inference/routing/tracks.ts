/** Tracks of one model: who gets the canary, what both did, and the end of a canary that does worse. */
import type { RouteConfig } from "../../contract/config.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import { createTrackCounter, judgeCanary, type TrackCounter, toTrial, trackOf } from "./canary.ts";
import type { Track } from "./catalog.ts";

export interface Tracks {
  update(route: RouteConfig): void;
  /** The track of a conversation; a canary that was taken back gets none. */
  preferred(cacheScope: string): Track;
  /** Whether the track may be sent anything at all. */
  isOpen(track: Track): boolean;
  /** How an attempt on the track went. */
  ended(track: Track, outcome: "answered" | "failed"): void;
  firstToken(track: Track, ms: number): void;
  /** Another gateway, or this one before its restart, has taken this trial back. */
  takeBack(trial: string, reason: string): void;
  /** The trial that was taken back, if it is the current one. */
  takenBack(): { trial: string; reason: string } | undefined;
}

export interface TracksOptions {
  model: string;
  telemetry: Telemetry;
  /** This gateway has judged: whoever else should know. */
  onTakenBack: (trial: string, reason: string) => void;
}

export function createTracks({ model, telemetry, onTakenBack }: TracksOptions): Tracks {
  const { metrics, log } = telemetry;
  let canary: RouteConfig["spec"]["canary"];
  let trial: string | undefined;
  let counters: Record<Track, TrackCounter> = fresh();
  /** By trial: what was taken back stays so, also when the news comes before the route. */
  const judged = new Map<string, string>();

  const show = () => {
    const isBack = trial !== undefined && judged.has(trial);
    metrics.set("echorator_canary_taken_back", { model }, isBack ? 1 : 0);
  };
  const takeBack = (which: string, reason: string) => {
    if (judged.has(which)) return false;
    judged.set(which, reason);
    for (const oldest of judged.keys()) {
      if (judged.size <= 16) break;
      judged.delete(oldest);
    }
    if (which === trial) log.warn("the canary is taken back", { model, reason });
    show();
    return true;
  };
  const judge = () => {
    if (canary === undefined || trial === undefined || judged.has(trial)) return;
    const verdict = judgeCanary(canary, counters.stable.counts(), counters.canary.counts());
    if (verdict.keep) return;
    takeBack(trial, verdict.reason);
    onTakenBack(trial, verdict.reason);
  };

  return {
    update({ spec }) {
      const next = spec.canary === undefined ? undefined : toTrial(spec.canary);
      canary = spec.canary;
      if (next === trial) return;
      trial = next;
      counters = fresh();
      show();
    },
    preferred(cacheScope) {
      if (canary === undefined || trial === undefined || judged.has(trial)) return "stable";
      return trackOf(cacheScope, canary.weight);
    },
    isOpen: track =>
      track === "stable" || (canary !== undefined && trial !== undefined && !judged.has(trial)),
    ended(track, outcome) {
      metrics.add("echorator_track_requests_total", { model, track, outcome });
      counters[track][outcome === "answered" ? "succeeded" : "failed"]();
      if (outcome === "failed" || track === "canary") judge();
    },
    firstToken: (track, ms) => counters[track].firstToken(ms),
    takeBack: (which, reason) => void takeBack(which, reason),
    takenBack() {
      const reason = trial === undefined ? undefined : judged.get(trial);
      return trial === undefined || reason === undefined ? undefined : { trial, reason };
    },
  };
}

function fresh(): Record<Track, TrackCounter> {
  return { stable: createTrackCounter(), canary: createTrackCounter() };
}

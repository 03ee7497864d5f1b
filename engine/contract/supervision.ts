/** What a supervisor and the engine that it runs have agreed on: arguments on the way down, health and exit codes on the way up. */

/**
 * Arguments of `engine/main.ts` besides --home, --config and --set.
 * `--supervised`: standard input is a pipe of the supervisor; the engine stops when it ends, so no engine outlives its supervisor.
 * `--instance ID`: repeated by the health endpoint, so that no one takes a stranger's answer on the same port for this engine's.
 */
export const supervision = {
  supervisedFlag: "--supervised",
  instanceFlag: "--instance",
  /** The engine's exit code when starting it again would end the same way: wrong arguments or configuration. */
  exitHopeless: 78,
} as const;

/** The answer of `paths.started` once the configuration is read and the stores are open. */
export interface StartedHealth {
  status: "ok";
  /** Of the package. */
  version: string;
  /** As given by `--instance`. */
  instance?: string;
}

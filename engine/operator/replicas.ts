/** Whose word about a model's replicas counts: the Model's scale, or the workload's; a pure function. */

export interface ReplicasSeen {
  range: { min: number; max: number };
  /** `.spec.replicas.current`. */
  current: number | undefined;
  /** What was last handed on, either way; of the status. */
  handed: number | undefined;
  /** Of the workload; undefined while there is none. */
  workload: number | undefined;
}

export interface ReplicasStep {
  /** To be written into `.spec.replicas.current`. */
  current?: number;
  /** To be written into the workload's scale. */
  scale?: number;
  handed: number | undefined;
}

/**
 * Who changed its number since the last hand-over wins: a person or an autoscaler the Model's, the gateways' scaler the workload's.
 * Where both did, the Model's.
 */
export function stepReplicas({ range, current, handed, workload }: ReplicasSeen): ReplicasStep {
  if (workload === undefined) return { handed };
  const isFollowed = current === undefined || current === handed;
  const wanted = isFollowed ? workload : current;
  const target = Math.min(range.max, Math.max(range.min, wanted));
  // A fixed number is declared with the workload itself.
  const isFixed = range.min === range.max;
  return {
    handed: target,
    ...(target === current ? {} : { current: target }),
    ...(target === workload || isFixed ? {} : { scale: target }),
  };
}

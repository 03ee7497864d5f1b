/** Where a stack runs; decides which children a component has. */

export const targets = ["process", "kubernetes", "aws"] as const;
export type Target = (typeof targets)[number];

/** The targets that this version can serve. */
export type ServedTarget = Extract<Target, "process" | "kubernetes">;

export function isServed(target: Target): target is ServedTarget {
  return target === "process" || target === "kubernetes";
}

/** The counters of one process pass the suite of counters. */
import { createMemoryCounters } from "../../../engine/stores/counters-memory.ts";
import { describeCounters } from "../../conformance/counters.ts";
import { createTestClock } from "../../conformance/store.ts";

describeCounters("memory", async () => {
  const clock = createTestClock();
  const counters = createMemoryCounters({ clock });
  const elapse = async (ms: number) => clock.set(clock.now() + ms);
  return { counters, others: counters, elapse };
});

/** The supervisor's process: claims the home, supervises, hears signals. Its one argument is a SupervisorPlan as JSON. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { claim, holdsClaim, release } from "./claim.ts";
import { identify } from "./process-identity.ts";
import { createSupervisor } from "./supervisor.ts";
import type { SupervisorPlan } from "./supervisor-record.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as SupervisorPlan;
const self = identify(process.pid);
if (self === undefined) throw new Error("this process cannot find itself in the process table");

for (const folder of [homeLayout.run, homeLayout.logs])
  mkdirSync(join(plan.home, folder), { recursive: true, mode: 0o700 });
claim(plan.home, self);

const supervisor = createSupervisor(plan, self, process.env);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, supervisor.stop);
process.on("SIGHUP", supervisor.restart);
process.exitCode = await supervisor.done;
if (holdsClaim(plan.home, self)) release(plan.home);

/** The verbs of kollama, in the order of the help. */
import type { Verb } from "./command.ts";
import { completion } from "./verbs/completion.ts";
import { deploy } from "./verbs/deploy.ts";
import { describe } from "./verbs/describe.ts";
import { doctor } from "./verbs/doctor.ts";
import { key } from "./verbs/key.ts";
import { list } from "./verbs/list.ts";
import { logs } from "./verbs/logs.ts";
import { memory } from "./verbs/memory.ts";
import { pull } from "./verbs/pull.ts";
import { run } from "./verbs/run.ts";
import { scale } from "./verbs/scale.ts";
import { undeploy } from "./verbs/undeploy.ts";

export const verbs: readonly Verb[] = [
  deploy,
  undeploy,
  list,
  describe,
  run,
  pull,
  scale,
  logs,
  key,
  memory,
  doctor,
  completion,
];

/** The verbs of kollama, in the order of the help. */
import type { Verb } from "./command.ts";
import { completion } from "./verbs/completion.ts";
import { deploy } from "./verbs/deploy.ts";
import { describe } from "./verbs/describe.ts";
import { doctor } from "./verbs/doctor.ts";
import { expose } from "./verbs/expose.ts";
import { install } from "./verbs/install.ts";
import { key } from "./verbs/key.ts";
import { list } from "./verbs/list.ts";
import { logs } from "./verbs/logs.ts";
import { memory } from "./verbs/memory.ts";
import { pull } from "./verbs/pull.ts";
import { render } from "./verbs/render.ts";
import { rollout } from "./verbs/rollout.ts";
import { run } from "./verbs/run.ts";
import { scale } from "./verbs/scale.ts";
import { top } from "./verbs/top.ts";
import { undeploy } from "./verbs/undeploy.ts";
import { uninstall } from "./verbs/uninstall.ts";

export const verbs: readonly Verb[] = [
  install,
  uninstall,
  expose,
  deploy,
  undeploy,
  list,
  describe,
  run,
  pull,
  scale,
  rollout,
  top,
  logs,
  key,
  memory,
  doctor,
  render,
  completion,
];

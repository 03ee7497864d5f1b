/** Which device computes: a GPU where there is one; looking for it costs a start, so signs are read first. */
import { existsSync } from "node:fs";

const signsOfGpu = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/dri/renderD128", "/dev/dxg"];

export function chooseGpu(
  platform: NodeJS.Platform = process.platform,
  exists: (path: string) => boolean = existsSync,
): "auto" | false {
  return platform !== "linux" || signsOfGpu.some(exists) ? "auto" : false;
}

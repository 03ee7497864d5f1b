/** How the tests run: what is fast in parallel, then whatever runs processes or models, one file at a time. */
import { defineConfig } from "vitest/config";

const serial = ["test/live/**/*.test.ts", "test/system/**/*.test.ts"];
const cluster = ["test/cluster/**/*.test.ts"];
const long = ["test/long/**/*.test.ts"];

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: [...serial, ...cluster, ...long],
          maxWorkers: 2,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // Two llama.cpp processes at once ruin each other, so nothing here runs beside anything else.
          name: "serial",
          include: serial,
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // On a real cluster with nodes (`npm run test:cluster`); `npm test` leaves it out.
          name: "cluster",
          include: cluster,
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          // Forms too long for every day (`npm run test:long`).
          name: "long",
          include: long,
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});

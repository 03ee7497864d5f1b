/** How the tests run: what is fast in parallel, then whatever runs processes or models, one file at a time. */
import { defineConfig } from "vitest/config";

const serial = ["test/live/**/*.test.ts", "test/system/**/*.test.ts"];

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: serial,
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
    ],
  },
});

/** The decode loop: all sequences step together, so that each batch holds a token of every one that replies. */

/** One sequence with its sampler. */
export interface Decoder {
  /** Evaluates a part of the prompt. */
  prefill(tokens: number[]): Promise<void>;
  /** Evaluates the end of the prompt and gives the first token; undefined when the model ends. */
  begin(tokens: number[]): Promise<number | undefined>;
  next(): Promise<number | undefined>;
  /** Frees the sampler. */
  stop(): Promise<void>;
}

export interface DecodeTask {
  decoder: Decoder;
  /** What is left to evaluate, the last token included. */
  prompt: number[];
  /** Takes a token; false when it wants no more. */
  onToken(token: number): boolean;
  /** Called once: after the model's own end or `onToken` said false (no error), a failure, or a cancellation. */
  onEnd(error: unknown): void;
}

export interface DecodeLoop {
  add(task: DecodeTask): void;
  /** Ends the task with `reason`: at once, or when its batch is done. */
  cancel(task: DecodeTask, reason: unknown): void;
}

export interface DecodeLoopOptions {
  /** Tokens of one batch. */
  batchSize: number;
  /** Passed round each batch. */
  enter: () => Promise<void>;
  leave: () => void;
  /** Told before each batch how many sequences take part. */
  onBatch: (sequences: number) => void;
  /** Called after each batch, to send what it brought. */
  flush: () => void;
}

/** Prompt tokens a batch may carry while others reply: a long prompt must not stop their flow. */
const promptBesideReplies = 64;

export function createDecodeLoop(options: DecodeLoopOptions): DecodeLoop {
  const tasks = new Map<DecodeTask, State>();
  let running = false;
  let inBatch = false;

  const end = (task: DecodeTask, error: unknown) => {
    if (!tasks.delete(task)) return;
    // The task has ended either way; a sampler that cannot be freed must not end the process.
    task.decoder.stop().catch(() => undefined);
    task.onEnd(error);
  };

  const run = async () => {
    if (running) return;
    running = true;
    while (tasks.size > 0) {
      await options.enter();
      inBatch = true;
      try {
        const states = [...tasks.values()];
        const sizes = planBatch(states, options.batchSize);
        options.onBatch(sizes.filter(size => size > 0).length);
        const steps = states.map((state, index) => step(state, sizes[index] ?? 0, end));
        await Promise.all(steps);
      } finally {
        inBatch = false;
        options.leave();
      }
      for (const state of [...tasks.values()])
        if (state.cancelled !== undefined) end(state.task, state.cancelled);
      options.flush();
    }
    running = false;
  };

  return {
    add(task) {
      tasks.set(task, { task, replies: false, cancelled: undefined });
      void run();
    },
    cancel(task, reason) {
      const state = tasks.get(task);
      if (state === undefined) return;
      state.cancelled = reason;
      if (inBatch) return;
      end(task, reason);
      options.flush();
    },
  };
}

interface State {
  task: DecodeTask;
  /** Its prompt is evaluated. */
  replies: boolean;
  cancelled: unknown;
}

async function step(
  state: State,
  size: number,
  end: (task: DecodeTask, error: unknown) => void,
): Promise<void> {
  const { task } = state;
  if (size === 0) return;
  try {
    if (!state.replies && size < task.prompt.length)
      return await task.decoder.prefill(task.prompt.splice(0, size));
    const token = state.replies
      ? await task.decoder.next()
      : await task.decoder.begin(task.prompt.splice(0));
    state.replies = true;
    if (state.cancelled !== undefined) return;
    if (token === undefined || !task.onToken(token)) end(task, undefined);
  } catch (error) {
    end(task, error ?? new Error("the batch failed"));
  }
}

/** Tokens of each task in the next batch: one of each that replies, then prompts in the order of their arrival. */
export function planBatch(
  states: readonly { replies: boolean; task: { prompt: readonly number[] } }[],
  batchSize: number,
): number[] {
  const replying = states.filter(state => state.replies).length;
  const room = batchSize - replying;
  let prompts = replying === 0 ? room : Math.min(room, promptBesideReplies);
  return states.map(state => {
    if (state.replies) return 1;
    const size = Math.min(prompts, state.task.prompt.length);
    prompts -= size;
    return size;
  });
}

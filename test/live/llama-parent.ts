/** An engine in small for the test that kills it: opens the model of its argument and prints the process id of its inference. */
import { openModel } from "./llama-support.ts";

const { backend } = await openModel(process.argv[2] ?? "");
console.log(backend.pid());
setInterval(() => {}, 1_000);

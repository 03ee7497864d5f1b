/** The memory store passes the suite of stores. */
import { createMemoryStores } from "../../../engine/stores/memory.ts";
import { describeStore } from "../../conformance/store.ts";

describeStore("memory", createMemoryStores);

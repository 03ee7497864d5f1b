import { createMemoryStores } from "../../../engine/stores/memory.ts";
import { describeStore } from "../../conformance/store.ts";

describeStore("memory", createMemoryStores);

// Pulumi starts a pack by the file that package.json names; Node runs the TypeScript as it is.
import "./index.ts";

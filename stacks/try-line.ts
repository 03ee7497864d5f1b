/** The command that an `up` ends with, for whoever wants to see an answer. */

export function renderTryLine(ollamaUrl: string, model: string | undefined): string {
  if (model === undefined) return "Add a model under echorator:models and run `npm run up`.";
  const messages = [{ role: "user", content: "Hello, who are you?" }];
  const body = JSON.stringify({ model, messages, stream: false });
  return `curl ${ollamaUrl}/api/chat -d '${body}'`;
}

// A thread with a parser of its own: gives verdicts on the texts it is sent.
import { parentPort } from "node:worker_threads";

import { PACKAGE, judge, load, world } from "./parser.mjs";

const language = load(PACKAGE);
let [known, state] = [];

parentPort.on("message", ({ id, contents, text }) => {
  const wanted = JSON.stringify(contents);
  if (wanted !== known) [known, state] = [wanted, world(language, contents)];
  parentPort.postMessage({ id, verdict: judge(language, state, text) });
});

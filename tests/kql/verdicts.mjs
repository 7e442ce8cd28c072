// Verdicts of the parser, given by as many threads as there are processors.
import os from "node:os";
import { Worker } from "node:worker_threads";

/** How many texts wait at a thread: more would leave the others idle at the end. */
const AHEAD = 8;

export class Verdicts {
  #waiting = [];
  #given = new Map();
  #asked = new Map();
  #threads;

  constructor() {
    const script = new URL("./worker.mjs", import.meta.url);
    this.#threads = Array.from({ length: os.availableParallelism() }, () => {
      // Its garbage is short-lived.
      const thread = { worker: new Worker(script, { resourceLimits: { maxYoungGenerationSizeMb: 128 } }), busy: 0 };
      thread.worker.on("message", ({ id, verdict }) => {
        this.#asked.get(id).resolve(verdict);
        this.#asked.delete(id);
        thread.busy -= 1;
        this.#feed();
      });
      thread.worker.on("error", (error) => this.#asked.forEach(({ reject }) => reject(error)));
      return thread;
    });
  }

  /** The parser's verdict on a text in the first of these databases; it gives it once. */
  of(contents, text) {
    const question = JSON.stringify([contents, text]);
    let verdict = this.#given.get(question);
    if (verdict === undefined) {
      verdict = new Promise((resolve, reject) => {
        this.#waiting.push({ contents, text, resolve, reject });
        this.#feed();
      });
      this.#given.set(question, verdict);
    }
    return verdict;
  }

  end() {
    return Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #last = 0;

  #feed() {
    for (const thread of this.#threads) {
      while (thread.busy < AHEAD && this.#waiting.length > 0) {
        const { contents, text, resolve, reject } = this.#waiting.shift();
        const id = this.#last++;
        this.#asked.set(id, { resolve, reject });
        thread.busy += 1;
        thread.worker.postMessage({ id, contents, text });
      }
    }
  }
}

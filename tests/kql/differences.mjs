// differences.txt: the texts on which the parser and the emulator may differ, each with its reason.
import fs from "node:fs";

/** What a heading may begin with: the emulator lacks it, the parser takes what the reference does not, the parser is wrong. */
const KINDS = ["missing", "laxer", "slip"];

export class Differences {
  #entries = [];

  constructor(file) {
    let heading;
    fs.readFileSync(file, "utf8").split("\n").forEach((line, at) => {
      if (line.startsWith("# ")) {
        const [, kind, reason] = /^# (\w+): (.+)$/.exec(line) ?? [];
        if (!KINDS.includes(kind)) throw new Error(`${file}:${at + 1}: a heading is '# KIND: REASON', of ${KINDS.join(", ")}`);
        heading = { kind, reason };
      } else if (line !== "" && !line.startsWith("//")) {
        if (heading === undefined) throw new Error(`${file}:${at + 1}: no heading stands above`);
        const pattern = /^\/(.*)\/$/.exec(line);
        const matches = pattern ? (text) => new RegExp(`^(?:${pattern[1]})$`, "s").test(text) : (text) => text === line.replaceAll("\\n", "\n");
        this.#entries.push({ ...heading, line, at: at + 1, matches, used: false });
      }
    });
  }

  /** The entry of a text on which both differ; it counts as used. */
  excuse(text) {
    const entry = this.#entries.find(({ matches }) => matches(text));
    if (entry) entry.used = true;
    return entry;
  }

  /** The entry of a text on which both agree, which is one too many. */
  superfluous(text) {
    return this.#entries.find(({ matches }) => matches(text));
  }

  /** The entries that no text on which both differ needs, nor may need one of those that were left out. */
  unused(omitted) {
    return this.#entries.filter(({ used, matches }) => !used && !omitted.some(matches));
  }
}

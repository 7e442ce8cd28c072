// Compares a running emulator, which has the databases Demo and TestDatabase and no table in any, or is made so by --clear,
// with the parser's verdicts: on the texts of list.mjs and on those of scripts.mjs.
//
//   npm ci && node judge.mjs URL [REPORT] [--all] [--clear]
//
// Fails when they differ on a text that is not in differences.txt, when an entry of that file is not needed, and when more than a
// tenth of the right texts of the core are refused, whatever differences.txt says of them. Prints how many
// texts both accept with the same columns, both refuse, or only one of them accepts: of the core, and of what is outside of it.
// --all adds the thousands of texts that list.mjs makes. REPORT gets every text on which both differ, by kind.
import fs from "node:fs";
import path from "node:path";

import { Differences } from "./differences.mjs";
import { ask, clear, contents } from "./emulator.mjs";
import { TABLES, texts } from "./list.mjs";
import { PACKAGE, load } from "./parser.mjs";
import { golden } from "./scripts.mjs";
import { Verdicts } from "./verdicts.mjs";

const here = import.meta.dirname;
const GOLDEN_FILES = path.join(here, "../../emulator/tests/golden");
const ROWS = ["same columns", "other columns", "refused here only", "refused by both", "accepted here only"];
const [SAME, OTHER, REFUSED, BOTH, LAX] = ROWS.keys();
/** The database that every emulator has. */
const DEFAULT = "NetDefaultDB";
/** How many of a hundred right texts of the core may be refused. */
const MOST_REFUSED = 10;

/** What both say of each entry: `{entry, verdict, found}`, in order. */
async function both(url, verdicts, chosen) {
  const said = await script(url, verdicts, "Demo", chosen);
  for (const { kind, entries } of golden(GOLDEN_FILES)) {
    for (const name of ["TestDatabase", DEFAULT]) await clear(url, name);
    said.push(...(await script(url, verdicts, "TestDatabase", entries.map((entry) => ({ kind, core: true, ...entry })))));
  }
  return said;
}

/** Texts that run one after the other; of each the parser knows what the ones before it have made. */
async function script(url, verdicts, database, entries) {
  const said = [];
  const known = await Promise.all([database, DEFAULT].map((name) => contents(url, name)));
  for (const entry of entries) {
    const [named, there] = entry.database === DEFAULT ? [DEFAULT, [...known].reverse()] : [database, known];
    const verdict = verdicts.of([...there], entry.text);
    said.push({ entry, verdict, found: await ask(url, named, entry) });
    // To show something changes nothing.
    if (!entry.command || entry.text.startsWith(".show")) continue;
    known[0] = await contents(url, database);
    if (entry.text.includes(DEFAULT)) known[1] = await contents(url, DEFAULT);
  }
  return Promise.all(said.map(async ({ verdict, ...rest }) => ({ ...rest, verdict: await verdict })));
}

function rowOf({ command }, verdict, { tables, refusal }) {
  if (verdict.error !== undefined) return refusal === undefined ? LAX : BOTH;
  if (refusal !== undefined) return REFUSED;
  // Of some commands the parser knows no columns; of several statements it gives the last one's.
  const isUnknown = command && verdict.tables.every((columns) => columns.length === 0);
  const last = tables.slice(-verdict.tables.length);
  return isUnknown || JSON.stringify(last) === JSON.stringify(verdict.tables) ? SAME : OTHER;
}

class Report {
  counts = { core: ROWS.map(() => 0), outside: ROWS.map(() => 0) };
  excused = {};
  differing = {};
  failures = [];
  passed = 0;

  constructor(differences) {
    this.differences = differences;
  }

  add({ entry, verdict, found }) {
    const row = rowOf(entry, verdict, found);
    const part = entry.core ? "core" : "outside";
    this.counts[part][row] += 1;
    const differs = row !== SAME && row !== BOTH;
    const excuse = differs ? this.differences.excuse(entry.text) : undefined;
    if (excuse) this.excused[excuse.kind] = (this.excused[excuse.kind] ?? 0) + (entry.core && row === REFUSED);
    // What a command says depends on those before it, and so it may differ elsewhere.
    const superfluous = row === SAME && !entry.command ? this.differences.superfluous(entry.text) : undefined;
    const shown = `${entry.text}\n    parser ${JSON.stringify(verdict)}\n    emulator ${JSON.stringify({ ...found, rows: undefined })}`;
    if (differs) (this.differing[`${excuse?.kind ?? "new"}, ${ROWS[row]}, ${part}, ${entry.kind}`] ??= []).push(shown);
    if (differs && !excuse) this.failures.push(`${entry.kind}: ${ROWS[row]}: ${shown}`);
    else if (superfluous) this.failures.push(`differences.txt:${superfluous.at}: both agree on ${entry.text}`);
    else this.passed += 1;
  }

  /** `omitted`: the texts that were not asked. */
  end(omitted) {
    const unused = this.differences.unused(omitted).map(({ at, line }) => `differences.txt:${at}: not needed: ${line}`);
    this.failures.push(...unused);
    const { share } = this.refused();
    if (share <= MOST_REFUSED) this.passed += 1;
    else this.failures.push(`${share.toFixed(1)} % of the right texts of the core are refused, more than ${MOST_REFUSED} %`);
  }

  /** Of the core: the texts that only the parser takes, the right ones that are refused, and their share of the right ones in %. */
  refused() {
    const { core } = this.counts;
    const laxer = this.excused.laxer ?? 0;
    const wrongly = core[REFUSED] - laxer;
    return { laxer, wrongly, share: (100 * wrongly) / (core[SAME] + core[OTHER] + wrongly) };
  }

  print() {
    const { core, outside } = this.counts;
    console.table(Object.fromEntries(ROWS.map((name, row) => [name, { core: core[row], outside: outside[row] }])));
    const { laxer, wrongly, share } = this.refused();
    console.log(`of the core ${laxer} texts are refused that only the parser takes, and ${wrongly} right ones: ${share.toFixed(1)} %`);
    for (const failure of this.failures) console.log(`  FAIL  ${failure}`);
    console.log(`${this.passed} passed, ${this.failures.length} failed, 0 skipped`);
  }

  write(file) {
    const kinds = Object.entries(this.differing).sort((one, other) => other[1].length - one[1].length);
    fs.writeFileSync(file, kinds.map(([kind, lines]) => `== ${kind}: ${lines.length}\n${lines.join("\n")}\n`).join(""));
  }
}

const flags = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const [url, file] = process.argv.slice(2).filter((argument) => !flags.includes(argument));
for (const name of ["Demo", "TestDatabase", DEFAULT]) {
  if (flags.includes("--clear")) await clear(url, name);
  const { tables, functions } = await contents(url, name);
  const found = [...Object.keys(tables), ...Object.keys(functions)];
  if (found.length > 0) throw new Error(`the database ${name} is not empty: ${found.join(", ")}; --clear drops all that it has`);
}
const list = texts(load(PACKAGE), here);
const isChosen = ({ made }) => !made || flags.includes("--all");
for (const [name, columns] of Object.entries(TABLES)) {
  await ask(url, "Demo", { text: `.create-merge table ${name} ${columns}`, command: true });
}
const verdicts = new Verdicts();
const report = new Report(new Differences(path.join(here, "differences.txt")));
for (const said of await both(url.replace(/\/$/, ""), verdicts, list.filter(isChosen))) report.add(said);
await verdicts.end();
report.end(list.filter((entry) => !isChosen(entry)).map(({ text }) => text));
report.print();
if (file !== undefined) report.write(file);
process.exitCode = report.failures.length > 0 ? 1 : 0;

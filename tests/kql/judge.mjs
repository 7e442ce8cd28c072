// Compares a running emulator (database Demo) with the parser's verdicts on the texts of list.mjs.
//
//   npm ci && node judge.mjs URL [REPORT]
//
// Prints how many texts both accept with the same columns, both refuse, or only one of them accepts: of the core, and of what is
// outside of it. REPORT gets every text on which they differ, by kind.
import fs from "node:fs";

import { MADE, TABLES, texts } from "./list.mjs";
import { database, judge, load } from "./parser.mjs";

const here = import.meta.dirname;
const LETTERS = {
  b: "bool", i: "int", l: "long", r: "real", m: "decimal", s: "string", d: "dynamic", t: "datetime", n: "timespan", g: "guid",
};
const NUMBERS = ["int", "long", "real", "decimal"];
const ROWS = ["same columns", "other columns", "refused here only", "refused by both", "accepted here only", "parser known to be laxer"];
const [SAME, OTHER, REFUSED, BOTH, LAX, LAXER] = ROWS.keys();

/** The columns of the emulator's answer, or why it refuses the text. */
async function ask(url, text, command) {
  const answer = await fetch(`${url}/v1/rest/${command ? "mgmt" : "query"}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ db: "Demo", csl: text }),
  });
  const body = await answer.json();
  if (!answer.ok) return { refusal: body.error?.["@message"] ?? JSON.stringify(body) };
  const { Tables: tables } = body;
  // The last result stands before the three tables of the envelope, or is the only table.
  const { Columns: columns } = tables[tables.length > 3 ? tables.length - 4 : 0];
  return { columns: columns.map((column) => [column.ColumnName, column.ColumnType]) };
}

/** The parser takes == and != between any two types; the service answers SEM0064. */
function isLaxer(text) {
  const [, left, right] = /^T \| project (\w) (?:==|!=) (\w)$/.exec(text) ?? [];
  const [one, other] = [LETTERS[left], LETTERS[right]];
  return one !== other && !(NUMBERS.includes(one) && NUMBERS.includes(other));
}

function rowOf({ text, command }, verdict, { columns, refusal }) {
  if (isLaxer(text)) return LAXER;
  if (verdict.error !== undefined) return refusal === undefined ? LAX : BOTH;
  if (refusal !== undefined) return REFUSED;
  // Of some commands the parser knows no columns.
  const isUnknown = command && verdict.columns.length === 0;
  return isUnknown || JSON.stringify(columns) === JSON.stringify(verdict.columns) ? SAME : OTHER;
}

const [url, report] = process.argv.slice(2);
const language = load(here);
const state = database(language, "Demo", { ...TABLES, ...MADE });
for (const [name, columns] of Object.entries(TABLES)) {
  await ask(url, `.create-merge table ${name} ${columns}`, true);
}
const counts = { core: ROWS.map(() => 0), outside: ROWS.map(() => 0) };
const differing = {};
for (const entry of texts(language, here)) {
  const verdict = judge(language, state, entry.text);
  const found = await ask(url, entry.text, entry.command);
  const row = rowOf(entry, verdict, found);
  const part = entry.core ? "core" : "outside";
  counts[part][row] += 1;
  if ([OTHER, REFUSED, LAX].includes(row)) {
    const lines = (differing[`${ROWS[row]}, ${part}, ${entry.kind}`] ??= []);
    lines.push(`${entry.text}\n    parser ${JSON.stringify(verdict)}\n    emulator ${JSON.stringify(found)}`);
  }
}
console.table(Object.fromEntries(ROWS.map((name, row) => [name, { core: counts.core[row], outside: counts.outside[row] }])));
const right = counts.core[SAME] + counts.core[OTHER] + counts.core[REFUSED];
console.log(`right texts of the core that are refused: ${((100 * counts.core[REFUSED]) / right).toFixed(1)} %`);
if (report !== undefined) {
  const kinds = Object.entries(differing).sort((one, other) => other[1].length - one[1].length);
  fs.writeFileSync(report, kinds.map(([kind, lines]) => `== ${kind}: ${lines.length}\n${lines.join("\n")}\n`).join(""));
}

// A running emulator: the columns of its answers, and what a database holds.

/** `{refusal}`, or `{tables}`: the columns `[name, type]` of each result. */
export async function ask(url, database, { text, command, parameters = {} }) {
  const answer = await fetch(`${url}/v1/rest/${command ? "mgmt" : "query"}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ db: database, csl: text, properties: { Parameters: parameters } }),
  });
  const body = await answer.json();
  if (!answer.ok) return { refusal: body.error?.["@message"] ?? JSON.stringify(body) };
  // A partial failure: a query that failed when its status was sent.
  if (body.Exceptions?.length > 0) return { refusal: body.Exceptions.join("; ") };
  // The results stand before the three tables of the envelope, or are the only table.
  const results = body.Tables.length > 3 ? body.Tables.slice(0, -3) : body.Tables.slice(0, 1);
  const tables = results.map((table) => table.Columns.map((column) => [column.ColumnName, column.ColumnType]));
  return { tables, rows: results[0].Rows };
}

const quoted = (name) => `['${name.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}']`;

async function rows(url, database, text) {
  const { refusal, rows: found } = await ask(url, database, { text, command: true });
  if (refusal !== undefined) throw new Error(`${text}: ${refusal}`);
  return found;
}

/** The tables and functions of a database, as `world` in parser.mjs takes them. */
export async function contents(url, name) {
  const tables = {};
  for (const [table] of await rows(url, name, ".show tables")) {
    const [[, columns]] = await rows(url, name, `.show table ${quoted(table)} cslschema`);
    tables[table] = `(${columns.replaceAll(":", ": ")})`;
  }
  const functions = {};
  for (const [called, parameters, body] of await rows(url, name, ".show functions")) functions[called] = [parameters, body];
  return { name, tables, functions };
}

/** Drops every table and function of a database. */
export async function clear(url, name) {
  const { tables, functions } = await contents(url, name);
  for (const table of Object.keys(tables)) await rows(url, name, `.drop table ${quoted(table)}`);
  for (const called of Object.keys(functions)) await rows(url, name, `.drop function ${quoted(called)}`);
}

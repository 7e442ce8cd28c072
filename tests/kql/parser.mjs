// Microsoft's KQL parser (npm package @kusto/language-service-next): what it accepts, and the columns of the answer.
import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";

/** A list of the parser's, as an array. */
export const items = (found) =>
  Array.from({ length: found?.Count ?? found?.length ?? 0 }, (_, at) => (found.getItem ? found.getItem(at) : found[at]));

/** The directory in which `npm ci` ran. */
export const PACKAGE = process.env.KUSTO_KQL_PARSER ?? import.meta.dirname;

/** The parser's namespace. */
export function load(directory) {
  const folder = path.join(directory, "node_modules/@kusto/language-service-next");
  for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
    vm.runInThisContext(fs.readFileSync(path.join(folder, file), "utf8"), { filename: file });
  }
  return globalThis.Kusto.Language;
}

/** A parser that knows these databases, of which the first is the one asked. The cache makes it several times faster. */
export function world({ Symbols, GlobalState }, databases) {
  const known = databases.map((contents) => database(Symbols, contents));
  const cluster = new Symbols.ClusterSymbol.$ctor1("local", known, false);
  return GlobalState.Default.WithCluster(cluster).WithDatabase(known[0]).WithCache();
}

/** A database: its tables, `{name: "(column:type, ...)"}`, and its functions, `{name: [parameters, body]}`. */
function database(Symbols, { name, tables, functions = {} }) {
  const members = [
    ...Object.entries(tables).map(([table, columns]) => new Symbols.TableSymbol.$ctor7(table, columns, null)),
    ...Object.entries(functions).map(([called, [parameters, body]]) => new Symbols.FunctionSymbol.$ctor16(called, parameters, body, null)),
  ];
  return new Symbols.DatabaseSymbol.$ctor3(name, null, members, false);
}

/** `{error}`, the first of the parser's or its own failure, or `{tables}`: the columns `[name, type]` of each of the last statement's. */
export function judge({ KustoCode }, state, text) {
  let code;
  try {
    code = KustoCode.ParseAndAnalyze(text, state);
  } catch (failed) {
    return { error: `the parser fails: ${failed.message}` };
  }
  const error = items(code.GetDiagnostics()).find((found) => found.Severity === "Error");
  if (error) return { error: `${error.Code}: ${error.Message}` };
  const columns = (type) => items(type?.Columns).map((column) => [column.Name, column.Type?.Name ?? "?"]);
  // `fork` and `facet` give several.
  const members = code.ResultType?.Columns === undefined ? items(code.ResultType?.Members) : [];
  return { tables: members.length > 0 ? members.map((member) => columns(member.Type ?? member)) : [columns(code.ResultType)] };
}

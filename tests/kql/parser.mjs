// Microsoft's KQL parser (npm package @kusto/language-service-next): what it accepts, and the columns of the answer.
import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";

/** A list of the parser's, as an array. */
export const items = (found) =>
  Array.from({ length: found?.Count ?? found?.length ?? 0 }, (_, at) => (found.getItem ? found.getItem(at) : found[at]));

/** The parser's namespace, from a directory in which `npm ci` ran. */
export function load(directory) {
  const folder = path.join(directory, "node_modules/@kusto/language-service-next");
  for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
    vm.runInThisContext(fs.readFileSync(path.join(folder, file), "utf8"), { filename: file });
  }
  return globalThis.Kusto.Language;
}

/** A parser that knows a database and its tables, `{name: "(column:type, ...)"}`. */
export function database({ Symbols, GlobalState }, name, tables) {
  const members = Object.entries(tables).map(([table, columns]) => new Symbols.TableSymbol.$ctor7(table, columns, null));
  const known = new Symbols.DatabaseSymbol.$ctor3(name, null, members, false);
  const cluster = new Symbols.ClusterSymbol.$ctor1("local", [known], false);
  return GlobalState.Default.WithCluster(cluster).WithDatabase(known);
}

/** `{error}`, the first of the parser's, or `{columns: [[name, type], ...]}`. */
export function judge({ KustoCode }, state, text) {
  const code = KustoCode.ParseAndAnalyze(text, state);
  const error = items(code.GetDiagnostics()).find((found) => found.Severity === "Error");
  if (error) return { error: `${error.Code}: ${error.Message}` };
  return { columns: items(code.ResultType?.Columns ?? code.ResultType?.Members).map((column) => [column.Name, column.Type?.Name ?? "?"]) };
}

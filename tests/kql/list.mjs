// The texts that are put to both judges: made from the parser's own tables of operators, functions and aggregates, and read from
// queries.kql, edges.kql and commands.kql. `core` is what ordinary queries use; the rest is counted apart.
import fs from "node:fs";
import { items } from "./parser.mjs";

/** The database of all texts, in the order in which `union *` finds its tables. Each column of T is named after its type. */
export const TABLES = {
  Logs: "(Timestamp:datetime, Level:string, Message:string, Count:long, Properties:dynamic)",
  T: "(b:bool, i:int, l:long, r:real, m:decimal, s:string, d:dynamic, t:datetime, n:timespan, g:guid)",
  U: "(l:long, s:string, x:real, y:string)",
};

const COLUMNS = { bool: "b", int: "i", long: "l", real: "r", decimal: "m", string: "s", dynamic: "d", datetime: "t", timespan: "n", guid: "g" };
const TYPES = Object.keys(COLUMNS);
const LITERALS = {
  bool: "true", int: "int(2)", long: "2", real: "0.5", decimal: "decimal(1.5)", string: "'a'", dynamic: "dynamic([1,2])",
  datetime: "datetime(2024-03-01)", timespan: "1h", guid: "guid(74be27de-1e4e-49d9-b579-fe0b331d3642)",
};

/** Functions and aggregates that belong to no core: by the families of the reference. */
const OUTSIDE = new RegExp(
  "^(series_|geo_|hll|.*_hll|.*tdigest|ipv[46]_|.*_?ipv[46]|format_ipv4|convert_|punycode_|unicode_codepoints|zlib_|gzip_|bag_zip|beta_|(log)?gamma|erfc?$|" +
    "welch_test|parse_xml|parse_user_agent|cluster|database|table|external_table|materialized_view|entity_group|stored_query_result|" +
    "graph|all$|any$|map$|inner_nodes|node_|labels|cursor_|current_|extent_|row_id|rowstore|ingestion_time|estimate_data_size|assert|" +
    "treepath|buildschema|covariance|column_names_of|percentilesw|percentilew|percentiles_array|bitset_|hash_many|hash_combine|series_|" +
    "translate|make_string|datetime_list_timezones|parse_command_line|has_any_index)",
);

/** Every text: `{id, kind, core, command, made, text}`; `made` says that it is made of the parser's tables. */
export function texts(language, directory) {
  const made = [...operators(language), ...calls(language)].map((entry) => ({ made: true, ...entry }));
  const found = [...made, ...written(directory, "queries.kql", false), ...written(directory, "edges.kql", false), ...written(directory, "commands.kql", true)];
  const seen = new Set();
  // Commands change what the next ones see, so that a repeated one is another test.
  const fresh = found.filter((entry) => entry.command || (!seen.has(entry.text) && seen.add(entry.text)));
  return fresh.map((entry, id) => ({ id, core: true, command: false, made: false, ...entry }));
}

// Operators

const STRINGS = {
  EqualTilde: "=~", BangTilde: "!~", Has: "has", HasCs: "has_cs", NotHas: "!has", NotHasCs: "!has_cs", HasPrefix: "hasprefix",
  HasPrefixCs: "hasprefix_cs", NotHasPrefix: "!hasprefix", NotHasPrefixCs: "!hasprefix_cs", HasSuffix: "hassuffix", HasSuffixCs: "hassuffix_cs",
  NotHasSuffix: "!hassuffix", NotHasSuffixCs: "!hassuffix_cs", Contains: "contains", ContainsCs: "contains_cs", NotContains: "!contains",
  NotContainsCs: "!contains_cs", StartsWith: "startswith", StartsWithCs: "startswith_cs", NotStartsWith: "!startswith",
  NotStartsWithCs: "!startswith_cs", EndsWith: "endswith", EndsWithCs: "endswith_cs", NotEndsWith: "!endswith", NotEndsWithCs: "!endswith_cs",
  MatchRegex: "matches regex",
};
const LISTS = { In: "in", InCs: "in~", NotIn: "!in", NotInCs: "!in~", HasAny: "has_any", HasAll: "has_all" };
const ARITHMETIC = { Add: "+", Subtract: "-", Multiply: "*", Divide: "/", Modulo: "%" };
const COMPARISON = { LessThan: "<", GreaterThanOrEqual: ">=", LessThanOrEqual: "<=", GreaterThan: ">", Equal: "==", NotEqual: "!=" };
const REST = { And: "and", Or: "or", Between: "between", NotBetween: "!between", UnaryMinus: "-", UnaryPlus: "+" };
/** The parser has these from an older language; the reference does not name them. */
const UNDOCUMENTED = ["Like", "LikeCs", "NotLike", "NotLikeCs", "Search"];

function* operators({ Operators }) {
  const spelled = { ...STRINGS, ...LISTS, ...ARITHMETIC, ...COMPARISON, ...REST };
  for (const { Name: name } of items(Operators.All)) {
    if (UNDOCUMENTED.includes(name)) continue;
    const sign = spelled[name];
    if (!sign) throw new Error(`the parser has the operator ${name}, this list does not`);
    for (const text of operands(name, sign)) yield { kind: sign, text: `T | project ${text}` };
  }
}

function* operands(name, sign) {
  if (name.startsWith("Unary")) {
    yield* TYPES.map((type) => `${sign}${COLUMNS[type]}`);
  } else if (name in LISTS) {
    // Their negations and other cases have the same rules for types.
    const others = (type) => (["in", "has_any"].includes(sign) ? TYPES : [type, "string"]);
    for (const type of TYPES) yield* others(type).map((other) => `${COLUMNS[type]} ${sign} (${LITERALS[other]})`);
    yield* [`s ${sign} ('a', 'b')`, `s ${sign} (dynamic(['a', 'b']))`, `l ${sign} (1, 2)`, `s ${sign} ((U | project s))`, `s ${sign} (U)`, `s ${sign} (y)`];
  } else if (name.endsWith("Between")) {
    const others = (type) => (sign === "between" ? TYPES : [type]);
    for (const type of TYPES) yield* others(type).map((other) => `${COLUMNS[type]} ${sign} (${COLUMNS[other]} .. ${COLUMNS[other]})`);
    yield* [`t ${sign} (ago(1d) .. 1h)`, `l ${sign} (1 .. 5)`];
  } else if (name in STRINGS) {
    for (const type of TYPES) yield* [`${COLUMNS[type]} ${sign} 'a'`, `s ${sign} ${COLUMNS[type]}`];
    yield* [`d ${sign} d`, `d.x ${sign} 'a'`];
  } else {
    for (const type of TYPES) yield* TYPES.map((other) => `${COLUMNS[type]} ${sign} ${COLUMNS[other]}`);
  }
}

// Functions and aggregates

/** Arguments that have to mean something, by function and place. */
const SENSIBLE = {
  "regex 0": "'a(b)'", "extract 0": "'(a)(b)'", "extract 1": "1", "extract_all 0": "'(a)'", "extract_json 0": "'$.a'", "extractjson 0": "'$.a'",
  "replace_regex 1": "'a'", "indexof_regex 1": "'a'", "range 2": null, "format_datetime 1": "'yyyy-MM-dd'", "format_timespan 1": "'hh:mm'",
  "split 1": "','", "substring 1": "1", "column_ifexists 0": "'l'", "columnifexists 0": "'l'", "datetime_local_to_utc 1": "'Europe/Paris'",
  "datetime_utc_to_local 1": "'Europe/Paris'", "gzip_decompress_from_base64_string 0": "s", "treepath 0": "d", "parse_command_line 1": "'windows'",
};

function* calls({ Functions, Aggregates, Symbols }) {
  const make = maker(Symbols);
  for (const symbol of items(Functions.All)) {
    if (skipped(symbol)) continue;
    const window = /^(row_|prev$|next$)/.test(symbol.Name) ? "serialize | " : "";
    yield* variants(make, symbol, (call) => `T | ${window}project ${call}`);
  }
  for (const symbol of items(Aggregates.All)) {
    if (!skipped(symbol)) yield* variants(make, symbol, (call) => `T | summarize ${call}`);
  }
}

const skipped = (symbol) => symbol.IsHidden || symbol.IsObsolete || symbol.Name.startsWith("__");

function* variants(make, symbol, within) {
  const core = !OUTSIDE.test(symbol.Name);
  for (const signature of items(symbol.Signatures)) {
    for (const call of signatureCalls(make, symbol.Name, signature, core)) yield { kind: symbol.Name, core, text: within(call) };
  }
}

/** The default arguments in every sensible number; then, for the core, each of the first two of every type. */
function* signatureCalls(make, name, signature, core) {
  const parameters = items(signature.Parameters);
  const argument = (at) => SENSIBLE[`${name} ${at}`] ?? make(parameters[Math.min(at, parameters.length - 1)], at);
  const least = signature.MinArgumentCount;
  const most = Math.min(signature.MaxArgumentCount, least + 2);
  const spelled = (count, changed, value) => {
    const all = Array.from({ length: count }, (_, at) => (at === changed ? value : argument(at)));
    return `${name}(${all.join(", ")})`;
  };
  for (let count = least; count <= most; count++) yield spelled(count);
  if (!core) return;
  if (least > 0) yield spelled(least - 1);
  const usual = Math.max(least, Math.min(1, most));
  for (let at = 0; at < Math.min(usual, 2); at++) {
    const changeable = !constant(parameters[Math.min(at, parameters.length - 1)]);
    const types = at === 0 && !declared(parameters[0]) ? TYPES : ["string", "long", "dynamic", "datetime"];
    if (changeable) yield* types.map((type) => spelled(usual, at, COLUMNS[type]));
  }
}

/** Whether only a literal or a constant will do. */
const constant = (parameter) => [8, 9, 10].includes(Number(parameter.ArgumentKind)) || items(parameter.Values).length > 0;

/** Whether it takes the types that are named, and not a family of them. */
const declared = (parameter) => items(parameter.DeclaredTypes).length > 0;

function maker({ ParameterTypeKind: Kind, ArgumentKind }) {
  const typical = new Map([
    [Kind.Scalar, "string"], [Kind.Integer, "long"], [Kind.RealOrDecimal, "real"], [Kind.StringOrDynamic, "string"], [Kind.StringOrArray, "string"],
    [Kind.IntegerOrArray, "long"], [Kind.DynamicArray, "dynamic"], [Kind.DynamicBag, "dynamic"], [Kind.Number, "real"], [Kind.NumberOrBool, "real"],
    [Kind.Summable, "long"], [Kind.Orderable, "long"], [Kind.NotRealOrBool, "long"], [Kind.NotDynamic, "string"], [Kind.NotBool, "long"],
    [Kind.CommonScalar, "string"], [Kind.CommonNumber, "real"], [Kind.CommonSummable, "long"], [Kind.CommonOrderable, "long"],
    [Kind.CommonScalarOrDynamic, "string"], [Kind.Parameter0, "string"], [Kind.Parameter1, "string"], [Kind.Parameter2, "string"],
  ]);
  return (parameter) => {
    const values = items(parameter.Values);
    if (values.length > 0) return `'${String(values[0]).replaceAll("'", "")}'`;
    if (Number(parameter.ArgumentKind) === ArgumentKind.StarOnly) return "*";
    if (Number(parameter.TypeKind) === Kind.Tabular) return "(U)";
    const declared = items(parameter.DeclaredTypes)[0]?.Name;
    const type = declared in COLUMNS ? declared : (typical.get(Number(parameter.TypeKind)) ?? "string");
    return constant(parameter) ? LITERALS[type] : COLUMNS[type];
  };
}

// What is written by hand

/** One text a line; `# KIND` before those of a kind, `# outside: KIND` where it is no part of the core, `// ` a remark. */
function* written(directory, file, command) {
  let kind = file;
  let core = true;
  for (const line of fs.readFileSync(`${directory}/${file}`, "utf8").split("\n")) {
    const heading = /^# (outside: )?(.+)$/.exec(line);
    if (heading) [core, kind] = [!heading[1], heading[2]];
    else if (line.trim() && !line.startsWith("// ")) yield { kind, core, command, text: line.replaceAll("\\n", "\n") };
  }
}

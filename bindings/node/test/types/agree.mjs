// index.d.ts and what the package exports must agree, member by member, both ways.
//
// agree.mjs TYPESCRIPT_PACKAGE INDEX_D_TS
import { createRequire } from "node:module";

import * as kusto from "@kusto-ingest/native";

const [typescript, declarations] = process.argv.slice(2);
const ts = createRequire(import.meta.url)(typescript);
const program = ts.createProgram([declarations], { strict: true, target: ts.ScriptTarget.ES2022, types: [] });
const checker = program.getTypeChecker();
const module_ = checker.getSymbolAtLocation(program.getSourceFile(declarations));

const differing = [];
let compared = 0;

/** The names that one side has and the other lacks. */
function compare(where, declared, found) {
    compared++;
    for (const name of declared.filter((name) => !found.includes(name))) {
        differing.push(`${where}: ${name} is declared and not there`);
    }
    for (const name of found.filter((name) => !declared.includes(name))) {
        differing.push(`${where}: ${name} is there and not declared`);
    }
}

const named = (names) => names.filter((name) => !name.startsWith("__"));
const members = (type) => named(checker.getPropertiesOfType(type).map((symbol) => symbol.name));

/** Own names that are no symbol, without what every function has. */
function own(object) {
    const every = ["constructor", "prototype", "length", "name"];
    return Object.getOwnPropertyNames(object).filter((name) => !every.includes(name));
}

/** Methods and getters, of the class and those above it. */
function methods(prototype) {
    return prototype === null || prototype === Object.prototype || prototype === Error.prototype
        ? []
        : [...own(prototype), ...methods(Object.getPrototypeOf(prototype))];
}

function compareClass(name, symbol, found) {
    const instance = checker.getDeclaredTypeOfSymbol(symbol);
    const declared = checker.getPropertiesOfType(instance).filter((member) => member.flags & ts.SymbolFlags.Method);
    const isOfError = (member) => ["toString", "toLocaleString"].includes(member.name);
    const here = methods(found.prototype);
    // Fields are made by constructors: the compiler's view of the tests covers them.
    const calls = here.filter((member) => {
        for (let at = found.prototype; at !== null; at = Object.getPrototypeOf(at)) {
            const property = Object.getOwnPropertyDescriptor(at, member);
            if (property !== undefined) {
                return typeof property.value === "function";
            }
        }
        return false;
    });
    const declaredNames = named(declared.filter((member) => !isOfError(member) || here.includes(member.name)).map(({ name }) => name));
    compare(`methods of ${name}`, declaredNames, [...new Set(calls)]);
    const statics = members(checker.getTypeOfSymbol(symbol)).filter((member) => member !== "prototype");
    const inherited = [];
    for (let at = found; typeof at === "function" && at !== Function.prototype && at !== Error; at = Object.getPrototypeOf(at)) {
        inherited.push(...own(at).filter((member) => member !== "kind"));
    }
    const ofFunctions = members(checker.getTypeOfSymbol(symbol)).filter((member) => member in Function.prototype || member in Error);
    compare(`statics of ${name}`, statics.filter((member) => !ofFunctions.includes(member)), [...new Set(inherited)]);
}

/** What is exported, also from another file. */
const exported = checker
    .getExportsOfModule(module_)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));
const values = exported.filter((symbol) => symbol.flags & ts.SymbolFlags.Value);
compare("exports", values.map(({ name }) => name), Object.keys(kusto).filter((name) => name !== "default"));
for (const symbol of values) {
    const found = kusto[symbol.name];
    if (symbol.flags & ts.SymbolFlags.Class) {
        compareClass(symbol.name, symbol, found);
    } else if (typeof found === "object") {
        const type = checker.getTypeOfSymbol(symbol);
        compare(symbol.name, members(type), Object.keys(found));
        for (const [name, value] of Object.entries(found).filter(([, value]) => typeof value !== "function")) {
            const { value: declared } = checker.getTypeOfSymbol(type.getProperty(name));
            if (declared !== value) {
                differing.push(`${symbol.name}.${name}: ${declared} is declared, ${value} is there`);
            }
        }
    }
}
differing.forEach((line) => console.error(line));
console.log(`${compared} compared`);
process.exitCode = differing.length > 0 || compared < 40 ? 1 : 0;

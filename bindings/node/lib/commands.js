"use strict";

const { checkOptions } = require("./names.js");
const { addon, call, milliseconds } = require("./native.js");

const pairs = (columns) => columns.map(({ name, type }) => [name, type]);
const json = (mapping) =>
    typeof mapping === "string" ? mapping : JSON.stringify(mapping.map((column) => column.toApiMapping?.() ?? column));

/** The text of commands, with names and values escaped. */
const CommandGenerator = Object.freeze({
    createTable: (table, columns) => call(() => addon.createTableCommand(table, pairs(columns), false)),
    createMergeTable: (table, columns) => call(() => addon.createTableCommand(table, pairs(columns), true)),
    dropTable: (table, options) => {
        checkOptions(options, ["ifExists"]);
        return call(() => addon.dropTableCommand(table, options?.ifExists ?? false));
    },
    clearTable: (table) => call(() => addon.clearTableCommand(table)),
    createMapping: (table, kind, name, mapping) =>
        call(() => addon.createMappingCommand(table, kind, name, json(mapping), false)),
    createOrAlterMapping: (table, kind, name, mapping) =>
        call(() => addon.createMappingCommand(table, kind, name, json(mapping), true)),
    dropMapping: (table, kind, name) => call(() => addon.dropMappingCommand(table, kind, name)),
    showMappings: (table, kind) => call(() => addon.showMappingsCommand(table, kind)),
    alterMergeBatchingPolicy: (table, policy) => {
        checkOptions(policy, ["timeSpanMs", "timeSpan", "items", "rawSizeMB"]);
        const { items, rawSizeMB } = policy;
        const timeSpan = milliseconds(policy, "timeSpan");
        return call(() => addon.batchingPolicyCommand(table, timeSpan, items ?? undefined, rawSizeMB ?? undefined));
    },
    refreshBatchingPolicyCache: (database, table) => call(() => addon.refreshBatchingPolicyCommand(database, table)),
    identifier: (name) => call(() => addon.identifier(name)),
    stringLiteral: (text) => call(() => addon.stringLiteral(text, false)),
    obfuscatedLiteral: (text) => call(() => addon.stringLiteral(text, true)),
});

module.exports = { CommandGenerator };

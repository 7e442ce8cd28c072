// Where an error says that its call was made: in the program, not in the package alone.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import test from "node:test";

import { ReportMethod } from "@kusto-ingest/native";

import { database, failed, newClient, twoRows } from "./bed.mjs";

const MISSING = "Node_no_such_table";

const calls = {
    "a file": [(client) => client.ingestFromFile("no-such-file.csv"), "SOURCE_IO"],
    "a stream": [(client) => client.ingestFromStream(Readable.from([])), "INVALID_ARGUMENT"],
    "a buffer": [(client) => client.ingestFromBuffer(""), "INVALID_ARGUMENT"],
    "a blob": [(client) => client.ingestFromBlob("no-address"), "INVALID_ARGUMENT"],
    "a query": [(client) => client.executeQuery(database, MISSING), "SERVICE"],
    "a command": [(client) => client.executeMgmt(database, ".no such command"), "SERVICE"],
    "a warm-up": [(client) => client.warmUp({ properties: { table: MISSING } }), "NOT_FOUND"],
    "a status": [(client) => client.resultOf("no token").status(), "INVALID_ARGUMENT"],
};

for (const [what, [call, code]] of Object.entries(calls)) {
    test(`the error of ${what} shows the line of the program`, async (t) => {
        const client = newClient(t, { props: { table: MISSING } });
        async function ofTheProgram() {
            await call(client);
        }
        const { message, stack } = await failed(ofTheProgram(), code);
        assert.ok(stack.startsWith(`KustoError: ${message}\n`), stack);
        assert.match(stack, /ofTheProgram/);
    });
}

test("the error of a wait shows the line of the program, and the service's code", async (t) => {
    const client = newClient(t, { props: { table: MISSING, flushImmediately: true, reportMethod: ReportMethod.Table } });
    const result = await client.ingestFromBuffer(twoRows);
    async function ofTheProgram() {
        await result.wait({ intervalMs: 20 });
    }
    const { message, stack } = await failed(ofTheProgram(), "SERVICE");
    assert.match(message, /: Failed: .+ \(BadRequest_TableNotExist\)$/);
    assert.match(stack, /ofTheProgram/);
});

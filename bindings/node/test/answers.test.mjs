// Answers that only a service that misbehaves sends. What the library could not read is not guessed.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import test from "node:test";

import { Client } from "@kusto-ingest/native";

import { limit } from "./bed.mjs";

/** The values of the only row of an answer with these columns, as `[type, JSON]`. */
async function valuesOf(t, cells) {
    const columns = cells.map(([type], index) => `{"ColumnName":"c${index}","ColumnType":"${type}"}`);
    const answer =
        `[{"FrameType":"DataTable","TableKind":"PrimaryResult","TableName":"T","Columns":[${columns}],` +
        `"Rows":[[${cells.map(([, json]) => json)}]]},{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]`;
    const server = createServer((request, response) => request.resume().on("end", () => response.end(answer)));
    await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => server.close());
    const client = new Client(`http://127.0.0.1:${server.address().port}`);
    t.after(() => client.close());
    const { primaryResults } = await client.executeQuery("D", "T", null, limit);
    return [...primaryResults[0].row(0).values()];
}

test("the service sees the language, its runtime and the names given", async (t) => {
    let seen;
    const answer = '[{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]';
    const server = createServer((request, response) => {
        seen = request.headers;
        request.resume().on("end", () => response.end(answer));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => server.close());
    const client = new Client(`http://127.0.0.1:${server.address().port}`, { settings: { application: "the program" } });
    t.after(() => client.close());
    await client.executeQuery("D", "T", null, limit);
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url)));
    const names = `Kusto.kusto-ingest-node.Client:{${version}}|Runtime.Node:{${process.versions.node}}|Kusto.Rust.Client:{`;
    assert.ok(seen["x-ms-client-version"].startsWith(names), seen["x-ms-client-version"]);
    assert.equal(seen["x-ms-app"], "the program");
});

test("what is no value of its type is the text that came", async (t) => {
    const cells = [
        ["bool", "2", "2"],
        ["bool", '"yes"', "yes"],
        ["bool", '"t"', "t"],
        ["bool", "0", false],
        ["int", '" "', " "],
        ["int", '"0x10"', "0x10"],
        ["real", '" "', " "],
        ["real", '"0b1"', "0b1"],
        ["real", "-1.5e300", -1.5e300],
        ["real", '"-Infinity"', -Infinity],
        ["long", '"1_000"', "1_000"],
        ["datetime", '"2024-13-45T99:99:99.0000000Z"', "2024-13-45T99:99:99.0000000Z"],
        ["timespan", '"25:61:00"', "25:61:00"],
        ["timespan", '"-1.02:03:04"', -93784000],
    ];
    assert.deepEqual(await valuesOf(t, cells), cells.map(([, , expected]) => expected));
});

test("a dynamic value is read whatever it holds", async (t) => {
    const long = 12345678901234567890n;
    const length = 16_000_000;
    const deep = 20_000;
    const cells = [
        ["dynamic", `{"s":"\\ud8001234567890123456","n":${long},"__proto__":[${long}]}`],
        ["dynamic", `["\\\\",${long},"\\\\\\"${long}",1e-${long},-${long}]`],
        ["dynamic", `["${"x".repeat(length)}",${long}]`],
        ["dynamic", `${"[".repeat(deep)}${long}${"]".repeat(deep)}`],
    ];
    const [first, second, third, fourth] = await valuesOf(t, cells);
    assert.deepEqual(Object.entries(first), [
        ["s", "\ud8001234567890123456"],
        ["n", long],
        ["__proto__", [long]],
    ]);
    assert.deepEqual(second, ["\\", long, `\\"${long}`, 0, -long]);
    assert.equal(third[0].length, length);
    assert.equal(third[1], long);
    let inside = fourth;
    for (let depth = 0; depth < deep; depth++) {
        [inside] = inside;
    }
    assert.equal(inside, long);
});

// Commands, queries, and what they answer.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import test from "node:test";
import { inspect } from "node:util";

import { Client, ClientRequestProperties, CommandGenerator, IngestClient, KustoConnectionStringBuilder } from "@kusto-ingest/native";

import { connection, database, failed, limit, newClient, newTable } from "./bed.mjs";

const everyType =
    'print b=true, i=int(-7), l=long(9007199254740993), small=long(9007199254740991), r=real(1.5), s="t", ' +
    "d=datetime(2026-01-02T03:04:05.6789012Z), ts=timespan(1.02:03:04.5), g=guid(74be27de-1e4e-49d9-b579-fe0b331d3642), " +
    'dec=decimal(1.25), dyn=dynamic({"a":[1]}), n=long(null), nan=real(nan), inf=real(-inf)';

test("types", async (t) => {
    const client = newClient(t);
    const { primaryResults, tables, tableNames } = await client.executeQuery(null, everyType, null, limit);
    const [table] = primaryResults;
    assert.ok(tables.length >= 1 && tableNames.includes(table.name));
    assert.deepEqual(table.columns.slice(0, 3).map(({ name, type, ordinal }) => [name, type, ordinal]), [
        ["b", "bool", 0],
        ["i", "int", 1],
        ["l", "long", 2],
    ]);
    const [row] = table.rows();
    const expected = {
        b: true,
        i: -7,
        l: 9007199254740993n,
        small: 9007199254740991,
        r: 1.5,
        s: "t",
        d: new Date("2026-01-02T03:04:05.678Z"),
        ts: (((24 + 2) * 60 + 3) * 60 + 4.5) * 1000,
        g: "74be27de-1e4e-49d9-b579-fe0b331d3642",
        dec: "1.25",
        dyn: { a: [1] },
        n: null,
        nan: NaN,
        inf: -Infinity,
    };
    assert.deepEqual({ ...row }, expected);
    assert.deepEqual([...row.values()], Object.values(expected));
    assert.equal(row.getValueAt(2), 9007199254740993n);
    assert.equal(row.raw[6], "2026-01-02T03:04:05.6789012Z");
    assert.equal(row.raw[11], null);
    assert.equal(JSON.parse(table.toString()).data[0].l, "9007199254740993");
    assert.equal(table.row(1), undefined);
    assert.equal(table.length, 1);
});

test("what the console shows", async (t) => {
    const client = newClient(t);
    const { primaryResults } = await client.executeQuery(null, "range Id from 0 to 119 step 1 | extend Text = 'x'", null, limit);
    const [table] = primaryResults;
    const shown = inspect(table);
    assert.match(shown, /KustoResultTable '.*' \(120 rows\) \[\n  \{ Id: 0, Text: 'x' \},/);
    assert.match(shown, /\{ Id: 99, Text: 'x' \},\n  \.\.\. 20 more items\n\]$/);
    assert.match(inspect({ a: { b: table } }), /b: \[KustoResultTable '.*' \(120 rows\)\]/);
    const error = await failed(client.executeQuery(null, "nothing", null, limit), "SERVICE");
    assert.match(inspect(error), /^KustoError: [^]*code: 'SERVICE'/);
    assert.doesNotMatch(inspect(error), /undefined/);
});

test("a service that is not there", async (t) => {
    const client = new Client("Data Source=http://127.0.0.1:1;Fed=False");
    t.after(() => client.close());
    const { cause, host } = await failed(client.executeQuery("D", "print 1", null, limit), "NETWORK");
    assert.deepEqual([cause.code, host], ["ECONNREFUSED", "127.0.0.1:1"]);
});

test("dates and timespans as one likes them", async (t) => {
    const client = newClient(t);
    const { primaryResults } = await client.executeQuery(null, "print d=datetime(2026-01-01), ts=-2d", null, limit);
    const [table] = primaryResults;
    table.dateTimeParser = (text) => text;
    table.timeSpanParser = (text) => ({ text });
    assert.deepEqual({ ...table.row(0) }, { d: "2026-01-01T00:00:00.0000000Z", ts: { text: "-2.00:00:00" } });
});

test("columns may have any name", async (t) => {
    const client = newClient(t);
    const names = ["__proto__", "raw", "toJSON", "values", "columns", "getValueAt", "toString", "hasOwnProperty", "x"];
    const text = `print ${names.map((name, index) => `['${name}']=${index}`).join(", ")}`;
    const { primaryResults } = await client.executeQuery(null, text, null, limit);
    const [table] = primaryResults;
    const row = table.row(0);
    const numbers = [...names.keys()];
    // The row's own members are what they are in every row.
    assert.deepEqual(Object.keys(row), ["__proto__", "hasOwnProperty", "x"]);
    assert.deepEqual([...row.values()], numbers);
    assert.deepEqual(names.map((_, index) => row.getValueAt(index)), numbers);
    assert.deepEqual(row.raw, numbers.map(String));
    assert.deepEqual(Object.entries(row.toJSON()), names.map((name, index) => [name, index]));
    assert.equal(JSON.stringify(table), JSON.stringify({ name: table.name, data: [row.toJSON()] }));
});

test("an address that names a role is used as it is, but for ingesting", async (t) => {
    const host = async (Kind) => {
        const client = new Kind("https://ingest-nowhere.invalid");
        t.after(() => client.close());
        return (await failed(client.execute("D", ".show tables", null, limit), "NETWORK")).host;
    };
    assert.equal(await host(Client), "ingest-nowhere.invalid");
    assert.equal(await host(IngestClient), "nowhere.invalid");
});

test("a dynamic value is what the service wrote", async (t) => {
    const client = newClient(t);
    const text =
        'print a=dynamic("123"), b=dynamic(123), c=dynamic("true"), d=dynamic(true), e=dynamic("[1,2]"), f=dynamic([1,2]), ' +
        'g=dynamic(""), h=dynamic({"n":9007199254740993,"s":"9007199254740993 \\"12345678901234567890\\"","r":1.5,"l":[-9223372036854775808]})';
    const { primaryResults } = await client.executeQuery(null, text, null, limit);
    const row = primaryResults[0].row(0);
    const nested = { n: 9007199254740993n, s: '9007199254740993 "12345678901234567890"', r: 1.5, l: [-9223372036854775808n] };
    assert.deepEqual([...row.values()], ["123", 123, "true", true, "[1,2]", [1, 2], "", nested]);
    assert.deepEqual(row.raw.slice(0, 4), ['"123"', "123", '"true"', "true"]);
    assert.deepEqual(JSON.parse(JSON.stringify(row)).h, { ...nested, n: "9007199254740993", l: ["-9223372036854775808"] });
});

test("parameters and options", async (t) => {
    const client = newClient(t);
    const properties = new ClientRequestProperties({ notruncation: true }, { s: "it's" }, "KNC.test;request");
    properties.setParameter("n", 41);
    properties.setParameter("big", 9007199254740993n);
    properties.setParameter("d", new Date("2026-01-01T00:00:00Z"));
    properties.setParameter("b", true);
    properties.setTimeout(60_000);
    const text = "declare query_parameters(n:long, s:string, big:long, d:datetime, b:bool); print n, s, big, d, b";
    const { primaryResults } = await client.executeQuery(null, text, properties, limit);
    assert.deepEqual([...primaryResults[0].row(0).values()], [41, "it's", 9007199254740993n, new Date("2026-01-01Z"), true]);
    assert.equal(properties.getOption("notruncation"), true);
    assert.equal(properties.getParameter("missing", 7), 7);
    assert.equal(properties.getTimeout(), 60_000);
    const error = await failed(client.executeQuery(null, "nonsense |", properties, limit), "SERVICE");
    assert.equal(error.clientRequestId, "KNC.test;request");
    properties.clearOptions();
    properties.clearParameters();
    properties.setOption("servertimeout", "00:01:00");
    assert.equal((await client.executeQuery(null, "print 1", properties, limit)).primaryResults[0].length, 1);
});

test("case does not count in the names of options", async (t) => {
    let body;
    const server = createServer(async (request, response) => {
        body = JSON.parse(await text(request));
        response.writeHead(400).end();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => server.close());
    const client = new Client(`Data Source=http://127.0.0.1:${server.address().port};Fed=False`);
    t.after(() => client.close());
    const sent = async (properties) => {
        await failed(client.executeQuery("D", "print 1", properties, limit), "SERVICE");
        return body.properties.Options;
    };

    const asMilliseconds = new ClientRequestProperties({ ServerTimeout: 60_000 });
    assert.deepEqual(await sent(asMilliseconds), { servertimeout: "00:01:00" });
    assert.equal(asMilliseconds.getTimeout(), 60_000);
    asMilliseconds.setAdditionalOption(" serverTimeout", 90_000);
    assert.deepEqual(await sent(asMilliseconds), { servertimeout: "00:01:30" });
    asMilliseconds.setAdditionalOption("SERVERTIMEOUT", "2m");
    assert.deepEqual(await sent(asMilliseconds), { servertimeout: "2m" });
    asMilliseconds.setTimeout(30_000);
    assert.deepEqual(await sent(asMilliseconds), { servertimeout: "00:00:30" });

    const others = new ClientRequestProperties({ NoTruncation: false, servertimeout: 60_000 });
    others.setOption("notruncation", true);
    others.setAdditionalOption("Of_Tomorrow", 1);
    others.setAdditionalOption("of_tomorrow", 2);
    assert.equal(others.getOption("OF_TOMORROW"), 2);
    assert.deepEqual(await sent(others), { notruncation: true, of_tomorrow: 2, servertimeout: "00:01:00" });
    others.clearOptions();
    assert.equal(others.getOption("notruncation", "none"), "none");
    for (const wrong of [(empty) => empty.setAdditionalOption(" ", 1), (empty) => empty.setOption("", 1), (empty) => empty.setParameter("", 1)]) {
        const empty = new ClientRequestProperties();
        wrong(empty);
        await failed(client.executeQuery("D", "print 1", empty, limit), "INVALID_ARGUMENT");
    }
});

test("several tables and a large answer", async (t) => {
    const client = newClient(t);
    const { primaryResults } = await client.executeQuery(null, "range Id from 1 to 50000 step 1", null, limit);
    let sum = 0;
    for (const { Id } of primaryResults[0]) {
        sum += Id;
    }
    assert.equal(sum, (50000 * 50001) / 2);
});

test("either way", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const shown = await client.execute(database, ".show tables", null, limit);
    const names = Array.from(shown.primaryResults[0].rows(), (row) => row.TableName);
    assert.ok(names.includes(table));
    const { primaryResults } = await client.execute(undefined, `['${table}'] | count`, undefined, limit);
    assert.equal(primaryResults[0].row(0).Count, 0);
    await client.executeMgmt(null, CommandGenerator.dropTable(table, { ifExists: true }), null, limit);
});

test("the database of the connection string", async (t) => {
    const client = new Client(new KustoConnectionStringBuilder(`${connection.replace(/;Initial Catalog=[^;]*/, "")};Initial Catalog=${database}`));
    t.after(() => client.close());
    assert.equal(client.defaultDatabase, database);
    const { primaryResults } = await client.execute(null, ".show tables", null, limit);
    assert.ok(primaryResults[0].columns.some(({ name }) => name === "TableName"));
});

test("the text of commands", async () => {
    const generator = CommandGenerator;
    const columns = [{ name: "it's", type: "System.Int64" }];
    assert.equal(generator.createTable("a b", columns), String.raw`.create table ['a b'] (['it\'s']:long)`);
    assert.match(generator.createMergeTable("T", columns), /^\.create-merge table/);
    assert.equal(generator.dropTable("T"), ".drop table ['T']");
    assert.equal(generator.clearTable("T"), ".clear table ['T'] data");
    assert.match(generator.alterMergeBatchingPolicy("T", { timeSpan: 10_500, items: 7, rawSizeMB: 100 }), /00:00:10\.5.*7.*100/);
    assert.match(generator.refreshBatchingPolicyCache("D", "T"), /^\.refresh database/);
    assert.equal(generator.stringLiteral('a"b'), String.raw`"a\"b"`);
    assert.match(generator.obfuscatedLiteral("secret"), /^h"/);
    await failed(() => generator.createTable("T", []), "INVALID_ARGUMENT");
    await failed(() => generator.createTable("T", [{ name: "a", type: "b" }]), "INVALID_ARGUMENT");
    await failed(() => generator.createMapping("T", "Csv", "m", "{}"), "INVALID_ARGUMENT");
    await failed(() => generator.createMapping("T", "Cvs", "m", "[]"), "INVALID_ARGUMENT");
    await failed(() => generator.alterMergeBatchingPolicy("T", {}), "INVALID_ARGUMENT");
    await failed(() => generator.identifier(" "), "INVALID_ARGUMENT");
});

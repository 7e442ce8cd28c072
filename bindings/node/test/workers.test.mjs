// Worker threads: each has an own half of the package; the native threads are shared.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";

import { arm, ask, count, eventually, fired, message, newClient, newTable, posted, resetTraffic, stalledUploads, work } from "./bed.mjs";

test("two workers ingest at once", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    const text = `
        const client = new kusto.IngestClient(workerData.connection, { database: workerData.database, table: workerData.table,
            flushImmediately: true, reportLevel: 2, reportMethod: 1 });
        const results = await Promise.all(Array.from({ length: 10 }, (_, n) => client.ingestFromStream([n + ",x\\n"])));
        await Promise.all(results.map((result) => result.wait({ interval: 20 })));
        parentPort.postMessage(results.length);`;
    const workers = [work(text, { table }), work(text, { table })];
    const exits = workers.map((worker) => once(worker, "exit"));
    assert.deepEqual(await Promise.all(workers.map(message)), [10, 10]);
    // They end by themselves: their clients were not closed.
    assert.deepEqual(await Promise.all(exits), [[0], [0]]);
    assert.equal(await count(client, table), 20);
});

test("a worker is terminated with work in flight", async (t) => {
    const client = newClient(t);
    const table = await newTable(client);
    await resetTraffic();
    await arm(t, stalledUploads);
    const text = `
        const kcsb = kusto.KustoConnectionStringBuilder.withTokenProvider(workerData.connection, async () => "t");
        const client = new kusto.IngestClient(kcsb, { database: workerData.database, table: workerData.table });
        kusto.setLog(kusto.LogLevel.Trace, () => {});
        const endless = async function* () { for (;;) { yield Buffer.alloc(65536, "1,one\\n"); } };
        const large = Buffer.alloc(16 * 1024 * 1024, "1,one\\n");
        const options = { onProgress: () => {} };
        client.ingestFromBuffer(large, null, options).catch(() => {});
        client.ingestFromStream(endless(), null, options).catch(() => {});
        client.executeQuery(null, "print 1").catch(() => {});
        parentPort.postMessage("begun");`;
    for (let round = 0; round < 5; round++) {
        const before = (await fired())[0];
        const worker = work(text, { table });
        await message(worker);
        if (round % 2 === 0) {
            await eventually("an upload stalls", async () => (await fired())[0] > before);
        }
        await worker.terminate();
    }
    // The workers' ingestions were cancelled: nothing is posted, and the library still works.
    await ask("DELETE", "faults");
    const { primaryResults } = await client.executeQuery(null, "print 7");
    assert.equal(primaryResults[0].row(0).getValueAt(0), 7);
    assert.equal(await count(client, table), 0);
    assert.equal(await posted(), 0);
});

test("a worker is terminated while a token is asked for", async () => {
    const text = `
        const kcsb = kusto.KustoConnectionStringBuilder.withTokenProvider(workerData.connection, () => {
            parentPort.postMessage("asked");
            return new Promise(() => {});
        });
        new kusto.IngestClient(kcsb).warmUp().catch(() => {});`;
    const worker = work(text);
    assert.equal(await message(worker), "asked");
    await worker.terminate();
});

test("a process whose workers alone load the package", async () => {
    const entry = JSON.stringify(new URL("../index.cjs", import.meta.url).pathname);
    const text = `
        const { Worker } = require("node:worker_threads");
        const code = \`
            const kusto = require(${entry.replaceAll("\\", "\\\\")});
            const client = new kusto.IngestClient(process.env.KUSTO_CONNECTION_STRING);
            client.warmUp().then(() => require("node:worker_threads").parentPort.postMessage("warm"), () => {});
            client.executeQuery("NetDefaultDB", "print 1").catch(() => {});
        \`;
        (async () => {
            for (let n = 0; n < 6; n++) {
                const worker = new Worker(code, { eval: true });
                if (n % 2 === 0) await new Promise((resolve) => worker.once("message", resolve));
                await worker.terminate();
            }
            console.log("done");
        })();`;
    const child = spawn(process.execPath, ["--eval", text], { stdio: ["ignore", "pipe", "inherit"] });
    const said = [];
    child.stdout.on("data", (data) => said.push(data));
    assert.deepEqual(await once(child, "close"), [0, null]);
    assert.equal(said.join(""), "done\n");
});

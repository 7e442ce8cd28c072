// A client of the emulator: what an SDK does, without an SDK.

import { randomUUID } from "node:crypto";

export const engine = process.env.KUSTO_TEST_ENGINE;
export const database = process.env.KUSTO_TEST_DATABASE;

async function succeeded(url, options) {
    const reply = await fetch(url, options);
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${reply.status}: ${text}`);
    return text;
}

/** The rows of a command's answer. */
export async function command(csl) {
    const body = JSON.stringify({ db: database, csl });
    const headers = { "content-type": "application/json" };
    return JSON.parse(await succeeded(`${engine}/v1/rest/mgmt`, { method: "POST", headers, body })).Tables[0].Rows;
}

/** Uploads a blob and posts the message that asks for its ingestion; gives the source's id. */
export async function ingest(table, name, content, properties) {
    const resources = new Map((await command(".get ingestion resources")).map(([kind, url]) => [kind, url]));
    const [[token]] = await command(".get kusto identity token");
    const id = randomUUID();
    const [container, signature] = resources.get("TempStorage").split("?");
    const blob = `${container}/${id}__${name}?${signature}`;
    const headers = { "x-ms-version": "2021-12-02" };
    await succeeded(blob, { method: "PUT", headers: { ...headers, "x-ms-blob-type": "BlockBlob" }, body: content });
    const message = JSON.stringify({
        Id: id,
        BlobPath: blob,
        DatabaseName: database,
        TableName: table,
        RawDataSize: content.length,
        RetainBlobOnSuccess: true,
        AdditionalProperties: { authorizationContext: token, ...properties },
    });
    const text = Buffer.from(message).toString("base64");
    const queue = resources.get("SecuredReadyForAggregationQueue").replace("?", "/messages?");
    const body = `<QueueMessage><MessageText>${text}</MessageText></QueueMessage>`;
    await succeeded(queue, { method: "POST", headers, body });
    return id;
}

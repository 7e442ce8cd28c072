// Every login of Microsoft's own Node SDK that can be tried on one machine, unmodified, at the local Entra ID: by the real
// names, through the emulator's proxy. The tests start the program again with the environment that leads there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const CLUSTER = "https://help.kusto.windows.net";
const TENANT = "11111111-1111-1111-1111-111111111111";
const APP = "22222222-2222-2222-2222-222222222222";
const ASSIGNED = "33333333-0000-0000-0000-000000000002";

const LOGINS = {
    key: (kcsb) => kcsb.withAadApplicationKeyAuthentication(CLUSTER, APP, "secret1", TENANT),
    wrong: (kcsb) => kcsb.withAadApplicationKeyAuthentication(CLUSTER, APP, "wrong", TENANT),
    password: (kcsb) => kcsb.withAadUserPasswordAuthentication(CLUSTER, "alice@contoso.test", "pa$$ w%rd", TENANT),
    device: (kcsb) => kcsb.withAadDeviceAuthentication(CLUSTER, TENANT),
    system: (kcsb) => kcsb.withSystemManagedIdentity(CLUSTER),
    assigned: (kcsb) => kcsb.withUserManagedIdentity(CLUSTER, ASSIGNED),
};

/** In the child: one login and one query. */
async function logIn(name) {
    const { Client, KustoConnectionStringBuilder } = await import("azure-kusto-data");
    const client = new Client(LOGINS[name](KustoConnectionStringBuilder));
    const answer = await client.execute("NetDefaultDB", "print 42");
    assert.equal([...answer.primaryResults[0].rows()][0].toJSON().print_0, 42);
    process.exit(0);
}

/** The parent's half: an emulator, and a child for each login. */
function parent() {
    let emulator;
    let ready;

    before(async () => {
        const flags = ["--port", "0", "--entra", "--tls", "--tls-name", "help.kusto.windows.net", "--login-proxy-port", "0"];
        emulator = spawn(process.env.KUSTO_TEST_EMULATOR, flags, { stdio: ["ignore", "pipe", "inherit"] });
        for await (const line of createInterface(emulator.stdout)) {
            if (line.startsWith("READY ")) {
                ready = JSON.parse(line.slice("READY ".length));
                break;
            }
        }
        emulator.stdout.resume();
        const directory = await control("GET", "directory");
        directory.tokens.pollSeconds = 1;
        await control("PUT", "directory", directory);
    });

    after(async () => {
        emulator.kill("SIGTERM");
        const [status] = await once(emulator, "exit");
        assert.equal(status, 0);
    });

    /** Through a program, since this one does not trust the emulator's certificate. */
    async function control(method, path, body) {
        const script = `
            const [url, method, body] = process.argv.slice(1);
            const answer = await fetch(url, { method, body: body || undefined });
            if (!answer.ok) throw new Error(method + " " + url + " " + answer.status);
            process.stdout.write(await answer.text());`;
        const url = `${ready.engine}/emulator/v1/entra/${path}`;
        const child = spawn(process.execPath, ["--input-type=module", "-e", script, url, method, body ? JSON.stringify(body) : ""], {
            env: { ...process.env, NODE_EXTRA_CA_CERTS: ready.ca_file },
            stdio: ["ignore", "pipe", "inherit"],
        });
        const { status, text } = await ended(child);
        assert.equal(status, 0);
        return text && JSON.parse(text);
    }

    async function ended(child, onText = () => {}) {
        let text = "";
        for (const stream of [child.stdout, child.stderr].filter(Boolean)) {
            stream.setEncoding("utf8").on("data", (piece) => onText((text += piece)));
        }
        const [status] = await once(child, "close");
        return { status, text };
    }

    function child(name, environment = {}) {
        return spawn(process.execPath, [fileURLToPath(import.meta.url), name], {
            env: {
                ...process.env,
                // One of a test runner makes it speak the runner's protocol.
                NODE_TEST_CONTEXT: undefined,
                NODE_EXTRA_CA_CERTS: ready.ca_file,
                HTTPS_PROXY: ready.login_proxy,
                // It would ask for the machine's tokens through the proxy as well.
                NO_PROXY: "127.0.0.1",
                ...environment,
            },
        });
    }

    async function answers(name, environment) {
        const { status, text } = await ended(child(name, environment));
        assert.equal(status, 0, text);
    }

    test("the key of an application", () => answers("key"));

    test("a wrong key is named", async () => {
        const { status, text } = await ended(child("wrong"));
        assert.notEqual(status, 0);
        assert.match(text, /AADSTS7000215/);
    });

    test("user and password", () => answers("password"));

    test("a device code", async () => {
        const running = child("device");
        let approved;
        const { status, text } = await ended(running, (said) => {
            const code = /code ([A-Z0-9-]+) /.exec(said)?.[1];
            if (code !== undefined && approved === undefined) {
                approved = control("POST", `devices/${code}`, { action: "approve", user: "alice" });
            }
        });
        await approved;
        assert.equal(status, 0, text);
    });

    test("the managed identities of a virtual machine", async () => {
        const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: ready.identity };
        await answers("system", environment);
        await answers("assigned", environment);
    });

    test("the managed identity of App Service", () =>
        answers("system", { IDENTITY_ENDPOINT: `${ready.identity}/msi/token`, IDENTITY_HEADER: "emulated-identity-header" }));
}

if (process.argv[2] === undefined) {
    parent();
} else {
    await logIn(process.argv[2]);
}

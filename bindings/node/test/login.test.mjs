// Logins, and that nothing secret is shown.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";
import { inspect } from "node:util";

import { IngestClient, KustoConnectionStringBuilder, KustoCredential, LogLevel, setLog } from "@kusto-ingest/native";

import { arm, connection, failed, ingested, limit, newClient, newTable, now, single, twoRows } from "./bed.mjs";

const { withAccessToken, withTokenCredential, withTokenProvider } = KustoConnectionStringBuilder;
const require = createRequire(import.meta.url);
const { passes } = require("../lib/token-failure.js");
const { KustoError } = require("../lib/error.js");
const inAnHour = () => Date.now() + 3_600_000;

test("a token provider is asked once for a token that lasts", async (t) => {
    const asked = [];
    const kcsb = withTokenProvider(connection, async (scopes, options) => {
        asked.push([scopes, options]);
        return { token: "a-token", expiresOnTimestamp: inAnHour() };
    });
    const client = newClient(t, { kcsb });
    assert.equal(await single(client, "print 1"), 1);
    const table = await newTable(client);
    await ingested(client.ingestFromBuffer(twoRows, now(table)));
    assert.equal(asked.length, 1);
    const [[scopes, { abortSignal, tenantId }]] = asked;
    assert.match(scopes[0], /\/\.default$/);
    assert.equal(tenantId, undefined);
    assert.equal(abortSignal.aborted, false);
    await client.close();
    assert.equal(abortSignal.aborted, true);
});

test("a login replaces that of the connection string, and its secret is not shown", async (t) => {
    const text = "https://h.example;UserToken=of-the-text";
    const logins = [
        KustoConnectionStringBuilder.withAadApplicationKeyAuthentication(text, "app", "very-secret-key", "tenant"),
        KustoConnectionStringBuilder.withSystemManagedIdentity(text),
        KustoConnectionStringBuilder.withUserManagedIdentity(text, "11111111-2222-3333-4444-555555555555"),
        KustoConnectionStringBuilder.withAzLoginIdentity(text, null),
        KustoConnectionStringBuilder.withDefaultLogin(text),
        KustoConnectionStringBuilder.withAadUserPasswordAuthentication(text, "alice@contoso.test", "very-secret-password", "contoso.test"),
        KustoConnectionStringBuilder.withAadDeviceAuthentication(text, "contoso.test", () => {}),
        KustoConnectionStringBuilder.withUserPrompt(text, { tenantId: "contoso.test", loginHint: "alice@contoso.test" }),
    ];
    for (const kcsb of logins) {
        // Two logins, or half of one, would be an error of the constructor.
        await new IngestClient(kcsb).close();
        await new IngestClient(KustoConnectionStringBuilder.fromExisting(kcsb)).close();
        assert.doesNotMatch(inspect(kcsb, { showHidden: true, depth: 9 }) + JSON.stringify(kcsb), /very-secret/);
    }
    const { withAadApplicationKeyAuthentication, withUserManagedIdentity } = KustoConnectionStringBuilder;
    assert.throws(() => withAadApplicationKeyAuthentication(text, "app", ""), { argument: "appKey" });
    assert.throws(() => withUserManagedIdentity(text), { argument: "clientId" });
    const { withUserPrompt, withAadDeviceAuthentication, withAadApplicationCertificateAuthentication } = KustoConnectionStringBuilder;
    assert.throws(() => withUserPrompt(text, { tennant: "x" }), { argument: "options.tennant" });
    assert.throws(() => withAadDeviceAuthentication(text, null, "no function"), { argument: "deviceCodeCallback" });
    const broken = withAadApplicationCertificateAuthentication(text, "app", "no PEM", "tenant");
    assert.throws(() => new IngestClient(broken), { code: "CONFIG" });
    const noTenant = withAadApplicationKeyAuthentication(text, "app", "very-secret-key");
    assert.throws(() => new IngestClient(noTenant), { argument: "Authority Id" });
});

test("a provider of plain texts is asked again", async (t) => {
    let asked = 0;
    const client = newClient(t, { kcsb: withTokenProvider(connection, async () => `token-${++asked}`) });
    await single(client, "print 1");
    await single(client, "print 2");
    assert.equal(asked, 2);
});

test("a credential of @azure/identity", async (t) => {
    const credential = {
        token: "a-token",
        async getToken() {
            return { token: this.token, expiresOnTimestamp: inAnHour() };
        },
    };
    const client = newClient(t, { kcsb: withTokenCredential(`${connection};Authority Id=contoso`, credential) });
    assert.equal(await single(client, "print 3"), 3);
});

test("credentials of this package", async () => {
    const text = "https://h.example;UserToken=of-the-text";
    const application = KustoCredential.clientSecret("tenant", "app", "very-secret-key");
    const credentials = [
        application,
        KustoCredential.clientAssertion(null, "app", async () => "an-assertion"),
        KustoCredential.workloadIdentity({ tokenFilePath: "/file" }),
        KustoCredential.onBehalfOf(application, "very-secret-token"),
        KustoCredential.onBehalfOf(KustoCredential.clientAssertion("tenant", "app", async () => "an-assertion"), "very-secret-token"),
        KustoCredential.managedIdentity(),
        KustoCredential.managedIdentity({ clientId: "id" }),
        KustoCredential.managedIdentity({ objectId: "id" }),
        KustoCredential.managedIdentity({ resourceId: "/subscriptions/s" }),
        KustoCredential.environment(),
        KustoCredential.azureCli(),
        KustoCredential.azureDeveloperCli(),
        KustoCredential.defaultAzure(),
        KustoCredential.chainedToken(KustoCredential.azureCli(), application),
    ];
    for (const credential of credentials) {
        const kcsb = withTokenCredential(text, credential);
        await new IngestClient(kcsb).close();
        assert.doesNotMatch(inspect(kcsb, { showHidden: true, depth: 9 }) + inspect(credential, { showHidden: true }), /very-secret/);
    }
    const broken = withTokenCredential(text, KustoCredential.clientCertificate("tenant", "app", "no PEM", { sendCertificateChain: true }));
    assert.throws(() => new IngestClient(broken), { code: "CONFIG" });
    assert.throws(() => KustoCredential.onBehalfOf(KustoCredential.azureCli(), "token"), { argument: "application" });
    assert.throws(() => KustoCredential.managedIdentity({ clientId: "a", objectId: "b" }), { argument: "objectId" });
    assert.throws(() => KustoCredential.clientAssertion("tenant", "app", "text"), { argument: "getAssertion" });
    assert.throws(() => KustoCredential.chainedToken({}), { argument: "credential" });
    assert.throws(() => new KustoCredential(), TypeError);
});

test("an empty tenant is that of the connection string", async (t) => {
    const text = "https://h.example;Authority Id=contoso.test";
    await new IngestClient(KustoConnectionStringBuilder.withAadApplicationKeyAuthentication(text, "app", "very-secret-key", "")).close();
    const elsewhere = `${connection};Fed=true;Authority Id=contoso.test;Login Endpoint=http://127.0.0.1:9`;
    const kcsb = withTokenCredential(elsewhere, KustoCredential.clientSecret("", "app", "very-secret-key"));
    const error = await failed(newClient(t, { kcsb }).warmUp(limit), "NETWORK");
    assert.equal(error.step, "acquire token");
});

test("a chain uses the first login that is at hand, and the error of its own is the cause", async (t) => {
    const absent = KustoCredential.workloadIdentity({ clientId: "app" });
    let token = async () => ({ token: "a-token", expiresOnTimestamp: inAnHour() });
    const chain = KustoCredential.chainedToken(absent, { getToken: () => token() });
    const client = newClient(t, { kcsb: withTokenCredential(connection, chain) });
    assert.equal(await single(client, "print 1"), 1);
    const refused = new Error("no login today");
    token = async () => {
        throw refused;
    };
    const other = newClient(t, { kcsb: withTokenCredential(connection, chain) });
    assert.equal((await failed(other.warmUp(limit), "AUTH")).cause, refused);
});

test("a fixed token", async (t) => {
    const client = newClient(t, { kcsb: KustoConnectionStringBuilder.fromExisting(withAccessToken(connection, "a-token")) });
    assert.equal(await single(client, "print 4"), 4);
});

test("providers that fail", async (t) => {
    const refused = new Error("no login today");
    const busy = Object.assign(new Error("come back"), { retryable: true });
    for (const [name, { provider, retry, cause }] of Object.entries({
        rejects: { provider: async () => Promise.reject(refused), retry: "never", cause: refused },
        throws: { provider: () => { throw refused; }, retry: "never", cause: refused },
        later: { provider: async () => { throw busy; }, retry: "later", cause: busy },
        empty: { provider: async () => "", retry: "never" },
        nothing: { provider: async () => undefined, retry: "never" },
        "no date": { provider: async () => ({ token: "t", expiresOnTimestamp: 1e300 }), retry: "never" },
    })) {
        await t.test(name, async (t) => {
            const client = newClient(t, { kcsb: withTokenProvider(connection, provider) });
            const error = await failed(client.warmUp(limit), "AUTH");
            assert.equal(error.retry, retry);
            assert.equal(error.step, "acquire token");
            if (cause !== undefined) {
                assert.equal(error.cause, cause);
                assert.ok(error.message.includes(cause.message));
            }
        });
    }
});

test("a failure that passes is asked again", async (t) => {
    let asked = 0;
    const provider = async () => {
        asked += 1;
        if (asked < 3) {
            throw Object.assign(new Error("busy"), { statusCode: 503 });
        }
        return { token: "a-token", expiresOnTimestamp: inAnHour() };
    };
    const client = newClient(t, { kcsb: withTokenProvider(connection, provider) });
    assert.equal(await single(client, "print 1"), 1);
    assert.equal(asked, 3);
});

test("which failures pass", () => {
    const error = (members, cause) => Object.assign(new Error("failed", { cause }), members);
    const circle = error({});
    circle.cause = circle;
    for (const [thrown, expected] of [
        [error({ retryable: true }), true],
        [error({ retryable: false, statusCode: 503 }), true],
        [error({ retryable: false }, error({ statusCode: 503 })), false],
        [error({ statusCode: 408 }), true],
        [error({ statusCode: 429 }), true],
        [error({ status: 500 }), true],
        [error({ statusCode: 401 }), false],
        [error({}, error({ statusCode: 502 })), true],
        [error({ statusCode: 400 }, error({ code: "ECONNRESET" })), false],
        [error({ code: "REQUEST_SEND_ERROR" }), true],
        [new TypeError("fetch failed", { cause: error({ code: "ECONNREFUSED" }) }), true],
        [new AggregateError([error({}), error({ code: "ETIMEDOUT" })]), true],
        [AbortSignal.timeout(0).reason ?? new DOMException("late", "TimeoutError"), true],
        [error({ code: "ENOENT" }), false],
        [new KustoError({ code: "SERVICE", message: "x", retry: "later" }), true],
        [new KustoError({ code: "SERVICE", message: "x", retry: "never" }), false],
        [new KustoError({ code: "SERVICE", message: "x" }), false],
        [circle, false],
        [{ get cause() { throw circle; } }, false],
        ["text", false],
        [undefined, false],
    ]) {
        assert.equal(passes(thrown), expected, inspect(thrown));
    }
});

test("a provider that waits ends with its client", async (t) => {
    let ended;
    const asked = new Promise((resolve) => {
        const kcsb = withTokenProvider(connection, (_, { abortSignal }) => {
            resolve();
            return new Promise((_, reject) => abortSignal.addEventListener("abort", () => reject((ended = abortSignal.reason))));
        });
        const client = newClient(t, { kcsb });
        t.warming = client.warmUp();
        t.client = client;
    });
    await asked;
    const closing = t.client.close();
    await failed(t.warming, "CANCELLED");
    await closing;
    assert.ok(ended);
});

test("a token is not sent to an unknown host", async (t) => {
    const client = newClient(t, { kcsb: withAccessToken("https://example.com", "t") });
    const error = await failed(client.warmUp(limit), "CONFIG");
    assert.equal(error.step, "check trusted endpoint");
});

test("secrets are not shown", async (t) => {
    const secret = "very-secret";
    const kcsb = new KustoConnectionStringBuilder(`https://a.kusto.windows.net;Fed=true;UserToken=${secret}`);
    const token = withAccessToken("https://a.kusto.windows.net", secret);
    const client = newClient(t, { kcsb: token });
    for (const shown of [`${kcsb}`, inspect(kcsb), JSON.stringify({ kcsb }), inspect(token), inspect(client, { showHidden: true, depth: 9 })]) {
        assert.ok(!shown.includes(secret), shown);
    }
    assert.match(`${kcsb}`, /a\.kusto\.windows\.net.*\*\*\*\*/);
    assert.equal(kcsb.dataSource, "https://a.kusto.windows.net/");
    assert.equal(kcsb.initialCatalog, KustoConnectionStringBuilder.DefaultDatabaseName);
    const error = await failed(() => new KustoConnectionStringBuilder(`${secret}=1;${connection}`), "CONFIG");
    assert.equal(error.permanent, true);
    const leaking = withTokenProvider(connection, async () => {
        throw new Error(`refused: Bearer ${secret}`);
    });
    const refused = await failed(newClient(t, { kcsb: leaking }).warmUp(limit), "AUTH");
    assert.ok(!refused.message.includes(secret));
});

test("the log", async (t) => {
    const lines = [];
    setLog(LogLevel.Trace, (level, target, message) => lines.push([level, target, message]));
    t.after(() => setLog(LogLevel.Off));
    const client = newClient(t, { kcsb: withAccessToken(connection, "very-secret") });
    const table = await newTable(client);
    await arm(t, { service: "blob", times: 1, fault: { kind: "cut", when: "before" } });
    const result = await ingested(client.ingestFromBuffer(twoRows, now(table)));
    const text = lines.map((line) => line.join(" ")).join("\n");
    assert.ok(text.includes(result.sourceId));
    assert.doesNotMatch(text, /very-secret|sig=[^*]/);
    assert.ok(lines.every(([level, target]) => level >= LogLevel.Error && target.startsWith("kusto_ingest")));
    setLog(LogLevel.Error, null);
    const before = lines.length;
    await ingested(client.ingestFromBuffer(twoRows, now(table)));
    assert.equal(lines.length, before);
    await failed(() => setLog(9, () => {}), "INVALID_ARGUMENT");
    await failed(() => setLog(LogLevel.Info, "text"), "INVALID_ARGUMENT");
});

test("names in the service's logs and settings", async (t) => {
    const kcsb = new KustoConnectionStringBuilder(connection);
    kcsb.applicationNameForTracing = "tests";
    kcsb.userNameForTracing = "somebody";
    const client = newClient(t, { kcsb, settings: { "compression level": "small", "compression threads": 1 } });
    assert.equal(await single(client, "print 5"), 5);
    for (const settings of [{ colour: "red" }, { "memory budget": "little" }]) {
        await failed(() => new IngestClient(kcsb, null, { settings }), "CONFIG");
    }
});

"use strict";

const { readFileSync } = require("node:fs");
const { inspect } = require("node:util");

const { checkOptional, checkTexts, credentialOf, ofToken, own } = require("./credential.js");
const { invalidArgument } = require("./error.js");
const { addon, call } = require("./native.js");

/** The part of a builder that only a client may see. */
const loginOf = Symbol("login");
const textOf = Symbol("text");

class KustoConnectionStringBuilder {
    static DefaultDatabaseName = "NetDefaultDB";
    static SecretReplacement = "****";

    #text;
    #login = {};

    constructor(connectionString) {
        if (typeof connectionString !== "string") {
            throw invalidArgument("connectionString", "must be a string");
        }
        const parsed = call(() => addon.parseConnection(connectionString));
        this.#text = connectionString;
        this.dataSource = parsed.dataSource;
        this.initialCatalog = parsed.initialCatalog;
        this.applicationNameForTracing = null;
        this.userNameForTracing = null;
    }

    static withAccessToken(connectionString, accessToken) {
        if (typeof accessToken !== "string" || accessToken.trim() === "") {
            throw invalidArgument("accessToken", "must be a token");
        }
        return withLogin(connectionString, { credential: ofToken(accessToken) });
    }

    static withAadApplicationKeyAuthentication(connectionString, aadAppId, appKey, authorityId) {
        checkTexts({ aadAppId, appKey });
        checkOptional({ authorityId });
        return withKeywords(connectionString, {
            "Application Client Id": aadAppId,
            "Application Key": appKey,
            ...inTenant(authorityId),
        });
    }

    static withAadUserPasswordAuthentication(connectionString, userId, password, authorityId) {
        checkTexts({ userId, password });
        checkOptional({ authorityId });
        return withKeywords(connectionString, { "User ID": userId, Password: password, ...inTenant(authorityId) });
    }

    static withAadDeviceAuthentication(connectionString, authorityId, deviceCodeCallback) {
        checkOptional({ authorityId });
        if (deviceCodeCallback != null && typeof deviceCodeCallback !== "function") {
            throw invalidArgument("deviceCodeCallback", "must be a function");
        }
        const kcsb = withKeywords(connectionString, { Login: "device", ...inTenant(authorityId) });
        Object.assign(kcsb[loginOf], { prompts: true, show: deviceCodeCallback ?? undefined });
        return kcsb;
    }

    static withUserPrompt(connectionString, options) {
        const { tenantId, loginHint, ...unknown } = options ?? {};
        checkOptional({ tenantId, loginHint });
        const [name] = Object.keys(unknown);
        if (name !== undefined) {
            throw invalidArgument(`options.${name}`, "is not known: there are tenantId and loginHint");
        }
        const hint = loginHint == null ? {} : { "User ID": loginHint };
        const kcsb = withKeywords(connectionString, { Login: "interactive", ...inTenant(tenantId), ...hint });
        kcsb[loginOf].prompts = true;
        return kcsb;
    }

    static withAadApplicationCertificateAuthentication(connectionString, aadAppId, applicationCertificatePrivateKey, authorityId, applicationCertificatePath) {
        checkTexts({ aadAppId, applicationCertificatePrivateKey });
        checkOptional({ authorityId, applicationCertificatePath });
        const certificate = applicationCertificatePath == null ? "" : readFileSync(applicationCertificatePath, "utf8");
        return withKeywords(connectionString, {
            "Application Client Id": aadAppId,
            "Application Certificate Blob": `${applicationCertificatePrivateKey}\n${certificate}`,
            ...inTenant(authorityId),
        });
    }

    static withSystemManagedIdentity(connectionString) {
        return withKeywords(connectionString, { "Managed Identity": "system" });
    }

    static withUserManagedIdentity(connectionString, clientId) {
        checkTexts({ clientId });
        return withKeywords(connectionString, { "Managed Identity": `clientid:${clientId}` });
    }

    static withAzLoginIdentity(connectionString, authorityId) {
        checkOptional({ authorityId });
        return withKeywords(connectionString, {
            Login: "azcli",
            ...inTenant(authorityId),
        });
    }

    static withDefaultLogin(connectionString) {
        return withKeywords(connectionString, { Login: "default" });
    }

    static withTokenProvider(connectionString, tokenProvider) {
        if (typeof tokenProvider !== "function") {
            throw invalidArgument("tokenProvider", "must be a function");
        }
        return withLogin(connectionString, { credential: own((scopes, options) => tokenProvider(scopes, options)) });
    }

    static withTokenCredential(connectionString, credential) {
        return withLogin(connectionString, { credential: credentialOf(credential) });
    }

    static fromExisting(other) {
        const copy = withLogin(other.#text, other.#login);
        copy.applicationNameForTracing = other.applicationNameForTracing;
        copy.userNameForTracing = other.userNameForTracing;
        return copy;
    }

    get [textOf]() {
        return this.#text;
    }

    get [loginOf]() {
        return this.#login;
    }

    set [loginOf](login) {
        this.#login = login;
    }

    /** Without secrets. */
    toString() {
        return addon.parseConnection(this.#text).redacted;
    }

    toJSON() {
        return this.toString();
    }

    [inspect.custom]() {
        return `KustoConnectionStringBuilder(${this})`;
    }
}

/** The keywords that make a login of their own: a builder has one. */
const LOGINS = [
    "User Token",
    "Application Token",
    "Application Key",
    "Password",
    "Managed Identity",
    "Login",
    "Application Certificate Blob",
    "Application Certificate Thumbprint",
];

/** Without one, the connection string names the tenant. */
function inTenant(authorityId) {
    return authorityId ? { "Authority Id": authorityId } : {};
}

/** Replaces the login, also one of the connection string. */
function withKeywords(connectionString, keywords) {
    const others = LOGINS.map((name) => [name, ""]);
    return withLogin(connectionString, { keywords: [...others, ...Object.entries(keywords)] });
}

function withLogin(connectionString, login) {
    const kcsb = new KustoConnectionStringBuilder(connectionString);
    kcsb[loginOf] = login;
    return kcsb;
}

/** The builder that an argument is, or whose text it is. */
function builderOf(name, kcsb) {
    const builder = typeof kcsb === "string" ? new KustoConnectionStringBuilder(kcsb) : kcsb;
    if (!(builder instanceof KustoConnectionStringBuilder)) {
        throw invalidArgument(name, `must be a connection string or a KustoConnectionStringBuilder, not ${kcsb === null ? kcsb : typeof kcsb}`);
    }
    return builder;
}

module.exports = { KustoConnectionStringBuilder, builderOf, loginOf, textOf };

"use strict";

const { inspect } = require("node:util");

const { invalidArgument } = require("./error.js");
const { checkOptions } = require("./names.js");

/** What the addon needs to know of a login; its functions are added to a list. */
const planOf = Symbol("plan");

function checkTexts(texts) {
    for (const [name, text] of Object.entries(texts)) {
        if (typeof text !== "string" || text.trim() === "") {
            throw invalidArgument(name, "must be a string that is not empty");
        }
    }
}

function checkOptional(texts) {
    for (const [name, text] of Object.entries(texts)) {
        if (text != null && typeof text !== "string") {
            throw invalidArgument(name, "must be a string");
        }
    }
}

class KustoCredential {
    /** Secrets are in what it refers to: nothing shows them. */
    #plan;

    /** Made by its functions only: `plan` gets the list of the client's functions. */
    constructor(plan) {
        if (typeof plan !== "function") {
            throw new TypeError("KustoCredential is made by its functions, such as KustoCredential.azureCli()");
        }
        this.#plan = plan;
    }

    static clientSecret(tenantId, clientId, clientSecret) {
        checkOptional({ tenantId });
        checkTexts({ clientId, clientSecret });
        return fixed({ kind: "secret", tenant: tenantId, clientId, secret: clientSecret });
    }

    static clientCertificate(tenantId, clientId, certificate, options) {
        checkOptional({ tenantId });
        checkTexts({ clientId, certificate });
        checkOptions(options, ["password", "sendCertificateChain"]);
        checkOptional({ password: options?.password });
        const { password, sendCertificateChain } = options ?? {};
        return fixed({ kind: "certificate", tenant: tenantId, clientId, certificate, secret: password, sendsChain: sendCertificateChain === true });
    }

    static clientAssertion(tenantId, clientId, getAssertion) {
        checkOptional({ tenantId });
        checkTexts({ clientId });
        if (typeof getAssertion !== "function") {
            throw invalidArgument("getAssertion", "must be a function");
        }
        const assertion = own(async (_, { abortSignal }) => getAssertion({ abortSignal }));
        return new KustoCredential((askers) => plan({ kind: "federated", tenant: tenantId, clientId, parts: [assertion[planOf](askers)] }));
    }

    static workloadIdentity(options) {
        checkOptions(options, ["tenantId", "clientId", "tokenFilePath"]);
        const { tenantId, clientId, tokenFilePath } = options ?? {};
        checkOptional({ tenantId, clientId, tokenFilePath });
        return fixed({ kind: "workload", tenant: tenantId, clientId, file: tokenFilePath });
    }

    static onBehalfOf(application, userAssertionToken) {
        checkTexts({ userAssertionToken });
        if (!(application instanceof KustoCredential) || !APPLICATIONS.has(application[planOf]([]).kind)) {
            throw invalidArgument("application", "must be a KustoCredential of an application");
        }
        return new KustoCredential((askers) => plan({ kind: "on behalf of", secret: userAssertionToken, parts: [application[planOf](askers)] }));
    }

    static chainedToken(...sources) {
        const parts = sources.map(credentialOf);
        return new KustoCredential((askers) => plan({ kind: "chain", parts: parts.map((part) => part[planOf](askers)) }));
    }

    static managedIdentity(options) {
        checkOptions(options, ["clientId", "objectId", "resourceId"]);
        const { clientId, objectId, resourceId } = options ?? {};
        const given = Object.entries({ clientId, objectId, resourceId }).filter(([, id]) => id != null);
        checkTexts(Object.fromEntries(given));
        if (given.length > 1) {
            throw invalidArgument(given[1][0], "cannot be given with another id");
        }
        return fixed({ kind: "machine", clientId, objectId, resourceId });
    }

    static environment() {
        return fixed({ kind: "environment" });
    }

    static azureCli() {
        return fixed({ kind: "az" });
    }

    static azureDeveloperCli() {
        return fixed({ kind: "azd" });
    }

    static defaultAzure() {
        return fixed({ kind: "default" });
    }

    get [planOf]() {
        return this.#plan;
    }

    [inspect.custom]() {
        return "KustoCredential {}";
    }
}

/** The logins that may work for a user. */
const APPLICATIONS = new Set(["secret", "certificate", "federated"]);

/** The addon takes no null for what is missing; an empty text is missing too. */
function plan(members) {
    return Object.fromEntries(Object.entries(members).filter(([, value]) => value != null && value !== ""));
}

function fixed(members) {
    return new KustoCredential(() => plan(members));
}

/** A fixed token. */
function ofToken(token) {
    return fixed({ kind: "token", secret: token });
}

/** A function of the program that gives tokens. */
function own(ask) {
    return new KustoCredential((askers) => ({ kind: "callback", asker: askers.push(ask) - 1 }));
}

/** What a program gives as its credential. */
function credentialOf(credential) {
    if (credential instanceof KustoCredential) {
        return credential;
    }
    if (typeof credential?.getToken !== "function") {
        throw invalidArgument("credential", "must have a method getToken, or be a KustoCredential");
    }
    return own((scopes, options) => credential.getToken(scopes, options));
}

module.exports = { KustoCredential, checkOptional, checkTexts, credentialOf, ofToken, own, planOf };

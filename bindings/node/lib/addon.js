"use strict";
// Finds the native addon: beside the package as `cargo xtask stage node` puts it there, or in the package for this
// platform, which npm installs as an optional dependency.

/** The platform as the packages name it, such as `linux-x64-gnu`. */
function platform() {
    const name = `${process.platform}-${process.arch}`;
    switch (process.platform) {
        case "linux":
            return `${name}-${isMusl() ? "musl" : "gnu"}`;
        case "win32":
            return `${name}-msvc`;
        default:
            return name;
    }
}

function isMusl() {
    const report = process.report?.getReport();
    const header = typeof report === "string" ? JSON.parse(report).header : report?.header;
    return header !== undefined && header.glibcVersionRuntime === undefined;
}

function load() {
    const name = platform();
    const tried = [];
    for (const path of [`../native/kusto-ingest.${name}.node`, `@kusto-ingest/native-${name}`]) {
        try {
            return require(path);
        } catch (error) {
            tried.push(error);
        }
    }
    const error = new Error(
        `@kusto-ingest/native found no addon for ${name}. It comes with the optional dependency ` +
            `@kusto-ingest/native-${name}: does that package exist, and does npm install optional dependencies?`,
    );
    error.cause = tried[tried.length - 1];
    throw error;
}

module.exports = load();

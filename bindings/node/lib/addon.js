"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

const { version } = require("../package.json");

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
    const staged = `../native/kusto-ingest.${name}.node`;
    const own = `@kusto-ingest/native-${name}`;
    for (const path of [staged, own]) {
        try {
            return require(path);
        } catch (error) {
            // One that is there and cannot be loaded is another failure than one that is not there.
            if (error.code !== "MODULE_NOT_FOUND") {
                throw failure(`its native library for ${name} cannot be loaded: ${error.message}`, error);
            }
        }
    }
    throw failure(existsSync(join(__dirname, "../Cargo.toml")) ? unstaged() : missing(name, own));
}

/** In a checkout of the repository. */
function unstaged() {
    return "its native library is not built. Run `cargo xtask stage node` in the checkout.";
}

function missing(name, own) {
    return (
        `its native library for ${name} is not installed. Run \`npm install ${own}@${version}\`, or install the package that ` +
        `\`cargo xtask stage node\` makes of a checkout (bindings/node/native/npm/${name}). npm leaves it out with --omit=optional, ` +
        "and when the lock file was made on another platform."
    );
}

function failure(why, cause) {
    const error = new Error(`@kusto-ingest/native cannot start: ${why}`, cause && { cause });
    return Object.assign(error, { code: "ERR_KUSTO_NATIVE_LIBRARY" });
}

module.exports = load();

"use strict";

const { invalidArgument } = require("./error.js");

/** The names of the options that every call over the network has. */
const CALL = ["signal", "timeoutMs", "timeout"];

/** Refuses what has no members to be read, which would be ignored as a whole. Nothing is as good as an object. */
function checkObject(name, value) {
    const kind = Array.isArray(value) ? "list" : value instanceof AbortSignal ? "signal" : typeof value;
    if (value !== undefined && value !== null && kind !== "object") {
        throw invalidArgument(name, `must be an object, not a ${kind}`);
    }
}

/** Refuses an option that a call does not have: ignored, a misspelt limit would be none. */
function checkOptions(options, known) {
    checkObject("options", options);
    const names = new Set(known);
    const wrong = Object.keys(options ?? {}).find((name) => !names.has(name));
    if (wrong !== undefined) {
        throw invalidArgument(wrong, `is not an option of this call${advice(wrong, names)}`);
    }
}

/** The question that names the nearest known name; empty when none is near. */
function advice(wrong, known) {
    const meant = nearest(wrong, known);
    return meant === undefined ? "" : `: did you mean ${meant}?`;
}

/** The known name that a wrong one was probably meant to be; `undefined` when none is near. */
function nearest(wrong, known) {
    // Cut short.
    const longer = wrong.length > 3 && [...known].find((name) => name.toLowerCase().startsWith(wrong.toLowerCase()));
    if (longer) {
        return longer;
    }
    let best;
    // A third of the letters may differ.
    let least = Math.floor(wrong.length / 3) + 1;
    for (const name of known) {
        const distance = distanceOf(wrong.toLowerCase(), name.toLowerCase());
        if (distance < least) {
            [best, least] = [name, distance];
        }
    }
    return best;
}

/** How many letters must be inserted, removed, replaced or exchanged with the next to make one text of the other. */
function distanceOf(one, other) {
    let before;
    let row = Array.from({ length: other.length + 1 }, (_, index) => index);
    for (let i = 1; i <= one.length; i++) {
        const next = [i];
        for (let j = 1; j <= other.length; j++) {
            const replaced = row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1);
            const isExchanged = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
            const exchanged = isExchanged ? before[j - 2] + 1 : Infinity;
            next.push(Math.min(row[j] + 1, next[j - 1] + 1, replaced, exchanged));
        }
        [before, row] = [row, next];
    }
    return row[other.length];
}

/** The members that have a value: `null` is as `undefined`. */
function withoutMissing(members) {
    return Object.fromEntries(Object.entries(members ?? {}).filter(([, value]) => value !== undefined && value !== null));
}

module.exports = { CALL, advice, checkObject, checkOptions, withoutMissing };

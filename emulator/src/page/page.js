// The emulator's page. What it shows comes from the control endpoints (emulator/README.md); queries go where every
// client's go. Elements are made by `h` and `s` alone, which take texts as texts: no data ever becomes markup.

const POLL_MS = 1000;
/** More rows make a page slow; they are counted, not shown. */
const SHOWN_ROWS = 1000;
const KEPT_INGESTIONS = 200;

const find = (selector) => document.querySelector(selector);
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (typeof value === "function") node.addEventListener(name, value);
        else if (value === true) node.setAttribute(name, "");
        else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return node;
}

/** Makes `nodes` the children of `parent`. Those in their places are not touched, so they keep focus and selection. */
function arrange(parent, nodes) {
    nodes.forEach((node, at) => {
        if (parent.childNodes[at] !== node) parent.insertBefore(node, parent.childNodes[at] ?? null);
    });
    while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

/** Replaces what is in `parent`; the focus stays on the element with the same id. */
function replace(parent, ...nodes) {
    const focused = parent.contains(document.activeElement) ? document.activeElement.id : "";
    parent.replaceChildren(...nodes.flat().filter(Boolean));
    if (focused) document.getElementById(focused)?.focus();
}

function grid(heads, rows, attributes) {
    const head = h("tr", null, heads.map(([text, kind]) => h("th", { class: kind, scope: "col" }, text)));
    return h("table", attributes, h("thead", null, head), h("tbody", null, rows));
}

const number = (value) => Number(value).toLocaleString("en");
const plural = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;
/** The time of day in UTC, as everything here. */
const time = (text) => {
    const at = new Date(text);
    return h("time", { datetime: text, title: text }, Number.isNaN(+at) ? text : at.toISOString().slice(11, 19));
};

// ---- the address holds the state

const state = () => new URLSearchParams(location.hash.slice(1));

function link(members) {
    const given = Object.entries(members).filter(([, value]) => value !== undefined && value !== "");
    return `#${new URLSearchParams(given)}`;
}

/** A table's name as KQL takes it, whatever is in it. */
const quoted = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : `['${name.replace(/[\\']/g, "\\$&")}']`);

// ---- the emulator

class Refused extends Error {}

async function ask(path, options = {}) {
    const token = sessionStorage.getItem("token");
    const headers = token ? { ...options.headers, authorization: `Bearer ${token}` } : options.headers;
    const reply = await fetch(path, { ...options, headers, cache: "no-store" });
    find("#token").hidden = reply.status !== 401;
    if (reply.status === 401) throw new Refused("the emulator demands a token");
    const text = await reply.text();
    if (!reply.ok) throw new Refused(problem(text) ?? `the emulator answered ${reply.status}`);
    return text;
}

function problem(text) {
    try {
        const { error } = JSON.parse(text);
        return error["@message"] ?? error.message;
    } catch {
        return text || null;
    }
}

/** Whole numbers that a double does not hold stay as they came, where the browser gives them. */
function parse(text) {
    return JSON.parse(text, (_, value, context) => {
        const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
        return isRounded && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
    });
}

// ---- ingestions

const ingestions = new Map();
const rows = new Map();
let lastChange = 0;
const detail = h("tr", { class: "detail" });
const ingestionRows = find("#ingestions tbody");

async function pollIngestions() {
    const work = JSON.parse(await ask(`/emulator/v1/ingestions?after=${lastChange}`));
    if (work.changed < lastChange) return forgetIngestions();
    lastChange = work.changed;
    for (const one of work.ingestions) {
        ingestions.set(one.number, one);
        const row = rows.get(one.number) ?? h("tr");
        row.className = one.state;
        replace(row, ingestionCells(one));
        rows.set(one.number, row);
    }
    for (const old of [...ingestions.keys()].slice(0, -KEPT_INGESTIONS)) {
        ingestions.delete(old);
        rows.delete(old);
    }
    showWaiting(work);
    if (work.ingestions.length > 0) showIngestions();
}

/** After a restart of the emulator its numbers begin anew. */
function forgetIngestions() {
    lastChange = 0;
    ingestions.clear();
    rows.clear();
    showIngestions();
}

function ingestionCells(one) {
    const name = one.source.split("/").pop();
    const open = () => {
        const isOpen = state().get("open") === String(one.number);
        location.hash = link({ tab: "ingestions", open: isOpen ? undefined : one.number });
    };
    return [
        h("td", { class: "state" },
            h("button", { type: "button", id: `open-${one.number}`, "aria-expanded": "false", click: open }, one.state)),
        h("td", { class: "target" }, h("a", { href: link({ tab: "tables", db: one.database, table: one.table }) },
            `${one.database}.${one.table}`)),
        h("td", { class: "number" }, one.rows === null ? null : number(one.rows)),
        h("td", { class: "minor" }, one.format),
        h("td", { class: "minor" }, one.mapping),
        h("td", { class: "minor" }, name),
        h("td", { class: "error" }, one.errorCode ? `${one.errorCode}: ${one.details}` : null),
        h("td", { class: "minor time" }, time(one.since)),
    ];
}

/** Failures first, then the newest. */
function showIngestions() {
    const all = [...ingestions.values()].sort((a, b) => b.number - a.number);
    const failed = all.filter((one) => one.state === "Failed");
    const others = all.filter((one) => one.state !== "Failed");
    const open = Number(state().get("open"));
    const nodes = [...failed, ...others].flatMap(({ number }) => {
        const row = rows.get(number);
        row.querySelector("button").setAttribute("aria-expanded", String(number === open));
        return number === open ? [row, detail] : [row];
    });
    arrange(ingestionRows, nodes);
    find("#no-ingestions").hidden = all.length > 0;
    find("#ingestions").hidden = all.length === 0;
    badge("#failed", failed.length, "failed");
    if (ingestions.has(open)) showDetail(ingestions.get(open));
}

function badge(selector, count, what) {
    const node = find(selector);
    node.hidden = count === 0;
    node.textContent = count;
    node.title = `${count} ${what}`;
}

async function showDetail(one) {
    if (detail.dataset.shown === `${one.number}/${one.changed}`) return;
    detail.dataset.shown = `${one.number}/${one.changed}`;
    let message;
    try {
        message = JSON.parse(await ask(`/emulator/v1/ingestions/${one.number}`)).message;
    } catch (error) {
        message = error.message;
    }
    if (detail.dataset.shown !== `${one.number}/${one.changed}`) return;
    const facts = {
        State: one.state,
        Reason: one.errorCode && `${one.errorCode}: ${one.details}`,
        Source: one.source,
        "Source id": one.sourceId,
        Format: one.format,
        Mapping: one.mapping,
        "Raw size": one.rawDataSize ? plural(one.rawDataSize, "byte") : null,
        Received: one.receivedOn,
        Since: one.since,
    };
    const given = Object.entries(facts).filter(([, value]) => value);
    detail.replaceChildren(h("td", { colspan: 8 },
        h("dl", null, given.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
        h("h3", null, "Message"),
        h("pre", null, typeof message === "string" ? message : JSON.stringify(message, null, 2))));
}

function showWaiting({ batches, queues }) {
    const filled = queues.filter(({ messages }) => messages !== 0);
    const queued = h("p", { class: "quiet" }, filled.length === 0 ? "The queues are empty." : "In queues, with those taken: ",
        filled.map(({ account, name, messages }, at) =>
            [at ? ", " : "", `${account}/${name} `, h("b", null, messages ?? "no answer")]));
    const rows = batches.map((batch) => h("tr", null,
        h("td", null, `${batch.database}.${batch.table}`),
        h("td", null, batch.format),
        h("td", { class: "minor" }, batch.mapping ?? ""),
        h("td", { class: "number" }, number(batch.sources)),
        h("td", { class: "number minor" }, number(batch.rawDataSize)),
        h("td", { class: "number" }, `${Math.ceil(batch.dueInMillis / 1000)} s`)));
    const heads = [["Batch of"], ["Format"], ["Mapping", "minor"], ["Sources", "number"],
        ["Raw bytes", "number minor"], ["Due in", "number"]];
    const table = rows.length ? grid(heads, rows) : h("p", { class: "quiet" }, "No batch waits for more.");
    replace(find("#waiting"), queued, table);
}

find("#flush").addEventListener("click", () => act("/emulator/v1/flush", { method: "POST" }));

/** Does something to the emulator, and shows what came of it. */
async function act(path, options) {
    try {
        await ask(path, options);
        await look();
    } catch (error) {
        say(error.message, true);
    }
}

// ---- tables

let databases = [];
let databasesText = "";

async function pollTables() {
    const text = await ask("/emulator/v1/tables");
    if (text === databasesText) return;
    databasesText = text;
    const names = () => JSON.stringify(databases.map(({ name }) => name));
    const before = names();
    databases = JSON.parse(text).databases;
    showTables();
    if (names() !== before) offerDatabases();
}

function showTables() {
    const [db, name] = [state().get("db"), state().get("table")];
    replace(find("#databases"), databases.map((database) => [
        h("h2", null, database.name),
        database.tables.length === 0 ? h("p", { class: "quiet" }, "No tables.") : grid(
            [["Table"], ["Rows", "number"], ["Columns", "number"]],
            database.tables.map((table) => {
                const isChosen = database.name === db && table.name === name;
                const href = link({ tab: "tables", db: database.name, table: table.name });
                return h("tr", { class: isChosen ? "chosen" : null },
                    h("td", null, h("a", { href, id: `table ${database.name} ${table.name}` }, table.name)),
                    h("td", { class: "number" }, number(table.rows)),
                    h("td", { class: "number" }, table.columns.length));
            }), { class: "wide" }),
    ]).flat());
    replace(find("#table"), tableDetail(db, name));
}

function tableDetail(db, name) {
    if (!db || !name) return [h("p", { class: "quiet" }, "Choose a table to see its columns.")];
    const database = databases.find((one) => one.name.toLowerCase() === db.toLowerCase());
    const table = database?.tables.find((one) => one.name === name);
    if (!table) return [h("h2", null, name), h("p", { class: "problem" }, `There is no such table in '${db}'.`)];
    const ask = (rest) => link({ tab: "query", db: database.name, q: `${quoted(name)}\n| ${rest}` });
    const about = [table.docString, table.folder && `Folder: ${table.folder}`].filter(Boolean);
    return [
        h("h2", null, name),
        about.map((text) => h("p", { class: "quiet" }, text)),
        h("p", null, plural(table.rows, "row"), " · ", h("a", { href: ask("take 100") }, "look at 100"), " · ",
            h("a", { href: ask("count") }, "count")),
        grid([["Column"], ["Type"]], table.columns.map((column) =>
            h("tr", null, h("td", null, column.name), h("td", null, column.type)))),
        table.mappings.length === 0 ? null : [h("h3", null, "Mappings"), grid([["Name"], ["Kind"]],
            table.mappings.map((mapping) => h("tr", null, h("td", null, mapping.name), h("td", null, mapping.kind))))],
    ].flat();
}

// ---- queries

const queryForm = find("#query");
let running = null;
let lastRun = "";

function offerDatabases(chosen = queryForm.db.value) {
    const isChosen = (name) => name.toLowerCase() === chosen.toLowerCase();
    const names = databases.map(({ name }) => name);
    // The address may name one that is not there: the answer will say so.
    if (chosen && !names.some(isChosen)) names.push(chosen);
    queryForm.db.replaceChildren(...names.map((name) => h("option", { selected: isChosen(name) }, name)));
}

const isCommand = (text) => text.replace(/^(\s|\/\/.*)*/, "").startsWith(".");

queryForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const [db, q] = [queryForm.db.value, queryForm.q.value];
    const address = link({ tab: "query", db, q });
    if (address !== location.hash) history.pushState(null, "", address);
    run(db, q);
});

queryForm.q.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        queryForm.requestSubmit();
    }
});

/** What the address asks. A command is not run by following a link: it may change something. */
function showQuery() {
    const [db, q] = [state().get("db"), state().get("q")];
    if (db) offerDatabases(db);
    if (q === null || lastRun === JSON.stringify([db, q])) return;
    queryForm.q.value = q;
    if (isCommand(q)) {
        running?.abort();
        lastRun = "";
        replace(find("#answer"), h("p", { class: "quiet" }, "This is a command: Run carries it out."));
    } else if (db) {
        run(db, q);
    }
}

async function run(db, q) {
    running?.abort();
    const mine = (running = new AbortController());
    lastRun = JSON.stringify([db, q]);
    const answer = find("#answer");
    replace(answer, h("p", { class: "quiet" }, "Running …"));
    const start = performance.now();
    const path = isCommand(q) ? "/v1/rest/mgmt" : "/v2/rest/query";
    try {
        const body = JSON.stringify({ db, csl: q });
        const headers = { "content-type": "application/json", accept: "application/json" };
        const text = await ask(path, { method: "POST", headers, body, signal: mine.signal });
        const took = `${Math.round(performance.now() - start)} ms`;
        if (running === mine) replace(answer, answered(parse(text), took));
    } catch (error) {
        if (running === mine) replace(answer, h("p", { class: "problem" }, error.message));
    }
}

/** The tables of an answer in either version, as name, columns, rows, how they are to be drawn and errors. */
function tablesOf(answer) {
    if (!Array.isArray(answer)) return answer.Tables.map((table) => tableOf(table, null));
    const properties = answer.find((frame) => frame.TableKind === "QueryProperties")?.Rows ?? [];
    const drawn = (id) => {
        const row = properties.find(([table, key]) => table === id && key === "Visualization");
        return row ? (typeof row[2] === "string" ? JSON.parse(row[2]) : row[2]) : null;
    };
    return answer
        .filter((frame) => frame.TableKind === "PrimaryResult")
        .map((frame) => tableOf(frame, drawn(frame.TableId)));
}

function tableOf({ TableName: name, Columns, Rows }, visual) {
    const columns = Columns.map((column) => ({ name: column.ColumnName, type: column.ColumnType ?? column.DataType }));
    const errors = Rows.filter((row) => !Array.isArray(row)).flatMap((row) => row.OneApiErrors ?? row.Exceptions ?? []);
    const texts = errors.map((error) => error.error?.["@message"] ?? String(error.message ?? error));
    return { name, columns, rows: Rows.filter(Array.isArray), visual, errors: texts };
}

function answered(answer, took) {
    const tables = tablesOf(answer);
    return tables.flatMap((table, at) => [
        tables.length > 1 ? h("h2", null, table.name) : null,
        table.errors.map((text) => h("p", { class: "problem" }, text)),
        h("p", { class: "quiet" }, plural(table.rows.length, "row"), at === 0 ? ` · ${took}` : "",
            table.rows.length > SHOWN_ROWS ? ` · the first ${number(SHOWN_ROWS)} are shown` : ""),
        drawing(table),
        h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Result" }, resultTable(table)),
    ].flat());
}

/** A value with more characters than this is a box to scroll in: it would be higher than the screen. */
const LONG = 400;
const isNumeric = (type) => /^(int|long|real|decimal|double|Int32|Int64|Double|SqlDecimal)$/i.test(type);

function resultTable({ columns, rows }) {
    const kinds = columns.map(({ type }) => (isNumeric(type) ? "number" : null));
    const cell = (value, at) => {
        if (value === null) return h("td", { class: "null" }, "null");
        const text = printed(value);
        return h("td", { class: typeof value === "object" ? "code" : kinds[at] },
            text.length > LONG ? h("div", { class: "long" }, text) : text);
    };
    const heads = columns.map(({ name }, at) => [name, kinds[at]]);
    const table = grid(heads, rows.slice(0, SHOWN_ROWS).map((row) => h("tr", null, row.map(cell))));
    table.querySelectorAll("th").forEach((head, at) => head.setAttribute("title", columns[at].type));
    return table;
}

function printed(value) {
    if (value === null || typeof value !== "object") return String(value);
    const whole = (_, part) => (typeof part === "bigint" ? (JSON.rawJSON?.(String(part)) ?? String(part)) : part);
    return JSON.stringify(value, whole);
}

// ---- drawings

const COLORS = 10;
const MOST_BARS = 60;
/** With the others as many as there are colors. */
const MOST_SLICES = COLORS - 1;
/** The classes of a series: `kind` is `f` for what is filled, `l` for lines. After the last color they begin again, told apart. */
const paint = (kind, at) => `${kind}${at % COLORS} r${Math.min(2, Math.floor(at / COLORS))}`;
const LINES = ["timechart", "linechart", "areachart", "stackedareachart", "scatterchart"];

function drawing(table) {
    const kind = table.visual?.Visualization;
    if (!kind || kind === "table") return null;
    const chart = chartOf(table);
    const wide = Math.max(320, Math.min(find("#answer").clientWidth || 800, 1000));
    const drawn = !chart ? null
        : LINES.includes(kind) ? lines(chart, kind, wide)
        : kind === "columnchart" ? columnChart(chart, wide)
        : kind === "barchart" ? barChart(chart, wide)
        : kind === "piechart" ? pie(chart, wide)
        : null;
    if (!drawn) return h("p", { class: "quiet" }, `This page draws no ${kind} of this result.`);
    const places = new Set(chart.series.flatMap(({ points }) => points.map(({ x }) => String(x)))).size;
    const isCut = places > MOST_BARS && ["columnchart", "barchart"].includes(kind);
    return h("figure", null, drawn, isCut
        ? h("figcaption", { class: "quiet" }, `The first ${MOST_BARS} of ${number(places)} are drawn.`) : null);
}

/** What is drawn: points `{x, y}` in series, with `x` as it came. */
function chartOf({ columns, rows, visual }) {
    const at = (name) => columns.findIndex((column) => column.name === name);
    const isTime = ({ type }) => /^datetime$/i.test(type);
    let x = visual.XColumn ? at(visual.XColumn) : -1;
    if (x < 0 && visual.Visualization === "timechart") x = columns.findIndex(isTime);
    if (x < 0 && visual.Visualization === "piechart") x = columns.findIndex(({ type }) => !isNumeric(type));
    if (x < 0) x = 0;
    const others = columns.map((_, index) => index).filter((index) => index !== x);
    const named = (names) => (names ?? []).map(at).filter((index) => index >= 0 && index !== x);
    const ys = visual.YColumns ? named(visual.YColumns) : others.filter((index) => isNumeric(columns[index].type));
    const by = visual.Series ? named(visual.Series)
        : others.filter((index) => !ys.includes(index) && !isNumeric(columns[index].type) && !isTime(columns[index]));
    if (rows.length === 0 || ys.length === 0) return null;
    const series = new Map();
    for (const row of rows) {
        const group = by.map((index) => printed(row[index]));
        for (const y of ys) {
            const name = [...group, ...(ys.length > 1 || by.length === 0 ? [columns[y].name] : [])].join(": ");
            if (!series.has(name)) series.set(name, []);
            const value = row[y] === null ? NaN : Number(row[y]);
            series.get(name).push({ x: row[x], y: Number.isFinite(value) ? value : null });
        }
    }
    if (isStacked(visual) && visual.Kind === "stacked100") toShares(series);
    const type = isTime(columns[x]) ? "time" : isNumeric(columns[x].type) ? "number" : "text";
    const xName = visual.XTitle ?? columns[x].name;
    return {
        series: [...series].map(([name, points]) => ({ name, points })),
        type,
        shown: type === "time" ? shownPart(rows.map((row) => String(row[x]))) : null,
        title: visual.Title,
        xTitle: type === "time" ? [xName, daysOf(rows.map((row) => row[x]))].filter(Boolean).join(", ") : xName,
        yTitle: visual.YTitle ?? (ys.length === 1 ? columns[ys[0]].name : ""),
        legend: visual.Legend !== "hidden",
        stacked: isStacked(visual),
    };
}

const isStacked = ({ Kind, Visualization }) => Visualization === "stackedareachart"
    || ["areachart", "barchart", "columnchart"].includes(Visualization) && ["stacked", "stacked100"].includes(Kind);

/** Each value as its part of a hundred at its place. */
function toShares(series) {
    const all = [...series.values()].flat();
    const sums = new Map();
    for (const { x, y } of all) sums.set(x, (sums.get(x) ?? 0) + Math.abs(y ?? 0));
    for (const one of all) {
        one.own = one.y;
        if (one.y !== null) one.y = (100 * one.y) / (sums.get(one.x) || 1);
    }
}

/** The least and the greatest of numbers. */
const extremes = (numbers) => [numbers.reduce((a, b) => Math.min(a, b), Infinity), numbers.reduce((a, b) => Math.max(a, b), -Infinity)];

/** The days of times that are at most a day apart: the marks of their axis have the time of day alone. */
function daysOf(times) {
    const found = times.map((time) => Date.parse(time)).filter(Number.isFinite);
    const [least, greatest] = extremes(found);
    if (!(greatest - least <= DAY)) return "";
    const days = [least, greatest].map((time) => new Date(time).toISOString().slice(0, 10));
    return [...new Set(days)].join(" to ");
}

/** The part of times in which they differ, as the places in their texts. */
function shownPart(texts) {
    const isDaily = texts.every((text) => text.slice(11, 19) === "00:00:00");
    if (isDaily) return [0, 10];
    const isOneDay = texts.every((text) => text.slice(0, 10) === texts[0].slice(0, 10));
    const hasSeconds = texts.some((text) => text.slice(17, 19) !== "00");
    return [isOneDay ? 11 : 0, hasSeconds ? 19 : 16];
}

const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** Round numbers from below the least to above the greatest. */
function ticks(least, greatest, count) {
    const span = greatest - least || Math.abs(greatest) || 1;
    const raw = span / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((part) => part * power).find((one) => one >= raw * 0.999);
    const first = Math.floor(least / step);
    const last = Math.max(Math.ceil(greatest / step), first + 1);
    return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE,
    10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
    DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 91 * DAY, 365 * DAY];

function timeTicks(least, greatest, count) {
    const raw = (greatest - least) / count;
    const step = STEPS.find((one) => one >= raw) ?? Math.ceil(raw / (365 * DAY)) * 365 * DAY;
    const found = [];
    for (let at = Math.ceil(least / step) * step; at <= greatest; at += step) found.push(at);
    const from = step >= DAY ? 0 : greatest - least > DAY ? 5 : 11;
    const to = step >= DAY ? 10 : step >= MINUTE ? 16 : 19;
    return found.map((at) => [at, new Date(at).toISOString().slice(from, to).replace("T", " ")]);
}

/** The frame of a chart: its size, where its drawing begins, and texts around. */
function frame(chart, wide, high, left) {
    const names = chart.legend && (chart.series.length > 1) ? chart.series.map(({ name }) => name) : [];
    const perLine = Math.max(1, Math.floor((wide - left) / 160));
    const legendLines = Math.ceil(Math.min(names.length, 30) / perLine);
    const top = chart.title ? 34 : 14;
    const bottom = 44;
    const total = top + high + bottom + legendLines * 18;
    const label = `${chart.title ?? "Chart"}: ${chart.series.length} series`;
    const svg = s("svg", { viewBox: `0 0 ${wide} ${total}`, width: wide, height: total, role: "img", "aria-label": label });
    if (chart.title) svg.append(s("text", { x: left, y: 20, class: "title" }, chart.title));
    names.slice(0, 30).forEach((name, at) => {
        const [x, y] = [left + (at % perLine) * 160, top + high + bottom + Math.floor(at / perLine) * 18];
        svg.append(chart.lined ? s("line", { x1: x - 4, x2: x + 11, y1: y + 5, y2: y + 5, class: `line ${paint("l", at)}` })
            : s("rect", { x, y, width: 10, height: 10, class: paint("f", at) }),
        s("text", { x: x + 15, y: y + 10 }, s("title", null, name), cut(name, 20)));
    });
    // The last label is centred below the right end.
    return { svg, left, right: wide - 40, top, bottom: top + high };
}

function yAxis({ svg, left, right, top, bottom }, values, title) {
    const marks = ticks(values.reduce((a, b) => Math.min(a, b), 0), values.reduce((a, b) => Math.max(a, b), 0), 5);
    const [low, up] = [marks[0], marks[marks.length - 1]];
    const y = (value) => bottom - ((value - low) / (up - low)) * (bottom - top);
    for (const mark of marks) {
        svg.append(s("line", { x1: left, x2: right, y1: y(mark), y2: y(mark), class: "grid" }),
            s("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end", class: "tick" }, short.format(mark)));
    }
    svg.append(s("text", { x: 14, y: (top + bottom) / 2, "text-anchor": "middle", class: "tick",
        transform: `rotate(-90 14 ${(top + bottom) / 2})` }, cut(title ?? "", 40)));
    return y;
}

function xTitle({ svg, left, right, bottom }, title) {
    svg.append(s("text", { x: (left + right) / 2, y: bottom + 34, "text-anchor": "middle", class: "tick" }, cut(title, 60)));
}

/** Where on the axis a value stands, and the marks of the axis. */
function xScale(chart, area) {
    const width = area.right - area.left;
    if (chart.type === "text") {
        const names = [...new Set(chart.series.flatMap(({ points }) => points.map(({ x }) => String(x))))];
        const place = new Map(names.map((name, at) => [name, area.left + ((at + 0.5) / names.length) * width]));
        const each = Math.ceil(names.length / Math.max(1, Math.floor(width / 110)));
        const marks = names.filter((_, at) => at % each === 0).map((name) => [place.get(name), cut(name, 16)]);
        return { x: (value) => place.get(String(value)), marks };
    }
    const toNumber = chart.type === "time" ? (value) => Date.parse(value) : Number;
    const values = chart.series.flatMap(({ points }) => points.map(({ x }) => toNumber(x))).filter(Number.isFinite);
    let [least, greatest] = extremes(values);
    if (!(least < greatest)) [least, greatest] = [least - 500, greatest + 500];
    const at = (value) => area.left + ((value - least) / (greatest - least)) * width;
    const count = Math.max(2, Math.floor(width / 110));
    const found = chart.type === "time" ? timeTicks(least, greatest, count)
        : ticks(least, greatest, count).filter((one) => one >= least && one <= greatest).map((one) => [one, short.format(one)]);
    return { x: (value) => at(toNumber(value)), marks: found.map(([value, text]) => [at(value), text]), order: toNumber };
}

function xMarks({ svg, bottom }, marks) {
    for (const [x, text] of marks) {
        svg.append(s("line", { x1: x, x2: x, y1: bottom, y2: bottom + 4, class: "grid" }),
            s("text", { x, y: bottom + 17, "text-anchor": "middle", class: "tick" }, text));
    }
}

function lines(chart, kind, wide) {
    const area = frame({ ...chart, lined: kind !== "scatterchart" }, wide, 260, 64);
    const { x, marks, order } = xScale(chart, area);
    const series = chart.series.map(({ name, points }) => ({
        name,
        points: order ? [...points].sort((a, b) => order(a.x) - order(b.x)) : points,
    }));
    if (chart.stacked && kind.endsWith("areachart")) stack(series);
    const y = yAxis(area, series.flatMap(({ points }) => points.map((one) => one.y ?? 0)), chart.yTitle);
    xMarks(area, marks);
    xTitle(area, chart.xTitle);
    // Upper layers first, so that those below stay to be seen.
    [...series.entries()].reverse().forEach(([at, { name, points }]) => {
        const known = points.filter((one) => one.y !== null && Number.isFinite(x(one.x)));
        const path = known.map((one) => `${x(one.x).toFixed(1)},${y(one.y).toFixed(1)}`);
        if (kind.endsWith("areachart") && path.length > 0) {
            const ends = [`${x(known[known.length - 1].x).toFixed(1)},${y(0)}`, `${x(known[0].x).toFixed(1)},${y(0)}`];
            area.svg.append(s("polygon", { points: [...path, ...ends].join(" "), class: `area ${paint("f", at)}` }));
        }
        if (kind !== "scatterchart") {
            area.svg.append(s("polyline", { points: path.join(" "), class: `line ${paint("l", at)}` }));
        }
        if (known.length > 500) return;
        for (const one of known) {
            area.svg.append(s("circle", { cx: x(one.x), cy: y(one.y), r: 3, class: paint("f", at) },
                s("title", null, `${name}\n${one.x}\n${one.own ?? one.y}`)));
        }
    });
    return area.svg;
}

/** Each series upon those before it. */
function stack(series) {
    const sums = new Map();
    for (const { points } of series) {
        for (const one of points) {
            one.own ??= one.y;
            one.y = (sums.get(one.x) ?? 0) + (one.y ?? 0);
            sums.set(one.x, one.y);
        }
    }
}

/** The bars of each place: `{name, series, from, to, value}`, upon each other or side by side. */
function bars(chart) {
    const places = new Map();
    chart.series.forEach(({ name, points }, index) => {
        for (const { x, y, own } of points) {
            if (!places.has(String(x))) places.set(String(x), []);
            if (y !== null) places.get(String(x)).push({ name, index, from: 0, to: y, value: y, own: own ?? y });
        }
    });
    if (chart.stacked) {
        for (const stacked of places.values()) {
            const sums = { up: 0, down: 0 };
            for (const bar of stacked) {
                const side = bar.value < 0 ? "down" : "up";
                bar.from = sums[side];
                bar.to = sums[side] += bar.value;
            }
        }
    }
    return [...places].slice(0, MOST_BARS);
}

const placeName = ({ shown }, name) => (shown ? name.slice(...shown).replace("T", " ") : name);
const hint = (chart, name, bar) => s("title", null, `${placeName(chart, name)}\n${bar.name}\n${bar.own}`);

function columnChart(chart, wide) {
    const area = frame(chart, wide, 260, 64);
    const places = bars(chart);
    const y = yAxis(area, places.flatMap(([, all]) => all.map(({ to }) => to)), chart.yTitle);
    const step = (area.right - area.left) / places.length;
    const each = Math.ceil(places.length / Math.max(1, Math.floor((area.right - area.left) / 110)));
    const wanted = chart.stacked ? 1 : chart.series.length;
    const width = Math.min((step * 0.8) / wanted, 60);
    places.forEach(([name, all], at) => {
        const middle = area.left + (at + 0.5) * step;
        for (const bar of all) {
            const x = middle - (width * wanted) / 2 + (chart.stacked ? 0 : bar.index * width);
            const [up, down] = [y(Math.max(bar.from, bar.to)), y(Math.min(bar.from, bar.to))];
            area.svg.append(s("rect", { x, y: up, width, height: down - up, class: paint("f", bar.index) },
                hint(chart, name, bar)));
        }
        if (at % each === 0) xMarks(area, [[middle, cut(placeName(chart, name), 16)]]);
    });
    xTitle(area, chart.xTitle);
    return area.svg;
}

function barChart(chart, wide) {
    const places = bars(chart);
    const wanted = chart.stacked ? 1 : chart.series.length;
    const thick = Math.max(4, Math.min(18, 60 / wanted));
    const step = thick * wanted + 8;
    const area = frame(chart, wide, step * places.length, Math.min(170, wide / 3));
    const values = places.flatMap(([, all]) => all.map(({ to }) => to));
    const marks = ticks(values.reduce((a, b) => Math.min(a, b), 0), values.reduce((a, b) => Math.max(a, b), 0),
        Math.max(2, Math.floor((area.right - area.left) / 110)));
    const [low, up] = [marks[0], marks[marks.length - 1]];
    const x = (value) => area.left + ((value - low) / (up - low)) * (area.right - area.left);
    for (const mark of marks) {
        area.svg.append(s("line", { x1: x(mark), x2: x(mark), y1: area.top, y2: area.bottom, class: "grid" }));
    }
    xMarks(area, marks.map((mark) => [x(mark), short.format(mark)]));
    places.forEach(([name, all], at) => {
        const top = area.top + at * step + 4;
        for (const bar of all) {
            const [left, right] = [x(Math.min(bar.from, bar.to)), x(Math.max(bar.from, bar.to))];
            area.svg.append(s("rect", { x: left, y: top + (chart.stacked ? 0 : bar.index * thick), width: right - left,
                height: thick, class: paint("f", bar.index) }, hint(chart, name, bar)));
        }
        const label = placeName(chart, name);
        area.svg.append(s("text", { x: area.left - 6, y: top + (step - 8) / 2 + 4, "text-anchor": "end" },
            s("title", null, label), cut(label, Math.floor((area.left - 10) / 7))));
    });
    xTitle(area, chart.yTitle);
    return area.svg;
}

function pie(chart, wide) {
    const all = chart.series.flatMap(({ name, points }) => points.map(({ x, y }) => ({
        name: chart.type === "number" ? name : placeName(chart, String(x)),
        value: y,
    }))).filter(({ value }) => value > 0);
    all.sort((a, b) => b.value - a.value);
    const slices = all.slice(0, MOST_SLICES);
    const rest = all.slice(MOST_SLICES).reduce((sum, { value }) => sum + value, 0);
    if (rest > 0) slices.push({ name: "others", value: rest });
    const sum = slices.reduce((total, { value }) => total + value, 0);
    if (sum <= 0) return null;
    const top = chart.title ? 34 : 10;
    const high = top + Math.max(240, slices.length * 20 + 10);
    const svg = s("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img",
        "aria-label": `${chart.title ?? "Chart"}: ${slices.length} parts` });
    if (chart.title) svg.append(s("text", { x: 10, y: 20, class: "title" }, chart.title));
    const [cx, cy, r] = [120, top + 115, 105];
    const point = (turn) => `${(cx + r * Math.sin(turn * 2 * Math.PI)).toFixed(2)} ${(cy - r * Math.cos(turn * 2 * Math.PI)).toFixed(2)}`;
    let turn = 0;
    slices.forEach(({ name, value }, at) => {
        const share = value / sum;
        const text = `${name}: ${value.toLocaleString("en")} (${(share * 100).toFixed(1)} %)`;
        // A whole turn ends where it begins, which is no arc.
        const end = turn + Math.min(share, 0.99999);
        const d = `M ${cx} ${cy} L ${point(turn)} A ${r} ${r} 0 ${share > 0.5 ? 1 : 0} 1 ${point(end)} Z`;
        const y = top + 6 + at * 20;
        svg.append(s("path", { d, class: paint("f", at) }, s("title", null, text)),
            s("rect", { x: 245, y, width: 10, height: 10, class: paint("f", at) }),
            s("text", { x: 262, y: y + 10 }, s("title", null, text), cut(text, Math.floor((wide - 265) / 6.5))));
        turn += share;
    });
    return svg;
}

// ---- faults

const STORAGE_OPERATIONS = {
    blob: ["PutBlob", "PutBlock", "PutBlockList", "GetBlob", "GetBlobProperties", "GetBlockList", "DeleteBlob", "ListBlobs"],
    queue: ["PutMessage", "GetMessages", "PeekMessages", "UpdateMessage", "DeleteMessage", "ClearMessages", "GetQueueMetadata"],
    table: ["InsertEntity", "GetEntity", "QueryEntities", "UpdateEntity", "MergeEntity", "DeleteEntity"],
};
const SERVICES = ["blob", "queue", "table", "mgmt", "query", "ingest", "metadata", "entra", "managedIdentity"];
const FAULTS = [
    ["status 503", { kind: "status", status: 503, retryAfter: 1 }],
    ["status 500", { kind: "status", status: 500 }],
    ["status 429", { kind: "status", status: 429, retryAfter: 1 }],
    ["status 403", { kind: "status", status: 403 }],
    ["cut before the answer", { kind: "cut", when: "before" }],
    ["cut within the request", { kind: "cut", when: "during", bytes: 1000 }],
    ["cut after it was done", { kind: "cut", when: "after" }],
    ["late by 5 s", { kind: "late", millis: 5000 }],
    ["held until disarmed", { kind: "hold" }],
    ["stalled", { kind: "stall", when: "before" }],
    ["stalled after it was done", { kind: "stall", when: "after" }],
    ["garbage", { kind: "garbage" }],
    ["the service's error (mgmt, query, ingest)", { kind: "kusto", status: 400, code: "General_BadRequest", permanent: true }],
    ["an empty answer (mgmt, query, ingest)", { kind: "reply", body: "" }],
    ["expired signature", { kind: "expiredSas" }],
    ["wrong signature", { kind: "wrongSas" }],
    ["invalid block list", { kind: "invalidBlockList" }],
];
const armForm = find("#arm");
let faultsText = "";

async function pollFaults() {
    const text = await ask("/emulator/v1/faults");
    if (text === faultsText) return;
    faultsText = text;
    const rules = JSON.parse(text);
    badge("#armed", rules.length, "armed");
    find("#disarm-all").hidden = rules.length === 0;
    const disarm = (id) => () => act(`/emulator/v1/faults/${id}`, { method: "DELETE" });
    const rows = rules.map(({ id, rule, matched, fired }) => h("tr", null,
        h("td", { class: "number" }, id),
        h("td", { class: "code" }, JSON.stringify(rule)),
        h("td", { class: "number matched" }, number(matched)),
        h("td", { class: "number fired" }, number(fired)),
        h("td", null, h("button", { type: "button", id: `disarm-${id}`, click: disarm(id) }, "Disarm"))));
    const heads = [["Id", "number"], ["Rule"], ["Matched", "number"], ["Fired", "number"], [""]];
    replace(find("#faults"), rows.length ? grid(heads, rows) : h("p", { class: "quiet" }, "No rule is armed."));
}

function prepareFaults() {
    const option = (text) => h("option", null, text);
    armForm.service.append(...SERVICES.map(option));
    armForm.fault.append(...FAULTS.map(([name]) => option(name)));
    armForm.addEventListener("input", (event) => {
        if (event.target === armForm.service) offerOperations();
        if (event.target !== armForm.rule) writeRule();
    });
    armForm.addEventListener("submit", async (event) => {
        event.preventDefault();
        find("#arm-problem").textContent = "";
        try {
            await ask("/emulator/v1/faults", { method: "POST", body: armForm.rule.value });
            await look();
        } catch (error) {
            find("#arm-problem").textContent = error.message;
        }
    });
    find("#disarm-all").addEventListener("click", () => act("/emulator/v1/faults", { method: "DELETE" }));
    offerOperations();
    writeRule();
}

function offerOperations() {
    const offered = STORAGE_OPERATIONS[armForm.service.value];
    armForm.operation.replaceChildren(h("option", { value: "" }, "any"), ...(offered ?? []).map((name) => h("option", null, name)));
    armForm.operation.disabled = !offered;
    armForm.command.disabled = !["mgmt", "query", "entra"].includes(armForm.service.value);
}

function writeRule() {
    const { service, operation, command, skip, times, fault } = armForm;
    const rule = { service: service.value };
    if (!operation.disabled && operation.value) rule.operation = operation.value;
    if (!command.disabled && command.value) rule.command = command.value;
    if (Number(skip.value) > 0) rule.skip = Number(skip.value);
    if (times.value) rule.times = Number(times.value);
    rule.fault = FAULTS[fault.selectedIndex][1];
    armForm.rule.value = JSON.stringify(rule, null, 2);
}

// ---- putting it together

const VIEWS = {
    ingestions: { polls: [], show: showIngestions },
    tables: { polls: [pollTables], show: showTables },
    query: { polls: [pollTables], show: showQuery },
    faults: { polls: [], show: () => {} },
};

const tab = () => (Object.hasOwn(VIEWS, state().get("tab") ?? "") ? state().get("tab") : "ingestions");

function route() {
    const current = tab();
    for (const view of document.querySelectorAll("[data-view]")) view.hidden = view.dataset.view !== current;
    for (const one of document.querySelectorAll("nav a")) {
        if (one.dataset.tab === current) one.setAttribute("aria-current", "page");
        else one.removeAttribute("aria-current");
    }
    VIEWS[current].show();
}

function say(text, isProblem) {
    const status = find("#status");
    if (status.textContent !== text) status.textContent = text;
    status.className = isProblem ? "problem" : "";
}

let looking = Promise.resolve();

/** Asks for what the view and the badges show, after what was asked before has come. */
function look() {
    const asked = async () => {
        await Promise.all([pollIngestions, pollFaults, ...VIEWS[tab()].polls].map((poll) => poll()));
        say(location.host, false);
    };
    looking = looking.then(asked, asked);
    return looking;
}

async function poll() {
    try {
        if (!document.hidden) await look();
    } catch (error) {
        // Another emulator may come to this address.
        if (!(error instanceof Refused)) forgetIngestions();
        say(error instanceof Refused ? error.message : "the emulator does not answer", true);
    }
    setTimeout(poll, POLL_MS);
}

find("#token").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem("token", event.target.token.value);
    lastRun = "";
    look().then(route, (error) => say(error.message, true));
});

window.addEventListener("hashchange", () => {
    route();
    look().catch((error) => say(error.message, true));
});

prepareFaults();
route();
poll();

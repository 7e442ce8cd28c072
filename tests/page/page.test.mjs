// The emulator's page in a real browser, on the emulator that `cargo xtask test page` has started.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser } from "./browser.mjs";
import { command, database, engine, ingest } from "./service.mjs";

const MARKUP = "<img src=x><script>alert(1)</script>";
const first = "#ingestions tbody tr:first-child";

let browser;
let page;

const at = (members) => `${engine}/#${new URLSearchParams(members)}`;

before(async () => {
    browser = await Browser.launch();
    page = await browser.open(`${engine}/`);
});

after(async () => {
    await browser?.close();
});

/** What every page must be: quiet, and content with what the emulator has. */
function check(looked) {
    assert.deepEqual(looked.problems, []);
    assert.deepEqual(looked.requests.filter((url) => !url.startsWith(`${engine}/`)), []);
}

test("the tutorial's ingestion is seen arriving", async () => {
    await command(".create table Table1 (Column1:long, Column2:datetime, Column3:string)");
    // It waits until it is told.
    await command(`.alter table Table1 policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:20:00"}'`);
    const mapping = ["Id", "Timestamp", "Message"].map((name, column) =>
        ({ column: `Column${column + 1}`, Properties: { Path: `$.${name}` } }));
    await command(`.create table Table1 ingestion json mapping "Table1_mapping" '${JSON.stringify(mapping)}'`);
    const lines = Array.from({ length: 10 }, (_, n) => JSON.stringify(
        { Id: n, Timestamp: `2026-01-01T00:00:0${n}Z`, Message: `This is a test message ${n}` }));
    assert.match(await page.text("#no-ingestions"), /Nothing has been ingested/);
    const id = await ingest("Table1", "stream.json", lines.join("\n"),
        { format: "json", ingestionMappingReference: "Table1_mapping" });

    await page.until(`document.querySelector("${first}.Waiting")`);
    await page.until(`document.querySelector("#waiting b")?.innerText === "1"`);
    assert.match(await page.text("#waiting p"), /^In queues, with those taken: kustoemu\d\/[\w-]+ 1$/);
    const batch = await page.text("#waiting tbody tr");
    assert.match(batch.toLowerCase(), new RegExp(`${database}\\.table1\tjson\ttable1_mapping\t1\t`, "i"));
    await page.picture("waiting");

    await page.click("#flush");
    await page.until(`document.querySelector("${first}.Succeeded")`);
    const row = await page.text(first);
    assert.match(row, new RegExp(`Succeeded\t${database}.Table1\t10\tjson\tTable1_mapping\t.*__stream.json`));
    await page.until(`document.querySelector("#waiting").innerText.includes("No batch waits")`);

    await page.click(`${first} button`);
    const message = await page.text(".detail pre");
    const shown = JSON.parse(message);
    assert.equal(shown.Id, id);
    assert.equal(shown.AdditionalProperties.ingestionMappingReference, "Table1_mapping");
    assert.ok(!message.includes("sig="), message);
    assert.match(await page.value("location.hash"), /open=\d+/);
    await page.picture("succeeded");
    check(page);
});

test("a failure is seen first and with its reason", async () => {
    await ingest("Nowhere", "rows.csv", "1,2", { format: "csv" });
    await page.until(`document.querySelector("${first}.Failed")`);
    await ingest("Table1", "more.json", `{"Id": 10}`, { format: "json", ingestionMappingReference: "Table1_mapping" });
    await page.until(`document.querySelector("#ingestions .Waiting")`);
    const row = await page.text(first);
    assert.match(row, /^Failed\t.*\.Nowhere\t.*BadRequest_TableNotExist: .*'Nowhere'/);
    assert.equal(await page.text("#failed"), "1");
    await page.picture("failed");
    check(page);
});

test("tables have rows, columns and mappings", async () => {
    const looked = await browser.open(at({ tab: "tables" }));
    await looked.until(`document.querySelector("#databases a")`);
    await looked.value(`[...document.querySelectorAll("#databases a")].find((a) => a.innerText === "Table1").click()`);
    const text = await looked.text("#table table");
    assert.equal(text, "Column\tType\nColumn1\tlong\nColumn2\tdatetime\nColumn3\tstring");
    assert.match(await looked.text("#table"), /10 rows[^]*Table1_mapping\tjson/);
    await looked.picture("tables");
    await looked.value(`[...document.querySelectorAll("#table a")].find((a) => a.innerText === "count").click()`);
    await looked.until(`document.querySelector("#answer td")?.innerText === "10"`);
    check(looked);
});

test("queries are run by the keyboard and drawn", async () => {
    const looked = await browser.open(at({ tab: "query", db: database }));
    const drawn = {
        "timechart with (title='Per second')": ["polyline", 2],
        columnchart: ["rect:not([width='10'])", 20],
        barchart: ["rect:not([width='10'])", 20],
        "columnchart with (kind=stacked)": ["rect:not([width='10'])", 20],
        "barchart with (kind=stacked100)": ["rect:not([width='10'])", 20],
        "areachart with (kind=stacked)": ["polygon", 2],
    };
    const query = "Table1 | extend Square = Column1 * Column1 + 1, Value = Column1 + 1 | project Column2, Value, Square";
    for (const [kind, [shape, count]] of Object.entries(drawn)) {
        await looked.type("#query textarea", `${query} | render ${kind}`);
        await looked.press("Enter", { ctrl: true });
        await looked.until(`document.querySelectorAll("#answer svg ${shape}").length === ${count}`);
        assert.match(await looked.text("#answer .quiet"), /^10 rows · /);
        assert.match(await looked.text("#answer table"), /^Column2\tValue\tSquare\n2026-01-01T00:00:00/);
        await looked.picture(kind.replaceAll(/\W+/g, "-"));
    }
    await looked.type("#query textarea", "Table1 | summarize n = count() by Rest = tostring(Column1 % 3) | render piechart");
    await looked.press("Enter", { ctrl: true });
    await looked.until(`document.querySelectorAll("#answer svg path").length === 3`);
    assert.match(await looked.text("#answer svg text"), /^0: 4 \(40.0 %\)/);
    await looked.picture("piechart");

    // The address is enough to see it again.
    const again = await browser.open(await looked.value("location.href"));
    await again.until(`document.querySelectorAll("#answer svg path").length === 3`);
    check(looked);
    check(again);
});

test("what is stacked lies upon what is below it", async () => {
    const table = (second) => `datatable(t:datetime, a:long, b:long)[datetime(2024-01-01), 30, 10, datetime(2024-01-02), 10, ${second}]`;
    const tops = async (kind, shape, rows = table(30)) => {
        const looked = await browser.open(at({ tab: "query", db: database, q: `${rows} | render ${kind}` }), 1000, 800);
        await looked.until(`document.querySelector("#answer svg ${shape}")`);
        check(looked);
        return looked.value(`[...document.querySelectorAll("#answer svg ${shape}")].map((one) => one.getBoundingClientRect().top)`);
    };
    // Of the upper layer, which is the first, both points are at the sum of 40.
    for (const kind of ["areachart with (kind=stacked)", "stackedareachart", "areachart with (kind=stacked100)"]) {
        const [upper, lower] = await tops(kind, "polygon");
        assert.ok(upper < lower, `${kind}: ${upper}, ${lower}`);
    }
    const [one, other] = await tops("areachart", "polygon");
    assert.equal(one, other);
    // Shares of each place are all of it, whatever its sum.
    const highest = async (kind) => {
        const heights = await tops(`columnchart with (kind=${kind})`, "rect:not([width='10'])", table(70));
        return [Math.min(...heights.slice(0, 2)), Math.min(...heights.slice(2))];
    };
    const [left, right] = await highest("stacked100");
    assert.equal(left, right);
    const [lower, upper] = await highest("stacked");
    assert.ok(upper < lower, `${upper}, ${lower}`);
});

test("the keyboard alone reaches tabs, query box and flush", async () => {
    const looked = await browser.open(at({ tab: "ingestions" }));
    await looked.text("#flush");
    const focused = `((node) => node.id || node.dataset.tab || node.name || node.innerText)(document.activeElement)`;
    const next = async (options) => {
        await looked.press("Tab", options);
        return looked.value(focused);
    };
    const tabs = ["ingestions", "tables", "query", "faults"];
    for (const tab of [...tabs, "flush"]) assert.equal(await next(), tab);
    assert.equal(await looked.value(`document.activeElement.matches(":focus-visible")`), true);
    const flushed = () => looked.requests.filter((url) => url.endsWith("/flush")).length;
    await looked.press("Enter");
    await looked.until(`performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/flush"))`);
    assert.equal(flushed(), 1);

    // Back to the third tab, and from there into its box.
    for (const tab of ["faults", "query"]) assert.equal(await next({ shift: true }), tab);
    await looked.press("Enter");
    await looked.until(`document.querySelector("#query textarea").checkVisibility()`);
    for (const name of ["faults", "db", "Run", "q"]) assert.equal(await next(), name);
    await looked.send("Input.insertText", { text: "print 42" });
    await looked.press("Enter", { ctrl: true });
    await looked.until(`document.querySelector("#answer td")?.innerText === "42"`);
    check(looked);
});

test("no label of a drawing is cut off", async () => {
    const q = "range n from 0 to 48 step 4 | project t = datetime(2024-01-01) + n * 1h, n | render timechart";
    const looked = await browser.open(at({ tab: "query", db: database, q }), 1000, 800);
    await looked.until(`document.querySelector("#answer svg polyline")`);
    const outside = `[...document.querySelectorAll("#answer svg text")].filter((text) => {
        const [inner, outer] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
        return inner.left < outer.left || inner.right > outer.right;
    }).map((text) => text.textContent).join()`;
    assert.equal(await looked.value(outside), "");
    check(looked);
});

test("what is drawn can be told apart, and says its day", async () => {
    const of = async (q, shape) => {
        const looked = await browser.open(at({ tab: "query", db: database, q }), 1000, 800);
        await looked.until(`document.querySelector("#answer svg ${shape}")`);
        check(looked);
        const classes = await looked.value(`[...document.querySelectorAll("#answer svg ${shape}")].map((one) => one.className.baseVal)`);
        assert.equal(new Set(classes).size, classes.length, `${q}: ${classes}`);
        return { looked, count: classes.length };
    };
    const { count: slices } = await of("range n from 1 to 15 step 1 | project Name = tostring(n), n | render piechart", "path");
    assert.equal(slices, 10);
    const points = "range n from 0 to 49 step 1 | project t = datetime(2024-01-01 22:00) + n / 25 * 3h, n, s = tostring(n % 25)";
    const { looked, count: series } = await of(`${points} | render timechart`, "polyline");
    assert.equal(series, 25);
    assert.match(await looked.value(`document.querySelector("#answer svg").textContent`), /t, 2024-01-01 to 2024-01-02/);
    await looked.picture("series");
});

test("a long value is a box, and no row is higher than the screen", async () => {
    const q = "print a = 1, c = strcat_array(repeat('word', 2000), ' ') | extend b = bag_pack('text', c)";
    const looked = await browser.open(at({ tab: "query", db: database, q }), 1000, 800);
    await looked.text("#answer td");
    assert.ok(await looked.value(`document.querySelector("#answer tbody tr").clientHeight < 400`));
    check(looked);
});

test("an error is shown, and whole numbers are exact", async () => {
    const wrong = await browser.open(at({ tab: "query", db: database, q: "Table1 | nonsense" }));
    assert.match(await wrong.text("#answer .problem"), /nonsense/);
    const exact = "print a = 9007199254740993, b = dynamic({'c': [1, null]}), d = long(null)";
    const right = await browser.open(at({ tab: "query", db: database, q: exact }));
    assert.equal(await right.text("#answer tbody tr"), `9007199254740993\t{"c":[1,null]}\tnull`);
    check(right);
});

test("a link does not run a command", async () => {
    const looked = await browser.open(at({ tab: "query", db: database, q: "// tidy up\n.drop table Table1" }));
    assert.match(await looked.text("#answer"), /This is a command/);
    assert.deepEqual(looked.requests.filter((url) => url.includes("/rest/")), []);
    await looked.type("#query textarea", ".show tables | project TableName");
    await looked.click("#query button");
    await looked.until(`document.querySelector("#answer")?.innerText.includes("Table1")`);
    check(looked);
});

test("markup in names and values is text", async () => {
    await ingest(MARKUP, `${encodeURIComponent(MARKUP)}.csv`, "1", { format: "csv", tags: JSON.stringify([MARKUP]) });
    const looked = await browser.open(`${engine}/`);
    await looked.until(`document.querySelector("${first}.Failed")?.innerText.includes("${MARKUP.replace("/", "\\/")}")`);
    await looked.click(`${first} button`);
    assert.ok((await looked.text(".detail pre")).includes(MARKUP));
    await looked.picture("markup");
    await looked.go(at({ tab: "tables", db: database, table: MARKUP }));
    assert.equal(await looked.text("#table h2"), MARKUP);
    const q = `print ['a b'] = "${MARKUP}", x = 1 | render columnchart with (title="${MARKUP}")`;
    await looked.go(at({ tab: "query", db: MARKUP, q }));
    assert.ok((await looked.text("#answer .problem")).includes(MARKUP));
    await looked.go(at({ tab: "query", db: database, q }));
    assert.equal(await looked.text("#answer .title"), MARKUP);
    assert.equal(await looked.text("#answer td"), MARKUP);
    await looked.picture("markup-chart");
    assert.equal(await looked.value("document.scripts.length"), 1);
    assert.equal(await looked.value(`document.querySelectorAll("img, script:not([src])").length`), 0);
    check(looked);
});

test("faults are armed and disarmed", async () => {
    const looked = await browser.open(at({ tab: "faults" }));
    await looked.until(`document.querySelector("#faults")?.innerText === "No rule is armed."`);
    await looked.click("#arm .bar button");
    await looked.until(`document.querySelector("#faults tbody tr")`);
    const [armed] = await (await fetch(`${engine}/emulator/v1/faults`)).json();
    assert.deepEqual([armed.rule.service, armed.rule.times, armed.rule.fault.status], ["blob", 1, 503]);
    await looked.type("#arm textarea", `{"service": "blob"}`);
    await looked.click("#arm .bar button");
    assert.match(await looked.text("#arm-problem"), /fault/);
    await looked.picture("faults");
    // The badge is there on every tab.
    await page.go(at({ tab: "query", db: database }));
    await page.until(`document.querySelector("#armed").innerText === "1"`);
    assert.match(await page.value(`[...document.querySelectorAll("#arm [name=service] option")].map((one) => one.innerText).join()`), /entra,managedIdentity/);
    await looked.click("#faults tbody button");
    await looked.until(`document.querySelector("#faults")?.innerText === "No rule is armed."`);
    assert.deepEqual(await (await fetch(`${engine}/emulator/v1/faults`)).json(), []);
    check(looked);
});

test("nothing is wider than a narrow screen", async () => {
    const looked = await browser.open(`${engine}/`, 360, 740);
    await looked.dark();
    const q = "Table1 | project Column2, Column1 | render timechart";
    for (const members of [{ tab: "ingestions" }, { tab: "tables", db: database, table: "Table1" },
        { tab: "query", db: database, q }, { tab: "faults" }]) {
        await looked.go(at(members));
        const ready = { ingestions: first, tables: "#table td", query: "#answer svg", faults: "#faults p" }[members.tab];
        await looked.until(`document.querySelector("${ready}")?.checkVisibility()`);
        const hidden = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth";
        assert.equal(await looked.value(hidden), 0, members.tab);
        await looked.picture(`narrow-${members.tab}`);
    }
    check(looked);
});

test("long names of tables hide no column, and a chosen table comes first on a narrow screen", async () => {
    const name = "Table_with_a_name_of_the_length_that_programs_make_1796052504783";
    await command(`.create table ${name} (n:long)`);
    const looked = await browser.open(at({ tab: "tables", db: database, table: name }), 1000, 740);
    for (const width of [1000, 360]) {
        await looked.resize(width, 740);
        await looked.text("#table table");
        assert.equal(await looked.value(`document.querySelector("#databases").scrollWidth - document.querySelector("#databases").clientWidth`), 0);
    }
    const top = (id) => looked.value(`document.querySelector("${id}").getBoundingClientRect().top`);
    assert.ok((await top("#table")) < (await top("#databases")));
    check(looked);
});

test("a demanded token is asked for", async () => {
    const demanding = process.env.KUSTO_TEST_ENGINE_WITH_TOKEN;
    const looked = await browser.open(`${demanding}/#tab=tables`);
    await looked.text("#token");
    await looked.type("#token input", process.env.KUSTO_TEST_TOKEN);
    await looked.click("#token button");
    assert.match(await looked.text("#databases"), new RegExp(database));
    await looked.until(`document.querySelector("#token").hidden`);
    assert.deepEqual(looked.problems, []);
});

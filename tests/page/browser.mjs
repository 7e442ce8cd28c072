// A headless Chromium, spoken to over the pipes of its DevTools protocol: no port, no package.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Far more than anything here takes; only what never comes waits this long. */
const PATIENCE_MS = 60_000;

export class Browser {
    #process;
    #home = mkdtempSync(join(tmpdir(), "kusto-page-"));
    #calls = new Map();
    #listeners = new Map();
    #next = 1;

    static async launch() {
        const browser = new Browser();
        const flags = [
            "--headless", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu",
            "--disable-dev-shm-usage", "--disable-background-networking", "--no-proxy-server",
            `--user-data-dir=${browser.#home}`, "about:blank",
        ];
        const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"];
        browser.#process = spawn("chromium", flags, { stdio });
        browser.#listen(browser.#process.stdio[4]);
        await browser.send("Browser.getVersion");
        return browser;
    }

    /** Messages end with a zero byte. */
    #listen(pipe) {
        let rest = "";
        pipe.setEncoding("utf8").on("data", (text) => {
            const messages = (rest + text).split("\0");
            rest = messages.pop();
            for (const message of messages) this.#take(JSON.parse(message));
        });
    }

    #take({ id, sessionId, method, params, result, error }) {
        if (id === undefined) return this.#listeners.get(sessionId)?.(method, params);
        const { resolve, reject, timer, what } = this.#calls.get(id);
        this.#calls.delete(id);
        clearTimeout(timer);
        if (error) reject(new Error(`${what}: ${error.message}`));
        else resolve(result);
    }

    send(method, params = {}, sessionId = undefined, what = method) {
        const id = this.#next++;
        this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        return new Promise((resolve, reject) => {
            const late = () => reject(new Error(`${what}: nothing within ${PATIENCE_MS} ms`));
            this.#calls.set(id, { resolve, reject, what, timer: setTimeout(late, PATIENCE_MS) });
        });
    }

    async open(url, width = 1200, height = 900) {
        const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
        const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
        const page = new Page(this, sessionId);
        this.#listeners.set(sessionId, (method, params) => page.heard(method, params));
        for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
        await page.resize(width, height);
        await page.go(url);
        return page;
    }

    async close() {
        const ended = once(this.#process, "exit");
        await this.send("Browser.close");
        await ended;
        rmSync(this.#home, { recursive: true, force: true, maxRetries: 10 });
    }
}

export class Page {
    #browser;
    #session;
    /** Dialogs, exceptions and what the browser refused; an answer that is an error is none of them. */
    problems = [];
    /** The addresses of all requests. */
    requests = [];

    constructor(browser, session) {
        this.#browser = browser;
        this.#session = session;
    }

    send(method, params, what) {
        return this.#browser.send(method, params, this.#session, what);
    }

    heard(method, params) {
        if (method === "Page.javascriptDialogOpening") this.problems.push(`dialog: ${params.message}`);
        if (method === "Runtime.exceptionThrown") this.problems.push(params.exceptionDetails.exception?.description);
        if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
        if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") {
            this.problems.push(params.entry.text);
        }
    }

    go(url) {
        return this.send("Page.navigate", { url });
    }

    resize(width, height) {
        return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    }

    dark() {
        return this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
    }

    /** The value of an expression in the page. */
    async value(expression, what = expression) {
        const asked = { expression, awaitPromise: true, returnByValue: true };
        const { result, exceptionDetails } = await this.send("Runtime.evaluate", asked, what);
        if (exceptionDetails) throw new Error(`${what}: ${exceptionDetails.exception?.description}`);
        return result.value;
    }

    /** Waits until an expression is something, and gives it. */
    until(expression) {
        const look = `new Promise((found) => {
            const look = () => {
                const value = ${expression};
                if (value) found(value); else setTimeout(look, 20);
            };
            look();
        })`;
        return this.value(look, expression);
    }

    /** Waits until the element is shown, and gives its text. */
    text(selector) {
        return this.until(`(() => {
            const node = document.querySelector(${JSON.stringify(selector)});
            return node?.checkVisibility() && (node.innerText ?? node.textContent);
        })()`);
    }

    async click(selector) {
        await this.text(selector);
        await this.value(`document.querySelector(${JSON.stringify(selector)}).click()`);
    }

    /** Puts the focus on the element and types over what is in it. */
    async type(selector, text) {
        await this.until(`document.querySelector(${JSON.stringify(selector)})?.checkVisibility()`);
        await this.value(`document.querySelector(${JSON.stringify(selector)}).select()`);
        await this.send("Input.insertText", { text });
    }

    async press(key, { ctrl = false, shift = false } = {}) {
        const modifiers = (ctrl ? 2 : 0) + (shift ? 8 : 0);
        const named = { key, code: key, modifiers, windowsVirtualKeyCode: { Enter: 13, Tab: 9 }[key] };
        // Enter does what it does (follows a link, presses a button) by the character that it types.
        const types = key === "Enter" && !ctrl ? { type: "keyDown", text: "\r" } : { type: "rawKeyDown" };
        await this.send("Input.dispatchKeyEvent", { ...named, ...types });
        await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...named });
    }

    /** A picture, where KUSTO_TEST_PICTURES names a directory. */
    async picture(name) {
        const directory = process.env.KUSTO_TEST_PICTURES;
        if (!directory) return;
        const { data } = await this.send("Page.captureScreenshot", { format: "png" });
        writeFileSync(join(directory, `${name}.png`), Buffer.from(data, "base64"));
    }
}

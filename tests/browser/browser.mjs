// A browser with eyes for what a page must never do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function launch() {
  const executablePath = process.env.FLUXGATE_CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath });
}

/** A person with a browser of his own. */
export class Person {
  static async arrive(browser, options = {}) {
    const person = new Person();
    person.context = await browser.newContext({ viewport: { width: 390, height: 800 }, ...options });
    person.page = await person.context.newPage();
    person.page.setDefaultTimeout(30000);
    person.complaints = [];
    person.page.on("pageerror", (error) => person.complaints.push(String(error)));
    person.page.on("console", (message) => {
      // A request that fails is the network's; the tests cut it.
      const text = message.text();
      const isError = ["error", "warning"].includes(message.type());
      if (isError && !/^Failed to load resource|ERR_/.test(text)) person.complaints.push(text);
    });
    person.page.on("request", (request) => {
      const { hostname, href } = new URL(request.url());
      if (hostname !== "localhost") person.complaints.push(`asked ${href}`);
    });
    return person;
  }

  /** Waits until the page shows this state. */
  async sees(state) {
    await this.page.locator(`main[data-state="${state}"]`).waitFor({ state: "attached" });
  }

  async state() {
    return this.page.locator("main").getAttribute("data-state");
  }

  async place() {
    return Number(await this.page.locator("#place").textContent());
  }

  async checkAccess(what) {
    // From outside of the page's policy, as a browser's extension would.
    const found = await this.page.evaluate(`${axe};
      axe.run(document, { resultTypes: ["violations"] }).then((result) => result.violations.map(
        (each) => each.id + ": " + each.nodes.map((node) => node.target.join(" ") + " " +
          node.failureSummary).join("; ")))`);
    assert.deepEqual(found, [], `axe-core on ${what}`);
    const isWide = await this.page.evaluate("document.documentElement.scrollWidth > innerWidth");
    assert.equal(isWide, false, `${what} scrolls sideways`);
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.complaints, []);
  }
}

// The waiting room as people meet it: the real server, a real browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, Person } from "./browser.mjs";
import { Server } from "./server.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/** A sale at one admission a second whose first token is gone: who comes now waits. */
async function busySale(context, product, quantity, options = ["--rate-limit", 1]) {
  const server = await Server.start(...options);
  context.after(() => server.stop());
  await server.init(product, quantity + 1);
  assert.equal((await server.order(product, "first")).status, "success");
  return server;
}

/** A line that is longer than a test. */
async function longLine(context, product, people) {
  const server = await busySale(context, product, 240);
  const crowd = await server.crowd(product, people);
  context.after(crowd.stop);
  return server;
}

test("two people over the limit → in order; one buys, the other learns it is sold out",
  async (context) => {
    const server = await busySale(context, "last one", 1);
    const crowd = await server.crowd("last one", 5);
    context.after(crowd.stop);
    const ann = await Person.arrive(browser);
    const bob = await Person.arrive(browser);
    await ann.page.goto(server.page("last one", "&userId=ann"));
    await bob.page.goto(server.page("last one", "&userId=bob"));
    assert.equal(await ann.state(), "waiting");
    assert.equal(await bob.state(), "waiting");
    // Of the server, because a page shows what was a second ago; bob first, because the line moves
    // in between.
    const ahead = async (person) => (await server.get("/waiting-room/tickets/" +
      await person.page.locator("main").getAttribute("data-ticket"))).ahead;
    const [bobs, anns] = [await ahead(bob), await ahead(ann)];
    assert.ok(anns < bobs, `ahead of ann ${anns}, of bob ${bobs}`);
    const [behind, title] = await bob.page.evaluate(() =>
      [document.getElementById("place").textContent, document.title]);
    const places = [await ann.place(), Number(behind)];
    assert.equal(title, `No. ${behind} in line · last one`);

    // Each place is seen to move before its turn.
    const moves = (person, from) => person.page.waitForFunction((first) =>
      Number(document.getElementById("place").textContent) < first, from);
    await Promise.all([moves(ann, places[0]), moves(bob, places[1])]);

    await ann.sees("admitted");
    assert.ok(["waiting", "admitted"].includes(await bob.state()));
    assert.match(await ann.page.title(), /^It is your turn!/);
    await ann.page.getByRole("button", { name: "Order now" }).click();
    await ann.sees("bought");
    const id = await ann.page.locator("code").textContent();
    const order = await server.get(`/orders/${id}`);
    assert.equal(order.userId, "ann");
    assert.equal(order.productId, "last one");

    await bob.sees("sold_out");
    await bob.checkAccess("sold_out");
    assert.equal(await bob.page.getByRole("heading").textContent(), "Sold out");
    const left = await server.get("/products/last%20one");
    assert.equal(left.stock, 0);
    assert.equal(left.accepted, 2);
    await ann.leave();

    // More is released: the line goes on where it was, on the same page.
    await server.init("last one", 1);
    await bob.sees("admitted");
    await bob.leave();
  });

test("people one after the other → admitted in the order they came", async (context) => {
  const server = await busySale(context, "p", 1000);
  const crowd = await server.crowd("p", 3);
  context.after(crowd.stop);
  const people = [];
  for (let i = 0; i < 3; ++i) {
    people.push(await Person.arrive(browser));
    await people[i].page.goto(server.page("p"));
  }
  const tickets = [];
  for (const person of people) {
    tickets.push(await person.page.locator("main").getAttribute("data-ticket"));
  }
  let turns = 0;
  await Promise.all(people.map(async (person, i) => {
    await person.sees("admitted");
    ++turns;
    // Whose turn it is sees that those who came earlier had theirs.
    for (const earlier of [...crowd.tickets, ...tickets.slice(0, i)]) {
      assert.equal((await server.get(`/waiting-room/tickets/${earlier}`)).state, "admitted");
    }
  }));
  assert.equal(turns, 3);
  for (const person of people) await person.leave();
});

test("without script → the page loads itself anew, and a form buys", async (context) => {
  const server = await busySale(context, "p", 10);
  const crowd = await server.crowd("p", 3);
  context.after(crowd.stop);
  // Playwright tells by script when a moving button has come to rest.
  const still = { javaScriptEnabled: false, reducedMotion: "reduce" };
  const person = await Person.arrive(browser, still);
  await person.page.goto(server.page("p"));
  assert.equal(await person.state(), "waiting");
  const first = await person.place();
  assert.ok(first > 0);
  await person.sees("admitted");
  await person.page.getByRole("button", { name: "Order now" }).click();
  await person.sees("bought");
  const id = await person.page.locator("code").textContent();
  assert.match((await server.get(`/orders/${id}`)).userId, /^guest-[0-9a-f]{32}$/);
  await person.leave();
  assert.equal((await server.get("/products/p")).accepted, 2);
});

test("neither script nor cookies → the place is kept by the links", async (context) => {
  const server = await longLine(context, "p", 60);
  const answer = await fetch(server.page("p"));
  const link = /http-equiv="refresh" content="\d+;url=([^"]+)"/.exec(await answer.text())[1];
  const again = await fetch(server.url + link.replaceAll("&amp;", "&"));
  const html = await again.text();
  assert.match(html, /data-state="waiting"/);
  assert.equal(again.headers.get("set-cookie"), null);
  assert.match(answer.headers.get("set-cookie"),
    /^fluxgate-[0-9a-f]{32}=[\w.-]+; Path=\/waiting-room; Max-Age=86400; HttpOnly; SameSite=Lax$/);
  const ticket = /fluxgate-[^=]+=([^;]+)/.exec(answer.headers.get("set-cookie"))[1];
  assert.ok(link.includes(ticket));
});

test("a reload and a new tab → the same place", async (context) => {
  const server = await longLine(context, "p", 60);
  const person = await Person.arrive(browser);
  await person.page.goto(server.page("p"));
  const ticket = await person.page.locator("main").getAttribute("data-ticket");
  await person.page.reload();
  assert.equal(await person.page.locator("main").getAttribute("data-ticket"), ticket);
  const tab = await person.context.newPage();
  await tab.goto(server.page("p"));
  assert.equal(await tab.locator("main").getAttribute("data-ticket"), ticket);
  await person.leave();
});

test("the server dies and comes back → so does the page, at the same place", async (context) => {
  const server = await longLine(context, "p", 90);
  const person = await Person.arrive(browser);
  await person.page.goto(server.page("p"));
  const ticket = await person.page.locator("main").getAttribute("data-ticket");
  const before = await person.place();
  await server.end("SIGKILL");
  const lost = person.page.getByText("The connection is lost.", { exact: false })
    .and(person.page.locator("#connection"));
  await lost.waitFor();
  await person.checkAccess("connection lost");
  assert.equal(await person.state(), "waiting");
  await server.run();
  await lost.waitFor({ state: "hidden" });
  const look = await server.get(`/waiting-room/tickets/${ticket}`);
  assert.equal(look.state, "waiting");
  assert.ok(look.position <= before);
  await person.page.waitForFunction((first) =>
    Number(document.getElementById("place").textContent) < first, before);
  await person.leave();
});

test("the server comes back without its data → the page says that the place has ended",
  async (context) => {
    const server = await longLine(context, "p", 60);
    const person = await Person.arrive(browser);
    await person.page.goto(server.page("p"));
    await person.sees("waiting");
    await server.end("SIGKILL");
    server.loseData();
    await server.run();
    await person.sees("expired");
    await person.leave();
  });

test("no stream to be had → the page polls", async (context) => {
  const server = await busySale(context, "p", 10);
  const crowd = await server.crowd("p", 4);
  context.after(crowd.stop);
  const person = await Person.arrive(browser);
  const asked = { events: 0, tickets: 0 };
  await person.page.route("**/waiting-room/events*", (route) => {
    ++asked.events;
    return route.fulfill({ status: 503, body: "" });
  });
  person.page.on("request", (request) => {
    if (request.url().includes("/waiting-room/tickets/")) ++asked.tickets;
  });
  await person.page.goto(server.page("p"));
  await person.sees("admitted");
  assert.equal(asked.events, 1);
  assert.ok(asked.tickets >= 1);
  await person.leave();
});

test("a stream → the page does not poll", async (context) => {
  const server = await busySale(context, "p", 10);
  const crowd = await server.crowd("p", 4);
  context.after(crowd.stop);
  const person = await Person.arrive(browser);
  let polls = 0;
  person.page.on("request", (request) => {
    if (request.url().includes("/waiting-room/tickets/")) ++polls;
  });
  await person.page.goto(server.page("p"));
  assert.equal(await person.state(), "waiting");
  await person.sees("admitted");
  assert.equal(polls, 0);
  await person.leave();
});

test("by keyboard alone → Tab finds the button, Enter orders", async (context) => {
  const server = await Server.start();
  context.after(() => server.stop());
  await server.init("p", 1);
  const person = await Person.arrive(browser);
  await person.page.goto(server.page("p"));
  await person.sees("admitted");
  await person.page.keyboard.press("Tab");
  assert.equal(await person.page.evaluate("document.activeElement.id"), "order");
  await person.page.keyboard.press("Enter");
  await person.sees("bought");
  await person.leave();
});

test("a moving line → the live region does not chatter, and says whose turn it is",
  async (context) => {
    const server = await busySale(context, "p", 100);
    const crowd = await server.crowd("p", 6);
    context.after(crowd.stop);
    const person = await Person.arrive(browser);
    await person.page.goto(server.page("p"));
    await person.page.evaluate(() => {
      window.said = [];
      const region = document.getElementById("spoken");
      new MutationObserver(() => window.said.push(region.textContent))
        .observe(region, { childList: true, characterData: true, subtree: true });
    });
    await person.sees("admitted");
    assert.deepEqual(await person.page.evaluate("window.said"),
      ["It is your turn. You have a few minutes to order."]);
    await person.leave();
  });

test("a browser's language → the page speaks it", async (context) => {
  const server = await longLine(context, "p", 60);
  for (const [locale, language, heading] of [
    ["de-AT", "de", "Sie stehen in der Warteschlange"],
    ["fr-FR", "fr", "Vous êtes dans la file"],
    ["es-MX", "es", "Está en la fila"],
    ["ja-JP", "ja", "順番をお待ちください"],
    ["pt-BR", "en", "You are in line"],
  ]) {
    const person = await Person.arrive(browser, { locale, viewport: { width: 320, height: 640 } });
    const answer = await person.page.goto(server.page("p"));
    assert.equal(answer.headers()["content-language"], language);
    assert.equal(await person.page.getAttribute("html", "lang"), language);
    assert.equal(await person.page.getByRole("heading").textContent(), heading);
    await person.checkAccess(`waiting in ${language}`);
    await person.leave();
  }
});

test("any state, light and dark, on a small phone → axe-core finds no fault", async (context) => {
  const server = await longLine(context, "p", 60);
  await server.init("bare", 0);
  // Whoever has a name may join once a second.
  const strict = await Server.start("--user-rate", 1, "--user-burst", 1);
  context.after(() => strict.stop());
  await strict.init("p", 1);
  await server.change({ lineClosed: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [{ width: 320, height: 640 }, { width: 1280, height: 800 }]) {
      const person = await Person.arrive(browser, { colorScheme, viewport });
      const looks = async (what, url, status = 200) => {
        const answer = await person.page.goto(url);
        assert.equal(answer.status(), status);
        await person.sees(what);
        await person.checkAccess(`${what} ${colorScheme} ${viewport.width}`);
      };
      await looks("waiting", server.page("p", "&userId=crowd-59"));
      await person.page.context().clearCookies();
      await looks("closed", server.page("p"), 503);
      const named = `&userId=${colorScheme}${viewport.width}`;
      await person.page.goto(strict.page("p", named));
      await person.page.context().clearCookies();
      await looks("busy", strict.page("p", named), 429);
      await looks("gone", server.page("bare"));
      await looks("unknown", server.page("none"), 404);
      await looks("expired", server.page("p", "&ticket=nonsense"), 404);
      await person.leave();
    }
  }
});

test("no limit → it is everybody's turn at once; bought, expired, and again", async (context) => {
  const server = await Server.start();
  context.after(() => server.stop());
  await server.init("p", 2, { maxPerUser: 1 });
  for (const colorScheme of ["light", "dark"]) {
    const person = await Person.arrive(browser,
      { colorScheme, viewport: { width: 320, height: 640 } });
    await person.page.goto(server.page("p", `&userId=${colorScheme}`));
    await person.sees("admitted");
    await person.checkAccess(`admitted ${colorScheme}`);
    await person.page.getByRole("button", { name: "Order now" }).click();
    await person.sees("bought");
    await person.checkAccess(`bought ${colorScheme}`);
    if (colorScheme === "dark") {  // that was the last one
      await person.leave();
      continue;
    }
    await person.page.goto(server.page("p"));
    await person.sees("expired");
    await person.page.getByRole("link", { name: "Join again" }).click();
    await person.sees("admitted");
    assert.equal(new URL(person.page.url()).searchParams.has("again"), false);
    await person.page.getByRole("button", { name: "Order now" }).click();
    await person.page.getByText("as much as one person may", { exact: false }).waitFor();
    await person.checkAccess("over the limit");
    await person.leave();
  }
  assert.equal((await server.get("/products/p")).stock, 0);
});

test("ids that are markup → text on the page", async (context) => {
  const server = await Server.start();
  context.after(() => server.stop());
  const product = `"><script>document.title="owned"</script>&amp;'`;
  await server.init(product, 1);
  const person = await Person.arrive(browser);
  await person.page.goto(server.page(product, `&userId=${encodeURIComponent(product)}`));
  await person.sees("admitted");
  assert.equal(await person.page.locator(".product").textContent(), product);
  assert.equal(await person.page.title(), `It is your turn! · ${product}`);
  await person.page.getByRole("button", { name: "Order now" }).click();
  await person.sees("bought");
  const id = await person.page.locator("code").textContent();
  assert.equal((await server.get(`/orders/${id}`)).userId, product);
  await person.leave();
});

test("reduced motion → nothing moves", async (context) => {
  const server = await longLine(context, "p", 60);
  const person = await Person.arrive(browser, { reducedMotion: "reduce" });
  await person.page.goto(server.page("p"));
  const moving = await person.page.evaluate(() => [...document.querySelectorAll("*")].filter(
    (element) => getComputedStyle(element).animationName !== "none").length);
  assert.equal(moving, 0);
  assert.equal(await person.page.evaluate("document.getAnimations().length"), 0);
  await person.leave();
});

test("screenshots for the documents", { skip: !process.env.FLUXGATE_SCREENSHOTS },
  async (context) => {
    const server = await longLine(context, "iphone-15", 40);
    const folder = process.env.FLUXGATE_SCREENSHOTS;
    for (const [name, options] of [
      ["phone", { viewport: { width: 320, height: 640 }, deviceScaleFactor: 2 }],
      ["desktop", { viewport: { width: 960, height: 680 } }],
      ["dark", { viewport: { width: 960, height: 680 }, colorScheme: "dark" }],
    ]) {
      const person = await Person.arrive(browser, options);
      await person.page.goto(server.page("iphone-15"));
      const first = await person.place();
      await person.page.waitForFunction((place) =>
        Number(document.getElementById("place").textContent) <= place * 0.8, first);
      await person.page.screenshot({ path: `${folder}/waiting-room-${name}.png` });
      await person.leave();
    }
    const person = await Person.arrive(browser,
      { viewport: { width: 320, height: 640 }, deviceScaleFactor: 2 });
    const free = await Server.start();
    context.after(() => free.stop());
    await free.init("iphone-15", 1);
    await person.page.goto(free.page("iphone-15"));
    await person.sees("admitted");
    await person.page.screenshot({ path: `${folder}/waiting-room-turn.png` });
    await person.leave();
  });

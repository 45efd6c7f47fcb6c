// The flash sale: a hundred phones, a hundred buyers at once, every one of them in a hurry.
//
//   k6 run load-test.k6.js                            the sale: 0 → 50 → 100 → 0 VUs in 25 s
//   k6 run -e SCENARIO=stress load-test.k6.js         100 VUs for 5 min
//   k6 run -e SCENARIO=spike load-test.k6.js          10 → 500 VUs in one second, and back
//   k6 run -e SCENARIO=soak load-test.k6.js           50 VUs for 30 min
//   k6 run -e SCENARIO=waiting_room load-test.k6.js   400 people, 100 at a time, at 20 a second
//
// It opens a round of the product, lets everyone order, and then asks the server's own log whether
// it sold what it had: not one unit more and, once sold out, not one fewer. k6 ends with something
// other than 0 if any answer was invalid, the books do not balance or the answers came too late.
//
// In the waiting room everybody orders, is told to wait, takes a ticket, asks when he is told to,
// and buys with his pass. The log then shows whether those who came first were let in first, and no
// faster than the rate. That is set by PATCH /admin/settings and set back at the end; the server's
// log keeps it, so from then on it counts and not --rate-limit.
//
// Environment:
//   BASE_URL        http://localhost:3000
//   ADMIN_TOKEN     bearer token of the admin routes; none: they answer loopback callers only
//   SCENARIO        flash_sale, stress, spike, soak, waiting_room
//   PRODUCT, STOCK  iphone-15, 100; 300 in the waiting room
//   PEOPLE, RATE    400, 20; who comes to the waiting room, admissions per second
//   DURATION_SCALE  1; every duration is multiplied by it, so 0.2 is a quick look
//   K6_LATENCY      0 leaves the latency thresholds out, for machines that also do other things
//   NULL_SERVER     1 sends orders only, to measure k6 itself against a server that does nothing

import http from 'k6/http';
import { check, sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const base_url = (__ENV.BASE_URL || 'http://localhost:3000').replace(/\/+$/, '');
const scenario = __ENV.SCENARIO || 'flash_sale';
const product_id = __ENV.PRODUCT || 'iphone-15';
const duration_scale = Number(__ENV.DURATION_SCALE || 1);
const null_server = __ENV.NULL_SERVER === '1';
const has_line = scenario === 'waiting_room';
const people = integer('PEOPLE', 400);
const stock_units = integer('STOCK', has_line ? 300 : 100);
const rate = integer('RATE', 20);
const settle_wait_s_max = 30;

const orders_accepted = new Counter('orders_accepted');
const orders_rejected = new Counter('orders_rejected');
const rate_limited = new Counter('rate_limited');
const order_latency = new Trend('order_latency', true);
// Set by teardown() from the server's log.
const units_oversold = new Counter('units_oversold');
const units_undersold = new Counter('units_undersold');
// Orders in the log less the 200s seen here. More is right: an order whose answer was cut off by
// the end of the ramp is an order. Fewer is a 200 that nobody wrote down.
const orders_unseen = new Counter('orders_unseen');
const people_overtaken = new Counter('people_overtaken');
const people_too_fast = new Counter('people_too_fast');

const scenarios = {
  flash_sale: ramp(0, [[50, 10], [100, 10], [0, 5]]),
  stress: constant(100, 5 * 60),
  spike: ramp(10, [[10, 10], [500, 1], [500, 10], [10, 1]]),
  soak: constant(50, 30 * 60),
  waiting_room: {
    executor: 'shared-iterations',
    exec: 'wait_and_buy',
    vus: Math.min(100, people),
    iterations: people,
    maxDuration: '10m',
  },
};
if (!scenarios[scenario]) {
  throw new Error(`SCENARIO is one of ${Object.keys(scenarios).join(', ')}, not ${scenario}`);
}
if (!(duration_scale > 0)) throw new Error(`DURATION_SCALE is a number above 0`);

export const options = {
  scenarios: { [scenario]: scenarios[scenario] },
  thresholds: thresholds(),
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)'],
  setupTimeout: '60s',
  teardownTimeout: '120s',
};

function integer(name, otherwise) {
  const value = Number(__ENV[name] || otherwise);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is a whole number`);
  return value;
}

function duration(seconds) {
  return `${Math.max(1, Math.round(seconds * 1000 * duration_scale))}ms`;
}

function ramp(start, stages) {
  return {
    executor: 'ramping-vus',
    startVUs: start,
    stages: stages.map(([target, seconds]) => ({ target, duration: duration(seconds) })),
    gracefulRampDown: '0s',
  };
}

function constant(vus, seconds) {
  return { executor: 'constant-vus', vus, duration: duration(seconds) };
}

function thresholds() {
  const limits = { checks: ['rate==1'] };
  if (!null_server) {
    limits.units_oversold = ['count==0'];
    limits.units_undersold = ['count==0'];
    limits.orders_unseen = ['count>=0'];
  }
  if (has_line) {
    limits.people_overtaken = ['count==0'];
    limits.people_too_fast = ['count==0'];
  }
  if (__ENV.K6_LATENCY !== '0') limits.order_latency = ['p(95)<20', 'p(99)<50'];
  return limits;
}

function admin_params() {
  const headers = { 'Content-Type': 'application/json' };
  if (__ENV.ADMIN_TOKEN) headers.Authorization = `Bearer ${__ENV.ADMIN_TOKEN}`;
  return { headers };
}

function product_url() {
  return `${base_url}/products/${encodeURIComponent(product_id)}`;
}

/// Opens a round of the product; without one there is nothing to test and k6 ends here.
export function setup() {
  if (null_server) return { round: 0 };
  const body = JSON.stringify({ productId: product_id, quantity: stock_units });
  const response = http.post(`${base_url}/init`, body, admin_params());
  if (response.status !== 200) {
    throw new Error(`POST /init answered ${response.status} ${response.error || response.body}`);
  }
  return { round: response.json('round'), before: has_line ? change(line_settings) : null };
}

const line_settings = {
  rateLimit: rate,
  rateBurst: 0,
  lineClosed: false,
  admitAll: false,
  salePaused: false,
};

/// Changes the server's settings and returns what they were.
function change(settings) {
  const url = `${base_url}/admin/settings`;
  const before = http.get(url, admin_params());
  if (before.status !== 200) {
    throw new Error(`GET ${url} answered ${before.status} ${before.error || before.body}`);
  }
  const after = http.patch(url, JSON.stringify(settings), admin_params());
  if (after.status !== 200) {
    throw new Error(`PATCH ${url} answered ${after.status} ${after.error || after.body}`);
  }
  return before.json();
}

const valid_statuses = http.expectedStatuses(200, 302, 409);

export default function () {
  order(crypto.randomUUID());
}

/// Orders one unit, with a pass if there is one, and counts the answer.
function order(user_id, pass) {
  const headers = {
    'Content-Type': 'application/json',
    'x-idempotency-key': crypto.randomUUID(),
  };
  if (pass) headers['x-admission-pass'] = pass;
  const response = http.post(
    `${base_url}/order`,
    JSON.stringify({ productId: product_id, userId: user_id }),
    {
      headers,
      redirects: 0,
      responseCallback: valid_statuses,
      tags: { name: 'order' },
    },
  );
  order_latency.add(response.timings.duration);
  check(response, { 'valid response': (r) => [200, 302, 409].includes(r.status) });
  if (response.status === 200) {
    orders_accepted.add(1);
    orders_unseen.add(-1);
    check(response, { 'accepted order has an id': (r) => !!r.json('orderId') });
  } else if (response.status === 302) {
    rate_limited.add(1);
  } else if (response.status === 409) {
    orders_rejected.add(1);
  }
  return response.status;
}

/// One person in the waiting room. His name begins with the time at which he came.
export function wait_and_buy(data) {
  const came = Date.now();
  const user_id = `${came}-${crypto.randomUUID()}`;
  if (order(user_id) !== 302) return;
  const joined = http.post(
    `${base_url}/waiting-room/tickets`,
    JSON.stringify({ productId: product_id, userId: user_id }),
    { headers: { 'Content-Type': 'application/json' }, responseCallback: joined_statuses },
  );
  check(joined, { 'a ticket, or sold out': (r) => r.status === 201 || r.status === 409 });
  if (joined.status !== 201) return;
  const pass = wait_for_pass(joined.json());
  if (pass === null) {
    // Sold out before his turn: then nobody who came well behind him can have bought.
    const later = orders_in_log(data.round).some((o) => came_at(o) > came + 2 * arrival_slack_ms);
    if (later) people_overtaken.add(1);
    return;
  }
  const status = order(user_id, pass);
  check(status, { 'a pass buys, or it is sold out': (s) => s === 200 || s === 409 });
}

const joined_statuses = http.expectedStatuses(201, 409);

/// Asks until it is his turn. Null: it is sold out.
function wait_for_pass(first) {
  const url = `${base_url}/waiting-room/tickets/${first.ticket}`;
  let place = first;
  let ahead = first.ahead;
  for (;;) {
    const response = http.get(url, { tags: { name: 'look' } });
    const is_known = check(response, { 'the ticket is known': (r) => r.status === 200 });
    if (!is_known) return null;
    place = response.json();
    check(place, {
      'nobody came in before': (p) => p.ahead <= ahead,
      'the state is of one who is there': (p) =>
        ['waiting', 'admitted', 'sold_out'].includes(p.state),
      'a pass when admitted, and only then': (p) => (p.state === 'admitted') === !!p.pass,
    });
    ahead = place.ahead;
    if (place.state === 'admitted') return place.pass;
    if (place.state !== 'waiting') return null;
    // Sooner than told where it is his turn soon, so that the log shows when he was let in.
    sleep(Math.min(place.refreshSeconds, Math.max(0.2, place.waitSeconds / 2)));
  }
}

/// Waits until no order's outcome is open any more. Orders whose client has gone are still written.
function settled_product() {
  for (let waited_s = 0; ; waited_s += 0.1) {
    const response = http.get(product_url());
    if (response.status !== 200) {
      throw new Error(`GET ${product_url()} answered ${response.status} ${response.error}`);
    }
    const product = response.json();
    if (product.pending === 0 || waited_s > settle_wait_s_max) return product;
    sleep(0.1);
  }
}

/// All orders of the round, from the log.
function orders_in_log(round) {
  const orders = [];
  const path = `${base_url}/orders?productId=${encodeURIComponent(product_id)}&round=${round}`;
  for (let after = 0; after !== null; ) {
    const response = http.get(`${path}&after=${after}&limit=1000`, admin_params());
    if (response.status !== 200) {
      throw new Error(`GET ${response.url} answered ${response.status} ${response.error}`);
    }
    const page = response.json();
    orders.push(...page.orders);
    after = page.next;
  }
  return orders;
}

// Who came so much later stands behind, whichever of the two was answered first; and whose turn it
// is learns of it, and has ordered, within so much.
const arrival_slack_ms = 1000;
const order_slack_ms = 2000;

/// When the buyer came to the waiting room.
function came_at(order) {
  return Number(order.userId.split('-')[0]);
}

/// Counts who was let in before somebody who came first, and who was let in too early.
function check_line(round) {
  const orders = orders_in_log(round)
    .map((o) => ({ came: came_at(o), bought: Date.parse(o.acceptedAt) }))
    .sort((a, b) => a.came - b.came);
  let latest = -Infinity; // order of those who came well before
  let first = 0;
  for (const one of orders) {
    for (; orders[first].came + arrival_slack_ms < one.came; ++first) {
      latest = Math.max(latest, orders[first].bought);
    }
    if (one.bought + order_slack_ms < latest) people_overtaken.add(1);
  }
  // A burst as large as the rate, and in each second after it as many again.
  const bought = orders.map((o) => o.bought).sort((a, b) => a - b);
  bought.forEach((at, i) => {
    const seconds = (at - bought[0] + order_slack_ms) / 1000;
    if (i + 1 > rate + rate * seconds) people_too_fast.add(1);
  });
  people_overtaken.add(0);
  people_too_fast.add(0);
}

/// Compares what the server says it sold with what is in its log.
export function teardown(data) {
  if (null_server) return;
  if (has_line) change(data.before);
  const product = settled_product();
  const answer = http.get(`${product_url()}/audit?round=${data.round}`, admin_params());
  if (answer.status !== 200) {
    throw new Error(`GET ${answer.url} answered ${answer.status} ${answer.error}`);
  }
  const audit = answer.json();
  const sold_out = product.stock === 0;

  units_oversold.add(Math.max(0, audit.unitsInLog - stock_units));
  units_undersold.add(sold_out ? Math.max(0, stock_units - audit.unitsInLog) : 0);
  orders_unseen.add(audit.ordersInLog);
  check(product, {
    'still the round this test opened': (p) => p.round === data.round,
    'nothing is pending': (p) => p.pending === 0,
    'stock and accepted make the quantity': (p) =>
      p.quantity === stock_units && p.stock + p.accepted === stock_units,
  });
  check(audit, {
    'the log has every accepted unit': (a) => a.unitsInLog === product.accepted,
    'nothing oversold': (a) => a.oversold === false && a.unitsInLog <= stock_units,
    'sold out means all sold': (a) => !sold_out || a.unitsInLog === stock_units,
  });
  if (has_line) {
    check_line(data.round);
    const wanted = Math.min(people, stock_units);
    check(audit, { 'everybody who came for a unit has one': (a) => a.unitsInLog === wanted });
  }
  console.log(
    `${product_id}, round ${data.round}: ${audit.ordersInLog} orders with ${audit.unitsInLog} of ` +
      `${stock_units} units in the log, ${product.stock} left`,
  );
}

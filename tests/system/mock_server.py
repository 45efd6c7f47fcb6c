#!/usr/bin/env python3
"""A sale in memory that can be told to cheat, to show that load-test.k6.js notices.

    mock_server.py FAULT

FAULT is `none`; `oversells`: one order more than the stock is accepted; `undersells`: says that it
is sold out with one order missing; `forgets`: one accepted order is not in the log; `stuck`: one
order stays pending; `errs`: one order in the sale is answered 500; `overtakes`: who came last is
let in first; `hurries`: people are let in at five times the rate. The first line on stdout says
where it listens.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = ("none", "oversells", "undersells", "forgets", "stuck", "errs", "overtakes", "hurries")


class Sale:
    """The stock of one product. Threads: any; one lock."""

    def __init__(self, fault):
        self.fault = fault
        self.lock = threading.Lock()
        self.round = 0
        self.quantity = 0
        self.accepted = 0
        self.seen = 0
        self.rate = 0
        self.log = []  # user and time of each order
        self.line = []  # users in the order they came
        self.line_began = 0.0
        self.admitted = set()

    def init(self, quantity):
        with self.lock:
            self.round += 1
            self.quantity = quantity
            self.accepted = 0
            self.seen = 0
            self.log = []
            return 200, {"status": "ok", "round": self.round, "quantity": quantity}

    def order(self, user, has_pass):
        extra = {"oversells": 1, "undersells": -1}.get(self.fault, 0)
        with self.lock:
            self.seen += 1
            if self.fault == "errs" and self.seen == 1:
                return 500, {"status": "error", "code": "internal", "msg": "planted"}
            if self.accepted >= self.quantity + extra:
                return 409, {"status": "sold_out", "msg": "Inventory empty"}
            if self.rate and not has_pass:
                return 302, {"status": "waiting", "msg": "Wait"}
            self.accepted += 1
            self.log.append((user, time.time()))
            return 200, {"status": "success", "orderId": f"{self.accepted:029d}"}

    def settings(self, change):
        with self.lock:
            self.rate = change.get("rateLimit", self.rate)
            return 200, {"rateLimit": self.rate}

    def join(self, user):
        with self.lock:
            if self.accepted >= self.quantity:
                return 409, {"status": "sold_out", "msg": "Inventory empty"}
            if not self.line:
                self.line_began = time.monotonic()
            self.line.append(user)
            return 201, {**self.place(user), "ticket": user}

    def look(self, user):
        with self.lock:
            rate = self.rate * (5 if self.fault == "hurries" else 1)
            due = int(rate * (time.monotonic() - self.line_began)) - len(self.admitted)
            waiting = [one for one in self.line if one not in self.admitted]
            if self.fault == "overtakes":
                waiting.reverse()
            self.admitted.update(waiting[:max(0, due)])
            return 200, self.place(user)

    def place(self, user):
        waiting = [one for one in self.line if one not in self.admitted]
        ahead = waiting.index(user) if user in waiting else 0
        place = {"state": "waiting", "ahead": ahead, "waitSeconds": 0, "refreshSeconds": 0.2}
        if self.accepted >= self.quantity:
            place["state"] = "sold_out"
        elif user in self.admitted:
            place.update(state="admitted", **{"pass": user})
        return place

    def orders(self):
        with self.lock:
            stamp = "%Y-%m-%dT%H:%M:%S"
            orders = [{"userId": user, "acceptedAt": time.strftime(stamp, time.gmtime(at)) +
                       f".{int(at * 1000) % 1000:03d}Z"} for user, at in self.log]
            return 200, {"orders": orders, "next": None}

    def books(self):
        """Units in the log and units left, as this server tells them."""
        sold = self.accepted - (1 if self.fault == "forgets" and self.accepted else 0)
        left = max(0, self.quantity - sold)
        if self.fault == "undersells" and left == 1:
            left = 0
        return sold, left

    def product(self):
        with self.lock:
            _, left = self.books()
            pending = 1 if self.fault == "stuck" else 0
            return 200, {"round": self.round, "quantity": self.quantity, "stock": left,
                         "accepted": self.quantity - left - pending, "pending": pending}

    def audit(self):
        with self.lock:
            sold, _ = self.books()
            return 200, {"round": self.round, "quantity": self.quantity, "ordersInLog": sold,
                         "unitsInLog": sold, "oversold": sold > self.quantity}


def make_handler(sale):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self, status, body):
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/init":
                self.answer(*sale.init(body["quantity"]))
            elif self.path == "/waiting-room/tickets":
                self.answer(*sale.join(body["userId"]))
            else:
                self.answer(*sale.order(body["userId"], "x-admission-pass" in self.headers))

        def do_PATCH(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(*sale.settings(body))

        def do_GET(self):
            if "/audit" in self.path:
                self.answer(*sale.audit())
            elif self.path.startswith("/orders"):
                self.answer(*sale.orders())
            elif self.path.startswith("/waiting-room/tickets/"):
                self.answer(*sale.look(self.path.rsplit("/", 1)[1]))
            elif self.path == "/admin/settings":
                self.answer(*sale.settings({}))
            else:
                self.answer(*sale.product())

        def handle(self):
            try:
                super().handle()
            except ConnectionError:
                pass  # k6 cuts its connections at the end of the ramp

        def log_message(self, *_):
            pass

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in FAULTS:
        sys.exit(f"usage: mock_server.py {'|'.join(FAULTS)}")
    server = Server(("127.0.0.1", 0), make_handler(Sale(sys.argv[1])))
    print(f"mock server listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

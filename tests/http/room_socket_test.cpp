#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "http/answers.hpp"
#include "http/cookie.hpp"
#include "http/fixture.hpp"
#include "http/pages.hpp"

namespace fluxgate::http {
namespace {

// A sale in which who comes now waits: its only token is gone, and fifty people are in line.
struct BusySale : Sale {
  BusySale() : Sale({}, limited()) {
    init("p", 1000);
    const OrderResult first = engine->order({.product_id = "p", .user_id = "first", .key = "k"});
    REQUIRE(first.status == OrderStatus::accepted);
    for (int i = 0; i < 50; ++i) {
      REQUIRE(engine->join({.product_id = "p", .user_id = "u" + std::to_string(i)}).status ==
              JoinStatus::joined);
    }
  }

  static EngineOptions limited() {
    EngineOptions options;
    options.rate_limit = 1;
    return options;
  }
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What stands between `before` and the next quote.
std::string after(std::string_view text, std::string_view before) {
  const std::size_t begin = text.find(before);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = text.substr(begin + before.size());
  return std::string(rest.substr(0, rest.find('"')));
}

std::string state_of(const HttpResponse& page) {
  return std::to_string(page.status) + " " + after(page.body, "data-state=\"");
}

// "name=value" of the cookie an answer sets.
std::string cookie_of(const HttpResponse& answer) {
  const std::string line = answer.header("Set-Cookie");
  return line.substr(0, line.find(';'));
}

HttpRequest with_cookie(std::string target, const std::string& cookie) {
  HttpRequest request = get(std::move(target));
  request.headers.push_back({"Cookie", "x=y; " + cookie});
  return request;
}

HttpRequest as_json(std::string target) {
  HttpRequest request = get(std::move(target));
  request.headers.push_back({"Accept", "application/json"});
  return request;
}

HttpRequest buy(const std::string& ticket, const std::string& pass) {
  return {.method = "POST",
          .target = "/waiting-room/buy",
          .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
          .body = "ticket=" + ticket + "&pass=" + pass};
}

}  // namespace

TEST_CASE("Waiting room: a first visit → in line, with the ticket in a cookie", "[http][socket]") {
  BusySale sale;
  HttpClient client = sale.client();
  const HttpResponse first = client.request(get("/waiting-room?productId=p"));
  CHECK(state_of(first) == "200 waiting");
  CHECK(first.header("Content-Type") == type_html);
  CHECK(first.header("Cache-Control") == "no-store");
  CHECK(has(first.head, page_headers(first.body).substr(0, 100)));
  const std::string ticket = after(first.body, "data-ticket=\"");
  CHECK(first.header("Set-Cookie") + "\r\n" == ticket_cookie_line("p", ticket).substr(12));
  const auto holder = sale.engine->ticket_holder(ticket);
  REQUIRE(holder.has_value());
  CHECK(holder->product_id == "p");
  CHECK(holder->user_id.starts_with("guest-"));

  // With the cookie it is the same place, and the cookie is not given again.
  const HttpResponse again =
      client.request(with_cookie("/waiting-room?productId=p", cookie_of(first)));
  CHECK(after(again.body, "data-ticket=\"") == ticket);
  CHECK(again.header("Set-Cookie").empty());
  CHECK_FALSE(has(again.body, "&amp;ticket="));
  // So it is with the link of a page that cannot rely on a cookie.
  CHECK(has(first.body, "&amp;ticket=" + ticket + "\""));
  const HttpResponse linked =
      client.request(get("/waiting-room?productId=p&from=70&ticket=" + ticket));
  CHECK(after(linked.body, "data-ticket=\"") == ticket);
  CHECK(after(linked.body, "data-from=\"") == "70");
  CHECK(linked.header("Set-Cookie").empty());
  // Without either it is another guest.
  const HttpResponse other = client.request(get("/waiting-room?productId=p"));
  CHECK(after(other.body, "data-ticket=\"") != ticket);
}

TEST_CASE("Waiting room: a named user → one place however often", "[http][socket]") {
  BusySale sale;
  HttpClient client = sale.client();
  const std::string target = "/waiting-room?productId=p&userId=ann%20%C3%A9";
  const HttpResponse first = client.request(get(target));
  const std::string ticket = after(first.body, "data-ticket=\"");
  CHECK(sale.engine->ticket_holder(ticket)->user_id == "ann \u00e9");
  CHECK(after(client.request(get(target)).body, "data-ticket=\"") == ticket);
  // Somebody else's cookie does not give ann his place.
  const HttpResponse bob = client.request(get("/waiting-room?productId=p&userId=bob"));
  const HttpResponse back = client.request(with_cookie(target, cookie_of(bob)));
  CHECK(after(back.body, "data-ticket=\"") == ticket);
  // Nor does a link that names ann take bob's ticket out of his browser; hers is in the page's
  // links.
  CHECK(cookie_of(back).empty());
  CHECK(has(back.body, "ticket=" + ticket));
  CHECK(cookie_of(first).ends_with("=" + ticket));
}

TEST_CASE("Waiting room: a link with somebody else's ticket → shown, and never kept as a cookie",
          "[http][socket]") {
  BusySale sale;
  HttpClient client = sale.client();
  const HttpResponse mine = client.request(get("/waiting-room?productId=p"));
  const HttpResponse theirs = client.request(get("/waiting-room?productId=p&userId=eve"));
  const std::string link =
      "/waiting-room?productId=p&ticket=" + after(theirs.body, "data-ticket=\"");
  for (const std::string& target : {link, link + "&again=1"}) {
    CHECK(cookie_of(client.request(get(target))).empty());
    CHECK(cookie_of(client.request(with_cookie(target, cookie_of(mine)))).empty());
  }
}

TEST_CASE("Waiting room: JSON → the place beside the status", "[http][socket]") {
  BusySale sale;
  HttpClient client = sale.client();
  const HttpResponse answer = client.request(as_json("/waiting-room?productId=p&userId=ann"));
  CHECK(verdict(answer) == "200 waiting");
  const std::string ticket = after(answer.body, "\"ticket\":\"");
  CHECK(sale.engine->ticket_holder(ticket)->user_id == "ann");
  CHECK(has(answer.body, R"(,"state":"waiting","position":)"));
  CHECK(has(answer.body, R"("unitsLeft":999,)"));
  CHECK(verdict(client.request(as_json("/waiting-room"))) == "200 waiting");
  CHECK(client.request(as_json("/waiting-room")).body == waiting_body);
  CHECK(verdict(client.request(as_json("/waiting-room?productId=q"))) == "404 unknown_product");
  CHECK(verdict(client.request(as_json("/waiting-room?productId=p&ticket=x"))) ==
        "404 unknown_ticket");
  sale.init("none", 0);
  CHECK(verdict(client.request(as_json("/waiting-room?productId=none"))) == "409 sold_out");
}

TEST_CASE("Waiting room: what cannot be → a page or an error that says so", "[http][socket]") {
  BusySale sale;
  sale.init("none", 0);
  HttpClient client = sale.client();
  CHECK(state_of(client.request(get("/waiting-room?productId=q"))) == "404 unknown");
  CHECK(state_of(client.request(get("/waiting-room?productId="))) == "404 unknown");
  CHECK(state_of(client.request(get("/waiting-room?productId=p&ticket=x"))) == "404 expired");
  CHECK(state_of(client.request(get("/waiting-room?productId=none"))) == "200 gone");
  for (const char* query : {"productId=p&productId=p", "productId=p&from=x",
                            "productId=p&userId=%07", "productId=p&userId=%ZZ"}) {
    CHECK(verdict(client.request(get("/waiting-room?" + std::string(query)))) ==
          "400 invalid_query");
  }
  // A ticket for another product is none for this one.
  const std::string ticket = sale.engine->join({.product_id = "p", .user_id = "ann"}).ticket;
  sale.init("other", 1);
  CHECK(state_of(client.request(get("/waiting-room?productId=other&ticket=" + ticket))) ==
        "404 expired");
}

TEST_CASE("Waiting room: Accept-Language → the page in that language", "[http][socket]") {
  BusySale sale;
  HttpClient client = sale.client();
  HttpRequest request = get("/waiting-room?productId=p");
  request.headers.push_back({"Accept-Language", "nl, de-CH;q=0.9, en;q=0.8"});
  const HttpResponse page = client.request(request);
  CHECK(page.header("Content-Language") == "de");
  CHECK(page.header("Vary") == "Accept-Language, Cookie");
  CHECK(has(page.body, "<html lang=\"de\">"));
}

TEST_CASE("Waiting room: the form → one order, however often it is sent", "[http][socket]") {
  Sale sale;  // without a limit it is everybody's turn
  sale.init("p", 2);
  HttpClient client = sale.client();
  const HttpResponse page = client.request(get("/waiting-room?productId=p&userId=ann"));
  CHECK(state_of(page) == "200 admitted");
  const std::string ticket = after(page.body, "data-ticket=\"");
  const std::string pass = after(page.body, "name=\"pass\" id=\"pass\" value=\"");
  REQUIRE_FALSE(pass.empty());

  const HttpResponse bought = client.request(buy(ticket, pass));
  CHECK(bought.status == 303);
  CHECK(bought.body.empty());
  const std::string location = bought.header("Location");
  CHECK(location.starts_with("/waiting-room?productId=p&ticket=" + ticket + "&order="));
  const std::string id = location.substr(location.find("&order=") + 7);
  CHECK(sale.engine->find_order(id)->user_id == "ann");
  CHECK(client.request(buy(ticket, pass)).header("Location") == location);
  CHECK(sale.engine->product("p")->accepted == 1);
  CHECK(metric(sale, "fluxgate_log_orders_total") == 1);

  const HttpResponse thanks = client.request(get(location));
  CHECK(state_of(thanks) == "200 bought");
  CHECK(has(thanks.body, "<code>" + id + "</code>"));
  // A made-up order is not thanked for, and a used place has ended.
  CHECK(state_of(client.request(get("/waiting-room?productId=p&order=" +
                                    std::string(OrderId::size, '0') + "&ticket=" + ticket))) ==
        "200 expired");

  // With the cookie the link needs no ticket.
  HttpRequest with = buy(ticket, pass);
  with.headers.push_back({"Cookie", cookie_of(page)});
  CHECK(client.request(with).header("Location") == "/waiting-room?productId=p&order=" + id);
}

TEST_CASE("Waiting room: joining again → a new place and a clean address", "[http][socket]") {
  Sale sale;
  sale.init("p", 5);
  HttpClient client = sale.client();
  const HttpResponse page = client.request(get("/waiting-room?productId=p&userId=ann"));
  const std::string ticket = after(page.body, "data-ticket=\"");
  CHECK(client.request(buy(ticket, after(page.body, "id=\"pass\" value=\""))).status == 303);
  CHECK(state_of(client.request(with_cookie("/waiting-room?productId=p", cookie_of(page)))) ==
        "200 expired");
  const HttpResponse again =
      client.request(with_cookie("/waiting-room?productId=p&again=1", cookie_of(page)));
  CHECK(again.status == 303);
  CHECK(again.header("Location") == "/waiting-room?productId=p");
  CHECK(cookie_of(again) != cookie_of(page));
  const HttpResponse back =
      client.request(with_cookie("/waiting-room?productId=p", cookie_of(again)));
  CHECK(state_of(back) == "200 admitted");
  CHECK(sale.engine->ticket_holder(after(back.body, "data-ticket=\""))->user_id == "ann");
}

TEST_CASE("Waiting room: an order that is refused → back to a page that says why",
          "[http][socket]") {
  Sale sale;
  REQUIRE(sale.engine->init({.product_id = "p", .quantity = 2, .max_per_user = 1}).status ==
          InitStatus::ok);
  HttpClient client = sale.client();
  const auto turn_of = [&](const std::string& user) {
    return client.request(get("/waiting-room?productId=p&userId=" + user));
  };
  const auto answer_to = [&](const HttpResponse& page, const std::string& pass) {
    const HttpResponse answer = client.request(buy(after(page.body, "data-ticket=\""), pass));
    REQUIRE(answer.status == 303);
    return answer.header("Location");
  };
  const HttpResponse ann = turn_of("ann");
  const HttpResponse bob = turn_of("bob");
  const HttpResponse cid = turn_of("cid");
  const std::string pass = after(ann.body, "id=\"pass\" value=\"");
  const std::string bobs_pass = after(bob.body, "id=\"pass\" value=\"");
  CHECK(answer_to(ann, bobs_pass).ends_with("&result=pass"));
  CHECK(answer_to(ann, "x").ends_with("&result=pass"));
  CHECK(answer_to(ann, "").ends_with("&result=pass"));
  CHECK(answer_to(ann, "%0A").ends_with("&result=pass"));
  CHECK(has(client.request(get(answer_to(ann, "x"))).body, "because your turn had ended"));

  CHECK(has(answer_to(ann, pass), "&order="));
  const HttpResponse again = client.request(
      get("/waiting-room?productId=p&userId=ann&again=1&ticket=" + after(ann.body, "ticket=\"")));
  const HttpResponse second = client.request(get(again.header("Location")));
  CHECK(state_of(second) == "200 admitted");
  CHECK(answer_to(second, after(second.body, "id=\"pass\" value=\""))
            .ends_with("&result=over_limit"));

  CHECK(has(answer_to(bob, bobs_pass), "&order="));
  const std::string location = answer_to(cid, after(cid.body, "id=\"pass\" value=\""));
  CHECK_FALSE(has(location, "&order="));
  CHECK(state_of(client.request(get(location))) == "200 sold_out");
  CHECK(sale.engine->product("p")->accepted == 2);
}

TEST_CASE("Waiting room: ordering while the sale is paused → back to a page that says so",
          "[http][socket]") {
  Sale sale;
  sale.init("p", 2);
  HttpClient client = sale.client();
  const HttpResponse page = client.request(get("/waiting-room?productId=p&userId=ann"));
  REQUIRE(sale.engine->change({.sale_paused = true}).status == SettingsStatus::ok);
  const HttpResponse answer = client.request(
      buy(after(page.body, "data-ticket=\""), after(page.body, "id=\"pass\" value=\"")));
  CHECK(answer.status == 303);
  CHECK(answer.header("Location").ends_with("&result=busy"));
}

TEST_CASE("Waiting room: what is no form → an error, and no order", "[http][socket]") {
  Sale sale;
  sale.init("p", 2);
  HttpClient client = sale.client();
  const HttpResponse page = client.request(get("/waiting-room?productId=p"));
  const std::string ticket = after(page.body, "data-ticket=\"");
  const std::string pass = after(page.body, "id=\"pass\" value=\"");
  HttpRequest request = buy(ticket, pass);
  request.headers[0].value = "application/json";
  CHECK(verdict(client.request(request)) == "415 unsupported_media_type");
  request.headers.clear();
  CHECK(verdict(client.request(request)) == "415 unsupported_media_type");
  request = buy(ticket, pass);
  for (const std::string& body :
       {std::string(), "ticket=" + ticket, "pass=" + pass, "ticket=%zz&pass=" + pass,
        "ticket=" + ticket + "&ticket=" + ticket + "&pass=" + pass}) {
    request.body = body;
    CHECK(verdict(client.request(request)) == "400 invalid_field");
  }
  CHECK(verdict(client.request(buy("x" + ticket, pass))) == "404 unknown_ticket");
  CHECK(client.request(get("/waiting-room/buy")).header("Allow") == "POST");
  CHECK(sale.engine->product("p")->accepted == 0);
}

}  // namespace fluxgate::http

#include "http/waiting_room_page.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "http/pages.hpp"

namespace fluxgate::http {
namespace {

WaitingRoomPage must_make(std::string_view html_template = {}, std::string_view texts = {}) {
  Result<WaitingRoomPage> page = WaitingRoomPage::make({html_template, texts});
  if (!page) FAIL(page.error().message);
  return *std::move(page);
}

std::string message_of(std::string_view html_template, std::string_view texts = {}) {
  const Result<WaitingRoomPage> page = WaitingRoomPage::make({html_template, texts});
  REQUIRE_FALSE(page.has_value());
  REQUIRE(page.error().code == ErrorCode::invalid_argument);
  return page.error().message;
}

RoomView waiting() {
  return {.state = RoomState::waiting,
          .product_id = "iphone-15",
          .user_id = "ann",
          .ticket = "TICKET",
          .position = 12'037,
          .ahead = 12'036,
          .from = 20'000,
          .wait_seconds = 600,
          .units_left = 95,
          .refresh_seconds = 7};
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; ++at) ++found;
  return found;
}

const std::string hostile = R"("'><script>alert(1)</script>&{{pass}}\)";
const std::string harmless = "&quot;&apos;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;{{pass}}\\";

}  // namespace

TEST_CASE("WaitingRoomPage: who waits → place, people ahead, wait, units, bar", "[http][unit]") {
  const WaitingRoomPage page = must_make();
  const auto [body, headers] = page.render("en", waiting());
  CHECK(body.starts_with("<!doctype html>\n<html lang=\"en\">"));
  CHECK(has(body, "<title>No. 12,037 in line · iphone-15</title>"));
  CHECK(has(body, "<main id=\"room\" data-state=\"waiting\""));
  CHECK(has(body, "<h1 id=\"heading\">You are in line</h1>"));
  CHECK(has(body, "id=\"place\">12,037</span>"));
  CHECK(has(body, "id=\"ahead\">12,036 people</dd>"));
  CHECK(has(body, "id=\"wait\">10 minutes</dd>"));
  CHECK(has(body, "id=\"units\">95</dd>"));
  CHECK(has(body, "max=\"20000\" value=\"7964\""));
  CHECK(has(body,
            "<noscript><meta http-equiv=\"refresh\" content=\"7;url=/waiting-room?"
            "productId=iphone-15&amp;from=20000\"></noscript>"));
  CHECK(has(body, "This page reloads every 7 seconds."));
  CHECK(has(headers, "Cache-Control: no-store\r\n"));
  CHECK(has(headers, "Content-Language: en\r\n"));
  CHECK(has(headers, "Vary: Accept-Language, Cookie\r\n"));
}

TEST_CASE("WaitingRoomPage: its policy → nothing from elsewhere, and its own script by hash",
          "[http][unit]") {
  const WaitingRoomPage page = must_make();
  const RoomView view = waiting();
  const auto [body, headers] = page.render("", view);
  // The hash is that of what is sent: of the page with this person's values in it.
  CHECK(has(headers, page_headers(body)));
  CHECK(has(headers,
            "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action "
            "'self'; style-src 'sha256-"));
  CHECK(has(headers, "script-src 'sha256-"));
  CHECK_FALSE(has(headers, "unsafe"));
  CHECK(count(body, "://") == 0);
  CHECK(count(body, "<script") == 1);
  CHECK(count(body, " style=") == 0);
}

TEST_CASE("WaitingRoomPage: each state → its own heading, in each language", "[http][unit]") {
  const WaitingRoomPage page = must_make();
  const RoomTexts texts = *RoomTexts::make({});
  const std::vector<const char*> names{"waiting", "admitted", "sold_out", "expired", "bought",
                                       "busy",    "closed",   "unknown",  "gone"};
  REQUIRE(names.size() == room_state_count);
  for (const RoomLanguage& language : texts.languages) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      RoomView view = waiting();
      view.state = static_cast<RoomState>(i);
      const auto [body, headers] = page.render(language.tag(), view);
      const std::string name = names[i];
      INFO(language.tag() << " " << name);
      CHECK(has(body, "<html lang=\"" + language.tag() + "\">"));
      CHECK(has(headers, "Content-Language: " + language.tag() + "\r\n"));
      CHECK(has(body, "data-state=\"" + name + "\""));
      CHECK(has(body, ">" + language.text("heading_" + name) + "</h1>"));
      const bool is_final = name == "expired" || name == "bought" || name == "unknown";
      CHECK(has(body, "http-equiv=\"refresh\"") == !is_final);
      CHECK(has(body, "data-reload=\"yes\"") ==
            (name == "busy" || name == "closed" || name == "gone"));
    }
  }
}

TEST_CASE("WaitingRoomPage: who is admitted → a form with ticket and pass", "[http][unit]") {
  const WaitingRoomPage page = must_make();
  RoomView view = waiting();
  view.state = RoomState::admitted;
  view.pass = "PASS";
  view.notice = RoomNotice::busy;
  const std::string body = page.render("", view).body;
  CHECK(has(body, "method=\"post\" action=\"/waiting-room/buy\""));
  CHECK(has(body, "name=\"ticket\" value=\"TICKET\""));
  CHECK(has(body, "name=\"pass\" id=\"pass\" value=\"PASS\""));
  CHECK(has(body, "<p class=\"notice\">Your order did not get through yet."));
  view.notice = RoomNotice::none;
  CHECK(has(page.render("", view).body, "<p class=\"notice\"></p>"));
  view.notice = RoomNotice::over_limit;
  CHECK(has(page.render("", view).body, "as much as one person may"));
  view.notice = RoomNotice::pass;
  CHECK(has(page.render("", view).body, "your turn had ended"));
}

TEST_CASE("WaitingRoomPage: who has bought → the order's number; whose place ended → a way back",
          "[http][unit]") {
  const WaitingRoomPage page = must_make();
  RoomView view = waiting();
  view.state = RoomState::bought;
  view.order_id = "ORDER";
  CHECK(has(page.render("", view).body, "<code>ORDER</code>"));
  view.state = RoomState::expired;
  CHECK(has(page.render("", view).body,
            "href=\"/waiting-room?productId=iphone-15&amp;userId=ann&amp;again=1\""));
}

TEST_CASE("WaitingRoomPage: without a cookie → the next page is asked for by ticket",
          "[http][unit]") {
  const WaitingRoomPage page = must_make();
  RoomView view = waiting();
  view.has_ticket_in_links = true;
  CHECK(has(page.render("", view).body, "from=20000&amp;ticket=TICKET\">"));
  view.ticket = {};
  view.state = RoomState::busy;
  CHECK(has(page.render("", view).body, "url=/waiting-room?productId=iphone-15&amp;userId=ann\">"));
}

TEST_CASE("WaitingRoomPage: hostile ids → text wherever they stand", "[http][unit]") {
  const WaitingRoomPage page = must_make();
  RoomView view = waiting();
  view.product_id = view.user_id = view.ticket = view.pass = view.order_id = hostile;
  view.has_ticket_in_links = true;
  for (std::size_t i = 0; i < room_state_count; ++i) {
    view.state = static_cast<RoomState>(i);
    const auto [body, headers] = page.render("", view);
    INFO(body);
    CHECK_FALSE(has(body, hostile));
    CHECK_FALSE(has(body, "<script>alert"));
    CHECK(has(body, "data-product=\"" + harmless + "\""));
    CHECK(has(body, "<p class=\"product\">" + harmless + "</p>"));
    CHECK(has(body, "<code>" + harmless + "</code>"));
    CHECK(has(body, "name=\"pass\" id=\"pass\" value=\"" + harmless + "\""));
    CHECK(has(body,
              "userId=%22%27%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%26%7B%7Bpass%7D%7D"
              "%5C&amp;again=1\""));
    CHECK(has(headers, page_headers(body)));
  }
}

TEST_CASE("WaitingRoomPage: a shop's template → its HTML, always escaped", "[http][unit]") {
  const std::string html =
      "<html lang={{language}}><style>b{color:{{colors.text}}}</style>"
      "{{#is_sold_out}}gone{{/is_sold_out}}{{^is_sold_out}}<b>{{{product}}}|{{&user}}|{{place}}</b>"
      "{{/is_sold_out}}{{nonsense}}<script>1</script>";
  const WaitingRoomPage page = must_make(html, R"({"colors":{"text":"#123"}})");
  RoomView view = waiting();
  view.product_id = view.user_id = hostile;
  const auto [body, headers] = page.render("de", view);
  CHECK(body == "<html lang=de><style>b{color:#123}</style><b>" + harmless + "|" + harmless +
                    "|12.037</b><script>1</script>");
  CHECK(has(headers, page_headers(body)));
  view.state = RoomState::sold_out;
  CHECK(page.render("de", view).body ==
        "<html lang=de><style>b{color:#123}</style>gone<script>1</script>");
}

TEST_CASE("WaitingRoomPage: a template with CRLF or CR → LF, as browsers hash it", "[http][unit]") {
  const WaitingRoomPage page = must_make("<style>a\r\nb</style>\r<FORM>\r\n");
  const auto [body, headers] = page.render("en", waiting());
  CHECK(body == "<style>a\nb</style>\n<FORM>\n");
  CHECK(has(headers, page_headers(body)));
  CHECK(has(headers, "form-action 'self'"));
}

TEST_CASE("WaitingRoomPage: a template that cannot be → one line that says why", "[http][unit]") {
  const std::string start = "waiting-room-template: ";
  CHECK(message_of("a {{product") == start + "Unclosed tag at 2");
  CHECK(message_of("{{#is_waiting}}x") == start + "Unclosed section \"is_waiting\" at 0");
  CHECK(message_of("a\xff") == start + "must be UTF-8");
  CHECK(message_of("a\x01") == start + "must have no control characters");
  CHECK(message_of("<script src=x></script>") == start + "<script> must be written so");
  CHECK(message_of("<STYLE>a</STYLE>") == start + "<style> must be written so");
  CHECK(message_of("<script>a") == start + "<script> has no end");
  CHECK(message_of("<script>a</script><script>b</script>") == start + "has more than one <script>");
  const std::string differs = "a value differs from person to person and so cannot stand in ";
  CHECK(message_of("<script>x='{{product}}'</script>") == start + differs + "<script>");
  CHECK(message_of("<style>x{{#is_bought}}{{user}}{{/is_bought}}</style>") ==
        start + differs + "<style>");
  CHECK(message_of("", "[]") == "waiting-room-texts: must be an object");
}

}  // namespace fluxgate::http

#include "http/cookie.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

namespace fluxgate::http {

TEST_CASE("find_cookie: a header → the value of the first of that name", "[http][unit]") {
  CHECK(find_cookie("a=1; bb=2; b=3;b=4", "b") == "3");
  CHECK(find_cookie("a=1; bb=2; b=3;b=4", "bb") == "2");
  CHECK(find_cookie("a=1", "a") == "1");
  CHECK(find_cookie(" \ta=x=y \t; c", "a") == "x=y");
  CHECK(find_cookie("a=", "a").empty());
  CHECK(find_cookie("a", "a").empty());
  CHECK(find_cookie("b=a=1", "a").empty());
  CHECK(find_cookie(";;=; ;", "a").empty());
  CHECK(find_cookie("", "a").empty());
}

TEST_CASE("ticket_cookie_name: any product → a name of its own that a cookie may have",
          "[http][unit]") {
  const std::string name = ticket_cookie_name("a; b=\r\nc");
  CHECK(name.size() == 9 + 32);
  CHECK(name.starts_with("fluxgate-"));
  CHECK(std::all_of(name.begin() + 9, name.end(),
                    [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }));
  CHECK(ticket_cookie_name("p") != ticket_cookie_name("q"));
  CHECK(ticket_cookie_name("p") == ticket_cookie_name("p"));
}

TEST_CASE("ticket_cookie_line: a ticket → for the waiting room only, not for scripts",
          "[http][unit]") {
  CHECK(ticket_cookie_line("p", "T_-1") ==
        "Set-Cookie: " + ticket_cookie_name("p") +
            "=T_-1; Path=/waiting-room; Max-Age=86400; HttpOnly; SameSite=Lax\r\n");
}

}  // namespace fluxgate::http

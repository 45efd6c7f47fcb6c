// Who may use the admin routes: every method, path, token, peer, Host, forwarding header and
// version of HTTP with every other. What is expected is written here once more from the
// documentation, as a property of each value; the product's own rule is in http/admin_rule.cpp.
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/answers.hpp"
#include "fuzz/http_session.hpp"

namespace fluxgate {
namespace {

using fuzz::Answer;
using fuzz::SessionSetup;

struct Host {
  std::string_view value;
  bool is_local;
};
constexpr Host hosts[] = {{"localhost", true},
                          {"LOCALHOST:3000", true},
                          {"127.0.0.1", true},
                          {"127.9.8.7:1", true},
                          {"[::1]:3000", true},
                          {"", false},
                          {"shop.example", false},
                          {"localhost.shop.example", false},
                          {"127.0.0.1.shop.example", false},
                          {"localhost.", false},
                          {"128.0.0.1", false},
                          {"[::2]", false},
                          {"0.0.0.0", false},
                          {"10.0.0.1:3000", false}};

struct Token {
  std::string_view line;
  bool is_right;
};
constexpr Token tokens[] = {{"", false},
                            {"Authorization: Bearer letmein-0123456789\r\n", true},
                            {"authorization: bearer letmein-0123456789\r\n", true},
                            {"Authorization: Bearer letmein-012345678\r\n", false},
                            {"Authorization: Bearer LETMEIN-0123456789\r\n", false},
                            {"Authorization: Bearer letmein-0123456789,x\r\n", false},
                            {"Authorization: Bearer\r\n", false},
                            {"Authorization: letmein-0123456789\r\n", false},
                            {"Authorization: Basic bGV0bWVpbi0wMTIzNDU2Nzg5\r\n", false},
                            {"X-Authorization: Bearer letmein-0123456789\r\n", false}};

struct Detour {
  std::string_view line;
  bool is_direct;
};
constexpr Detour detours[] = {{"", true},
                              {"X-Other: 1\r\n", true},
                              {"Sec-Fetch-Site: same-origin\r\n", true},
                              {"Sec-Fetch-Site: cross-site\r\n", false},
                              {"Forwarded: for=127.0.0.1\r\n", false},
                              {"X-Forwarded-For: 127.0.0.1\r\n", false},
                              {"x-forwarded-proto: https\r\n", false},
                              {"X-FORWARDED-HOST: localhost\r\n", false},
                              {"X-Real-IP: 127.0.0.1\r\n", false},
                              {"Via: 1.1 proxy\r\n", false},
                              {"Origin: http://localhost:3000\r\n", false},
                              {"Origin: null\r\n", false}};

struct Place {
  std::string_view path;
  std::string_view admin_methods;  // of those below; "": none
};
// HEAD is answered like GET. Who may read is told that the query is wrong, so that no thread has to
// read the log thousands of times.
constexpr Place places[] = {{"/init", "POST"},
                            {"/orders?limit=0", "GET HEAD"},
                            {"/orders?productId=p&round=x", "GET HEAD"},
                            {"/%6Frders?limit=0", "GET HEAD"},
                            {"/products/p/audit?round=x", "GET HEAD"},
                            {"/admin/settings", "GET HEAD PATCH"},
                            {"/admin/ticket-keys", "POST"},
                            {"/order", ""},
                            {"/products", ""},
                            {"/products/p", ""},
                            {"/orders/0000000000001qbk4ok86mcic9brg", ""},
                            {"/healthz", ""},
                            {"/waiting-room/tickets", ""},
                            {"/admin", ""},
                            {"//init", ""},
                            {"/init/", ""},
                            {"/nowhere", ""}};

constexpr std::string_view methods[] = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"};
// Before the path: an absolute target names a host of its own.
constexpr Host authorities[] = {
    {"", true}, {"http://localhost:3000", true}, {"http://shop.example", false}};

// The rule, from the documentation.
struct Rule {
  SessionSetup setup;
  bool is_right;
  bool is_local_host;
  bool is_direct;
  bool is_http_1_1;

  [[nodiscard]] bool allows() const {
    if (setup.has_token) return is_right;
    if (setup.trusts_proxy) return false;
    return !setup.is_remote && is_local_host && is_direct && is_http_1_1;
  }
};

struct Asked {
  std::string bytes;
  std::vector<bool> allowed;
};

bool has_admin_method(const Place& place, std::string_view method) {
  const std::string all = " " + std::string(place.admin_methods) + " ";
  return all.find(" " + std::string(method) + " ") != std::string::npos;
}

void ask(Asked& asked, const SessionSetup& setup, std::string_view method, const Place& place) {
  const std::string_view path = place.path;
  const bool is_admin = has_admin_method(place, method);
  const bool has_body = method == "POST" || method == "PATCH" || method == "PUT";
  const std::string body =
      path == "/admin/settings" ? R"({"lineClosed":true})" : R"({"productId":"p","quantity":3})";
  // What nobody is asked to prove, and what names its host twice, is tried with fewer values.
  for (const Host& authority : authorities) {
    const bool is_full = is_admin && authority.value.empty();
    for (const Host& host : std::span(hosts).first(is_full ? std::size(hosts) : 7)) {
      for (const Token& token : std::span(tokens).first(is_full ? std::size(tokens) : 2)) {
        for (const Detour& detour : std::span(detours).first(is_full ? std::size(detours) : 4)) {
          for (const std::string_view version : {"1.1", "1.0"}) {
            asked.bytes += std::string(method) + ' ' + std::string(authority.value) +
                           std::string(path) + " HTTP/" + std::string(version) +
                           "\r\nHost: " + std::string(host.value) +
                           "\r\nConnection: keep-alive\r\n" + std::string(token.line) +
                           std::string(detour.line);
            if (has_body) {
              asked.bytes += "Content-Type: application/json\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n";
            }
            asked.bytes += "\r\n" + (has_body ? body : std::string());
            asked.allowed.push_back(Rule{setup, token.is_right, host.is_local && authority.is_local,
                                         detour.is_direct, version == "1.1"}
                                        .allows());
          }
        }
      }
    }
  }
}

// Requests answered against the rule. Pipelined on one connection, so that they take seconds.
std::size_t count_wrong(const SessionSetup& setup, std::string_view method, const Place& place,
                        std::size_t& all) {
  Asked asked;
  ask(asked, setup, method, place);
  all += asked.allowed.size();
  const bool is_admin = has_admin_method(place, method);
  const fuzz::SessionOutcome outcome = fuzz::serve_session(setup, {asked.bytes});
  const std::vector<Answer> answers = fuzz::answers_of(outcome.output, method == "HEAD");
  INFO(method << " " << place.path);
  REQUIRE(answers.size() == asked.allowed.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool is_refused = is_admin && !asked.allowed[i];
    if ((answers[i].status == 401) != is_refused) ++wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("admin rule: every method, path, token, peer, host, detour and version → as documented",
          "[security][socket]") {
  // Bits of SessionSetup. A sanitizer takes twenty times as long: there, what differs most.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const std::vector<unsigned> setups{0, 3};
  const std::size_t places_step = 4;
#else
  // A loopback peer and another, without a token, with one, and with a trusted proxy.
  const std::vector<unsigned> setups{0, 1, 2, 3, 8, 9};
  const std::size_t places_step = 1;
#endif
  std::size_t asked = 0;
  for (const unsigned setup : setups) {
    for (const std::string_view method : methods) {
      for (std::size_t i = 0; i < std::size(places); i += places_step) {
        INFO("setup " << setup << ", " << method << " " << places[i].path);
        const SessionSetup server(static_cast<std::uint8_t>(setup));
        CHECK(count_wrong(server, method, places[i], asked) == 0);
      }
    }
  }
  std::printf("admin rule: %zu requests\n", asked);
}

}  // namespace fluxgate

// The cases of conformance/*.txt over sockets: each as one piece, byte by byte, and cut at random
// places, always with the same outcome.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "http/conformance/case_file.hpp"
#include "http/fixture.hpp"
#include "support/seed.hpp"

namespace fluxgate::http {
namespace {

using conformance::Case;
using conformance::Ending;
using conformance::WantedAnswer;

constexpr std::size_t cases_min = 250;

/// A server in one of the states the cases ask for.
class Stage {
 public:
  explicit Stage(const std::string& name) {
    ServerOptions server_options;
    EngineOptions engine_options;
    if (name == "token") server_options.admin_token = "s3cret";
    if (name == "limited") server_options.max_requests_per_connection = 3;
    if (name == "crowded") engine_options.pending_orders_max = 1;
    sale_.emplace(server_options, engine_options);
    for (const char* product : {"p", "тел/15", "a b", "marker"}) sale_->init(product, 1'000'000);
    sale_->init("gone", 0);
    const InitResult few =
        sale_->engine->init({.product_id = "few", .quantity = 9, .max_per_order = 2});
    REQUIRE(few.status == InitStatus::ok);
    HttpClient client = sale_->client();
    REQUIRE(verdict(client.request(order("p", "before", "before"))) == "200 success");
    enter_state(name);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage() { sale_->storage.release_appends(); }

  [[nodiscard]] HttpClient client() const { return sale_->client(); }

 private:
  void enter_state(const std::string& name) {
    if (name == "paused") {
      HttpRequest pause = post_json("/admin/settings", R"({"salePaused":true})");
      pause.method = "PATCH";
      HttpClient client = sale_->client();
      REQUIRE(client.request(pause).status == 200);
    } else if (name == "full") {
      sale_->storage.set_space(false);
      // It looks behind the next write, and once a second.
      HttpClient client = sale_->client();
      REQUIRE(becomes_true([&] {
        static_cast<void>(client.request(order("p", "fill", std::to_string(++filled_))));
        return sale_->engine->state() == EngineState::full;
      }));
    } else if (name == "failed") {
      sale_->storage.fail_append({});
      HttpClient client = sale_->client();
      REQUIRE(client.request(order("p", "last", "last")).status == 503);
    } else if (name == "draining") {
      sale_->engine->drain();
    } else if (name == "crowded") {
      sale_->storage.block_appends();
      waiting_.emplace(sale_->client());
      waiting_->write(HttpClient::text_of(order("p", "first", "first")));
      sale_->storage.wait_until_blocked();
    } else {
      REQUIRE((name.empty() || name == "token" || name == "limited"));
    }
  }

  std::optional<Sale> sale_;
  std::optional<HttpClient> waiting_;
  int filled_ = 0;
};

/// The places where the bytes are cut.
using Cuts = std::set<std::size_t>;

void send(HttpClient& client, const std::string& bytes, const Cuts& cuts) {
  std::size_t begin = 0;
  try {
    for (const std::size_t cut : cuts) {
      client.write(std::string_view(bytes).substr(begin, cut - begin));
      begin = cut;
    }
    client.write(std::string_view(bytes).substr(begin));
  } catch (const std::runtime_error&) {
    // The server had heard enough. What it said is still to be read.
  }
}

std::string failure_of_answer(const WantedAnswer& wanted, const HttpResponse& answer) {
  const bool is_status_only = wanted.verdict.find(' ') == std::string::npos;
  const std::string found = is_status_only ? std::to_string(answer.status) : verdict(answer);
  if (found != wanted.verdict) return found + " instead of " + wanted.verdict;
  for (const std::string& header : wanted.headers) {
    const std::size_t colon = header.find(": ");
    if (header.starts_with('!')) {
      if (!answer.header(header.substr(1)).empty()) return "it has " + header.substr(1);
    } else if (colon == std::string::npos) {
      if (answer.header(header).empty()) return "it has no " + header;
    } else if (answer.header(header.substr(0, colon)) != header.substr(colon + 2)) {
      return answer.header(header.substr(0, colon)) + " instead of " + header;
    }
  }
  return {};
}

std::string failure_of_ending(HttpClient& client, const Case& present, bool says_close) {
  switch (present.ending) {
    case Ending::kept: {
      if (says_close) return "the last answer says close";
      const HttpResponse marker = client.request(get("/products/marker"));
      if (field(marker, "productId") != "marker") return "not the next answer: " + marker.body;
      return {};
    }
    case Ending::closed:
      if (!says_close) return "the last answer does not say close";
      break;
    case Ending::silent:
      client.shutdown_send();
      break;
  }
  const std::string rest = client.read_to_end();
  return rest.empty() ? "" : "more came: " + rest;
}

/// What is wrong with the outcome, if anything.
std::string failure_of(const Stage& stage, const Case& present, const Cuts& cuts) {
  HttpClient client = stage.client();
  client.connect();
  send(client, present.bytes, cuts);
  try {
    bool says_close = false;
    for (const WantedAnswer& wanted : present.answers) {
      if (says_close) return "an answer was the last too early";
      HttpResponse answer = client.read_response(wanted.is_head);
      // Only who has not yet sent the body is told to.
      if (answer.status == 100) answer = client.read_response(wanted.is_head);
      if (std::string failure = failure_of_answer(wanted, answer); !failure.empty()) {
        return failure;
      }
      says_close = answer.header("Connection") == "close";
    }
    return failure_of_ending(client, present, says_close);
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
}

Cuts every_byte(std::size_t bytes) {
  Cuts cuts;
  for (std::size_t i = 1; i < bytes; ++i) cuts.insert(i);
  return cuts;
}

Cuts random_cuts(std::size_t bytes, std::mt19937_64& random) {
  Cuts cuts;
  for (std::size_t left = 1 + random() % 8; left > 0 && bytes > 1; --left) {
    cuts.insert(1 + random() % (bytes - 1));
  }
  return cuts;
}

std::vector<Case> all_cases() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(FLUXGATE_CONFORMANCE_DIR)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const auto& file : files) {
    for (Case& each : conformance::read_cases(file)) cases.push_back(std::move(each));
  }
  return cases;
}

}  // namespace

TEST_CASE("conformance: every case, whole, byte by byte and cut at random → as the case says",
          "[http][socket][conformance]") {
  const std::vector<Case> cases = all_cases();
  std::mt19937_64 random(testing::make_seed("conformance"));
  std::map<std::string, std::unique_ptr<Stage>> stages;
  std::size_t sent = 0;
  for (const Case& present : cases) {
    std::unique_ptr<Stage>& stage = stages[present.server];
    if (!stage) stage = std::make_unique<Stage>(present.server);
    const std::size_t bytes = present.bytes.size();
    std::vector<Cuts> ways{{}, every_byte(bytes)};
    for (int i = 0; i < 3; ++i) ways.push_back(random_cuts(bytes, random));
    for (const Cuts& cuts : ways) {
      ++sent;
      const std::string failure = failure_of(*stage, present, cuts);
      if (failure.empty()) continue;
      std::string places;
      if (cuts.size() <= 8) {
        for (const std::size_t cut : cuts) places += " " + std::to_string(cut);
      } else {
        places = " every byte";
      }
      FAIL_CHECK(present.file << ": " << present.name << ": " << failure
                              << "; cut at:" << (places.empty() ? " nothing" : places));
      break;
    }
  }
  std::printf("conformance: %zu cases, sent %zu times\n", cases.size(), sent);
  CHECK(cases.size() >= cases_min);
}

}  // namespace fluxgate::http

// A connection. The first byte of an input says how the server is set up (SessionSetup), the second
// how the input is split, the rest is what the client sends. It is sent twice, whole and split, to
// two new servers whose time stands still: the answers must be the same, well-formed, and not more
// than the requests; and who may not must have changed nothing.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "fuzz/answers.hpp"
#include "fuzz/http_session.hpp"
#include "fuzz/target.hpp"

namespace fluxgate::fuzz {
namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++found;
  }
  return found;
}

std::vector<std::string> texts_of(std::string_view output, bool may_be_head) {
  std::vector<std::string> texts;
  for (Answer& answer : answers_of(output, may_be_head)) texts.push_back(std::move(answer.text));
  return texts;
}

// 0: all at once; 1: a byte at a time, at first; else pieces of random sizes.
std::vector<std::string_view> split(std::string_view bytes, std::uint8_t seed) {
  std::vector<std::string_view> pieces;
  std::uint32_t state = seed * 2654435761U + 1;
  while (!bytes.empty()) {
    state = state * 1664525U + 1013904223U;
    std::size_t size = seed == 0 ? bytes.size() : 1 + (state >> 16) % (2U * seed);
    // Each piece costs a few system calls.
    if (pieces.size() >= 200) size = bytes.size();
    pieces.push_back(bytes.substr(0, size));
    bytes.remove_prefix(pieces.back().size());
  }
  return pieces;
}

// Says how the answers differ before it ends the process. Who waits in line, and where, depends on
// how often the committer had its turn: then only their number is compared.
void check_same(const SessionSetup& setup, const std::vector<std::string>& whole,
                const std::vector<std::string>& split) {
  if (whole == split || (setup.has_line && whole.size() == split.size())) return;
  std::fprintf(stderr, "%zu answers at once, %zu to pieces\n", whole.size(), split.size());
  const std::size_t both = std::min(whole.size(), split.size());
  const auto first =
      std::mismatch(whole.begin(), whole.begin() + static_cast<long>(both), split.begin());
  if (first.first != whole.begin() + static_cast<long>(both)) {
    std::fprintf(stderr, "-- at once:\n%s\n-- to pieces:\n%s\n", first.first->c_str(),
                 first.second->c_str());
  }
  FLUXGATE_CHECK(whole == split);
}

void check_rights(const SessionSetup& setup, std::string_view bytes,
                  const SessionOutcome& outcome) {
  const bool knows_token = bytes.find(session_token) != std::string_view::npos;
  const bool is_local = !setup.is_remote && !setup.trusts_proxy;
  if (setup.has_token ? !knows_token : !is_local) FLUXGATE_CHECK(!outcome.is_changed);
  FLUXGATE_CHECK(outcome.is_balanced);
}

void check(Input input) {
  const SessionSetup setup(input.byte());
  const std::uint8_t seed = input.byte();
  const std::string_view bytes = input.rest();
  const bool may_be_head = bytes.find("HEAD ") != std::string_view::npos;

  const SessionOutcome whole = serve_session(setup, split(bytes, 0));
  const std::vector<std::string> answers = texts_of(whole.output, may_be_head);
  // One more for the refusal of what is no request.
  FLUXGATE_CHECK(answers.size() <= count(bytes, " HTTP/1.") + 1);
  check_rights(setup, bytes, whole);

  const SessionOutcome pieces = serve_session(setup, split(bytes, seed == 0 ? 1 : seed));
  check_same(setup, answers, texts_of(pieces.output, may_be_head));
  FLUXGATE_CHECK(whole.products == pieces.products);
  check_rights(setup, bytes, pieces);
}

}  // namespace
}  // namespace fluxgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  fluxgate::fuzz::check(fluxgate::fuzz::Input(data, size));
  return 0;
}

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "fluxgate/entropy.hpp"

namespace fluxgate::http {

/// Ids for people a shop has not named: "guest-" and 128 bits that nobody can guess, each once.
///
/// Threads: made once; next() from any.
/// Memory:  `count_` relaxed: a number that nobody else gets is all that is asked for.
class GuestIds {
 public:
  /// Asks `entropy` for a key, and never again.
  explicit GuestIds(Entropy& entropy);

  [[nodiscard]] std::string next();

 private:
  std::array<unsigned char, 32> key_{};
  std::atomic<std::uint64_t> count_{0};  // every shard adds
};

}  // namespace fluxgate::http

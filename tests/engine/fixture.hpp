#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "fluxgate/engine.hpp"
#include "orderlog/memory_storage.hpp"
#include "support/manual_clock.hpp"

namespace fluxgate::testing {

/// Bytes that look random and are the same in each run.
class SeededEntropy : public Entropy {
 public:
  void fill(std::span<std::byte> bytes) noexcept override {
    for (std::byte& byte : bytes) {
      state_ = static_cast<std::uint8_t>(state_ * 167 + 13);
      byte = static_cast<std::byte>(state_);
    }
  }

 private:
  std::uint8_t state_ = 1;
};

/// An engine over a storage that outlives it, so that it can be "restarted".
struct Life {
  ManualClock clock;
  SeededEntropy entropy;
  orderlog::MemoryStorage storage;
  EngineOptions options;
  std::unique_ptr<Engine> engine;

  /// `commit_threads` 0: the test steps.
  explicit Life(unsigned commit_threads = 0) {
    options.commit_threads = commit_threads;
    // Time stands still: who is held would be held for ever.
    options.commit_delay_max = std::chrono::microseconds(0);
    options.clock = &clock;
    options.entropy = &entropy;
    options.storage = &storage;
  }

  Engine& open() {
    engine.reset();
    auto opened = Engine::open(options);
    if (!opened) FAIL(opened.error().message);
    engine = std::move(*opened);
    return *engine;
  }
};

inline OrderResult buy(Engine& engine, std::string_view user, std::string_view key,
                       Units quantity = 1, std::string_view product = "p") {
  return engine.order({.product_id = product, .user_id = user, .key = key, .quantity = quantity});
}

/// Keeps what is delivered; one thread.
class Inbox : public CompletionSink {
 public:
  void deliver(Operation* first) noexcept override {
    ++deliveries;
    for (; first != nullptr; first = first->next()) ++operations;
  }

  int deliveries = 0;
  int operations = 0;
};

}  // namespace fluxgate::testing

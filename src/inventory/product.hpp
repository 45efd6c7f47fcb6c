#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "fluxgate/types.hpp"
#include "inventory/round.hpp"

namespace fluxgate::inventory {

/// What is sold: a name and its rounds, of which the newest is the present one.
///
/// Threads:  any thread, except open(): one at a time.
/// Memory:   open() releases the new round and round() acquires it, so who gets a round sees it
///           complete. Only the list of old rounds has a lock.
/// Lifetime: keeps every round until its own end, because orders in flight may hold them; 256
///           bytes each, and a table of users if there is a limit for them.
class Product {
 public:
  Product(std::string product_id, const base::Hash128& hash, std::uint64_t product_number)
      : id(std::move(product_id)), id_hash(hash), number(product_number) {}
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  const std::string id;
  const base::Hash128 id_hash;  ///< by the inventory's key
  const std::uint64_t number;   ///< 0, 1, 2, ... in order of creation

  /// The present round; null only before the first open().
  [[nodiscard]] Round* round() const noexcept { return round_.load(std::memory_order_acquire); }

  /// The round with this number; null if there is none.
  [[nodiscard]] Round* round(RoundNumber round_number) const {
    const std::lock_guard lock(rounds_mutex_);
    if (round_number == 0 || round_number > rounds_.size()) return nullptr;
    return rounds_[round_number - 1].get();
  }

  /// Opens the next round, numbered from 1, and makes it the present one.
  Round& open(RoundSpec spec) {
    spec.product = number;
    const std::lock_guard lock(rounds_mutex_);
    rounds_.push_back(std::make_unique<Round>(rounds_.size() + 1, spec));
    Round& opened = *rounds_.back();
    round_.store(&opened, std::memory_order_release);
    return opened;
  }

 private:
  std::atomic<Round*> round_{nullptr};  // written by open()
  mutable std::mutex rounds_mutex_;
  std::vector<std::unique_ptr<Round>> rounds_;  // guarded by rounds_mutex_
};

}  // namespace fluxgate::inventory

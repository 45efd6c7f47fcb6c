#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/cache_line.hpp"
#include "base/hash.hpp"
#include "base/segmented_table.hpp"
#include "fluxgate/log_storage.hpp"
#include "fluxgate/types.hpp"
#include "inventory/stock_counter.hpp"

namespace fluxgate::inventory {

/// How to open a round. Its number is its place among the product's rounds.
struct RoundSpec {
  Units quantity = 0;
  Units max_per_order = 0;    ///< 0: no limit
  Units max_per_user = 0;     ///< 0: no limit
  BlockKey opened_at{};       ///< the block that holds the round's record
  std::uint64_t product = 0;  ///< number of the product; Product::open() fills it in
};

/// `quantity == stock + accepted + pending`, always.
struct RoundSnapshot {
  Units quantity = 0;
  Units stock = 0;
  Units accepted = 0;
  Units pending = 0;
  friend bool operator==(const RoundSnapshot&, const RoundSnapshot&) noexcept = default;
};

/// One sale of a product: its stock, what became of it, and who bought how many.
///
/// Units go three ways: taken from stock they are pending; accepted, when their order is durable;
/// back in stock, if it was refused before it was written.
///
/// Threads:  any thread, except accept() and restore(): one at a time (the settling thread).
/// Memory:   accept() releases and snapshot() acquires, see there.
/// Lifetime: belongs to its Product and lives as long.
class Round {
 public:
  Round(RoundNumber round_number, const RoundSpec& spec);
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;
  ~Round() = default;

  const std::uint64_t product;  ///< number of its Product
  const RoundNumber number;
  const Units quantity;
  const Units max_per_order;
  const Units max_per_user;
  const BlockKey opened_at;

  [[nodiscard]] StockCounter& stock() noexcept { return stock_; }
  [[nodiscard]] const StockCounter& stock() const noexcept { return stock_; }

  /// Counts an order of `units` as accepted. They were taken, which happened before.
  void accept(Units units) noexcept;

  /// Accepted units.
  [[nodiscard]] Units accepted() const noexcept {
    return accepted_.load(std::memory_order_acquire);
  }
  /// Accepted orders.
  [[nodiscard]] std::uint64_t orders() const noexcept {
    return orders_.load(std::memory_order_acquire);
  }

  [[nodiscard]] RoundSnapshot snapshot() const noexcept;

  /// Whether it stands in the list of rounds the next checkpoint names. The settling thread's own.
  bool is_in_next_checkpoint = false;

  /// Units the user has reserved or bought; always 0 without max_per_user.
  [[nodiscard]] Units user_units(const base::Hash128& user) const noexcept;

  /// Counts `units` for the user, unless that would pass max_per_user. Without one: always true.
  /// Throws std::bad_alloc, and has counted nothing.
  [[nodiscard]] bool try_reserve_user(const base::Hash128& user, Units units);

  /// Takes back what try_reserve_user() counted. Checks (aborts): it had not counted as much.
  void release_user(const base::Hash128& user, Units units) noexcept;

  /// Counts an order of the log: taken, accepted and, if `user` is given, the user's.
  ///
  /// Returns: false, and counts nothing, if fewer units are left: the log oversells.
  /// Throws std::bad_alloc.
  [[nodiscard]] bool restore(Units units, const base::Hash128* user);

 private:
  [[nodiscard]] base::SegmentedTable& users();

  // Made by the first reservation (28 KiB), because most products of a large catalogue sell
  // nothing. Null until then, and always without max_per_user. Readers go by users_.
  std::once_flag users_once_;
  std::unique_ptr<base::SegmentedTable> users_owner_;
  std::atomic<base::SegmentedTable*> users_{nullptr};

  StockCounter stock_;

  // Written by the settling thread only; on a line of their own, away from the takers'.
  alignas(base::cache_line_bytes) std::atomic<Units> accepted_{0};
  std::atomic<std::uint64_t> orders_{0};
};

}  // namespace fluxgate::inventory

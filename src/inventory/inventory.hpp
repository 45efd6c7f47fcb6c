#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "base/lazy_pointers.hpp"
#include "fluxgate/types.hpp"
#include "inventory/product.hpp"

namespace fluxgate::inventory {

/// All products, found by id, by number and in order. Products are never removed.
///
/// Threads:  any thread, except create(): one at a time. find() and by_number() are lock-free.
/// Memory:   create() releases a product when its first round is open; find() acquires it.
/// Lifetime: products live as long as the inventory. An inventory without products takes 2.8 MiB
///           of address space and two pages.
class Inventory {
 public:
  explicit Inventory(base::HashKey key);
  Inventory(const Inventory&) = delete;
  Inventory& operator=(const Inventory&) = delete;

  /// The identity of an id, a product's or a user's. Keyed, so that nobody outside can make ids
  /// collide.
  [[nodiscard]] base::Hash128 hash(std::string_view id) const noexcept;

  /// The product with this id; null if there is none. Never allocates.
  [[nodiscard]] Product* find(std::string_view id) const noexcept;

  /// The product with this number; null if there is none.
  [[nodiscard]] Product* by_number(std::uint64_t number) const noexcept;

  /// Adds a product and opens its first round. Checks (aborts): the id is new, and fewer than
  /// products_max exist.
  Product& create(std::string_view id, const RoundSpec& first_round);

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }

  /// At most `limit` products with ids greater than `after`, in byte order of their ids.
  [[nodiscard]] std::vector<Product*> list(std::string_view after, std::size_t limit) const;

 private:
  // A power of two, so that at most 38 % of the slots are used: a search meets 1.3 products.
  static constexpr std::size_t slots_count = std::size_t{1} << 18;
  static_assert(products_max * 2 <= slots_count);

  [[nodiscard]] std::uint64_t place_of(std::string_view id) const noexcept;

  const base::HashKey key_;
  base::LazyPointers<Product> slots_;      // open addressing by place_of(); written by create()
  base::LazyPointers<Product> by_number_;  // written by create()
  std::atomic<std::size_t> size_{0};       // written by create()

  mutable std::shared_mutex sorted_mutex_;
  // Guarded by sorted_mutex_. The keys are the products' own ids.
  std::map<std::string_view, std::unique_ptr<Product>> sorted_;
};

}  // namespace fluxgate::inventory

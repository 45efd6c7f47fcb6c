#include "inventory/inventory.hpp"

#include <mutex>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/mix_hash.hpp"
#include "base/sip_hash.hpp"

namespace fluxgate::inventory {

Inventory::Inventory(base::HashKey key)
    : key_(key), slots_(slots_count), by_number_(products_max) {}

base::Hash128 Inventory::hash(std::string_view product_id) const noexcept {
  return base::keyed_hash(key_, product_id);
}

// Not hash(): who may not create products cannot crowd a slot, and this costs a third.
std::uint64_t Inventory::place_of(std::string_view id) const noexcept {
  return base::mix_hash(key_, id);
}

Product* Inventory::find(std::string_view id) const noexcept {
  // Ends: more than half of the slots are empty.
  for (std::size_t slot = place_of(id);; ++slot) {
    Product* const product = slots_.load(slot % slots_count);
    if (product == nullptr) return nullptr;
    if (product->id == id) return product;
  }
}

Product* Inventory::by_number(std::uint64_t number) const noexcept {
  return number < products_max ? by_number_.load(number) : nullptr;
}

Product& Inventory::create(std::string_view id, const RoundSpec& first_round) {
  const base::Hash128 id_hash = hash(id);
  const std::size_t number = size();
  FLUXGATE_CHECK(number < products_max);
  FLUXGATE_CHECK(find(id) == nullptr);

  auto owner = std::make_unique<Product>(std::string(id), id_hash, number);
  Product& product = *owner;
  product.open(first_round);
  {
    const std::lock_guard lock(sorted_mutex_);
    sorted_.emplace(product.id, std::move(owner));
  }
  by_number_.store(number, &product);
  std::size_t slot = place_of(id);
  while (slots_.load(slot % slots_count) != nullptr) ++slot;
  slots_.store(slot % slots_count, &product);
  // release: by_number() of every number below size() finds its product.
  size_.store(number + 1, std::memory_order_release);
  return product;
}

std::vector<Product*> Inventory::list(std::string_view after, std::size_t limit) const {
  std::vector<Product*> products;
  const std::shared_lock lock(sorted_mutex_);
  for (auto at = sorted_.upper_bound(after); at != sorted_.end() && products.size() < limit; ++at) {
    products.push_back(at->second.get());
  }
  return products;
}

}  // namespace fluxgate::inventory

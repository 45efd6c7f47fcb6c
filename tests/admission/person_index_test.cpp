#include "admission/person_index.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <unordered_map>
#include <vector>

#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

// The index, the hash of each ticket it may ask for, and what it should hold.
class Checked {
  // at() throws for a ticket that was erased: the index must not ask for it.
  [[nodiscard]] auto tag_of() const {
    return [this](std::uint64_t ticket) { return tags_.at(ticket); };
  }

 public:
  void assign(std::uint64_t tag) {
    const std::uint64_t ticket = ++last_;
    index_.assign(tag, ticket, tag_of());
    tags_[ticket] = tag;
    model_[tag] = ticket;
  }
  void erase(std::uint64_t tag) {
    const auto found = model_.find(tag);
    if (found == model_.end()) return;
    index_.erase(tag, found->second, tag_of());
    tags_.erase(found->second);
    model_.erase(found);
  }
  void erase_replaced(std::uint64_t tag, std::uint64_t ticket) {
    index_.erase(tag, ticket, tag_of());
  }
  [[nodiscard]] std::uint64_t find(std::uint64_t tag) const { return index_.find(tag, tag_of()); }
  [[nodiscard]] std::uint64_t expected(std::uint64_t tag) const {
    const auto found = model_.find(tag);
    return found == model_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::size_t bytes() const { return index_.bytes(); }
  [[nodiscard]] std::size_t size() const { return model_.size(); }

 private:
  PersonIndex index_;
  std::unordered_map<std::uint64_t, std::uint64_t> tags_;
  std::map<std::uint64_t, std::uint64_t> model_;
  std::uint64_t last_ = 0;
};

void run(std::mt19937_64& random, const std::vector<std::uint64_t>& tags, int steps) {
  Checked index;
  for (int step = 0; step < steps; ++step) {
    const std::uint64_t tag = tags[random() % tags.size()];
    // First more come than go, then the reverse.
    if (random() % 10 < (step < steps / 2 ? 7U : 3U)) {
      index.assign(tag);
    } else {
      index.erase(tag);
    }
    const std::uint64_t other = tags[random() % tags.size()];
    REQUIRE(index.find(tag) == index.expected(tag));
    REQUIRE(index.find(other) == index.expected(other));
  }
  for (const std::uint64_t tag : tags) REQUIRE(index.find(tag) == index.expected(tag));
  for (const std::uint64_t tag : tags) index.erase(tag);
  for (const std::uint64_t tag : tags) REQUIRE(index.find(tag) == 0);
}

}  // namespace

TEST_CASE("PersonIndex: nobody assigned → none found", "[admission][unit]") {
  Checked index;
  REQUIRE(index.find(0) == 0);
  index.erase_replaced(5, 1);
  REQUIRE(index.find(5) == 0);
}

TEST_CASE("PersonIndex: a newer ticket of the same person → the older's end changes nothing",
          "[admission][unit]") {
  Checked index;
  index.assign(77);
  index.assign(77);
  REQUIRE(index.find(77) == 2);
  index.erase_replaced(77, 1);
  REQUIRE(index.find(77) == 2);
  index.erase(77);
  REQUIRE(index.find(77) == 0);
}

TEST_CASE("PersonIndex: random assigns and erases → as std::map says", "[admission][property]") {
  std::mt19937_64 random(testing::make_seed("PersonIndex"));
  std::vector<std::uint64_t> tags(5'000);
  for (std::uint64_t& tag : tags) tag = random();
  run(random, tags, 200'000);
}

TEST_CASE("PersonIndex: all hashes in one table, many of one home → as std::map says",
          "[admission][property]") {
  std::mt19937_64 random(testing::make_seed("PersonIndex collisions"));
  std::vector<std::uint64_t> tags(200);
  // Different in the middle, equal but for few bits at the end, where the slot comes from; 0 too.
  for (std::size_t i = 0; i < tags.size(); ++i) tags[i] = i << 32 | (random() % 3 * 255);
  tags[0] = 0;
  run(random, tags, 50'000);
}

TEST_CASE("PersonIndex: a hundred thousand people → at most 24 bytes each", "[admission][unit]") {
  std::mt19937_64 random(testing::make_seed("PersonIndex bytes"));
  Checked index;
  for (int i = 0; i < 100'000; ++i) index.assign(random());
  REQUIRE(index.bytes() <= 24 * index.size() + sizeof(PersonIndex));
}

}  // namespace fluxgate::admission

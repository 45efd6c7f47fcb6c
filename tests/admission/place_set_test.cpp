#include "admission/place_set.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>
#include <optional>
#include <random>
#include <set>

#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using Model = std::set<std::uint64_t>;

void require_same(const PlaceSet& set, const Model& model, std::uint64_t place) {
  const auto below = std::distance(model.begin(), model.lower_bound(place));
  REQUIRE(set.rank(place) == static_cast<std::uint64_t>(below));
  REQUIRE(set.contains(place) == model.contains(place));
  REQUIRE(set.size() == model.size());
  REQUIRE(set.empty() == model.empty());
  const auto first = model.empty() ? std::nullopt : std::optional(*model.begin());
  REQUIRE(set.first() == first);
}

}  // namespace

TEST_CASE("PlaceSet: nothing inserted → no first, no rank", "[admission][unit]") {
  const PlaceSet set;
  require_same(set, {}, 0);
  require_same(set, {}, 1'000'000);
}

TEST_CASE("PlaceSet: edges of words, parts and blocks → ranks count what is before",
          "[admission][unit]") {
  PlaceSet set;
  Model model;
  const std::uint64_t places[] = {0,   1,      63,     64,     511,    512,
                                  513, 32'767, 32'768, 65'535, 65'536, 200'000};
  for (const std::uint64_t place : places) {
    set.insert(place);
    model.insert(place);
  }
  for (const std::uint64_t place : places) {
    require_same(set, model, place);
    require_same(set, model, place + 1);
  }
}

TEST_CASE("PlaceSet: the same inserted or erased twice → counted once", "[admission][unit]") {
  PlaceSet set;
  set.insert(70'000);
  set.insert(70'000);
  REQUIRE(set.size() == 1);
  set.erase(5);
  set.erase(70'001);
  set.erase(700'000);
  REQUIRE(set.size() == 1);
  set.erase(70'000);
  set.erase(70'000);
  require_same(set, {}, 70'000);
}

TEST_CASE("PlaceSet: one comes back before all that are left → first again", "[admission][unit]") {
  PlaceSet set;
  for (std::uint64_t place = 1; place < 200'000; ++place) set.insert(place);
  for (std::uint64_t place = 1; place < 150'000; ++place) set.erase(place);
  REQUIRE(set.first() == 150'000U);
  set.insert(7);
  REQUIRE(set.first() == 7U);
  REQUIRE(set.rank(150'000) == 1);
  REQUIRE(set.rank(7) == 0);
  REQUIRE_FALSE(set.contains(8));
  REQUIRE(set.size() == 50'001);
}

TEST_CASE("PlaceSet: random inserts and erases → as std::set says", "[admission][property]") {
  std::mt19937_64 random(testing::make_seed("PlaceSet"));
  PlaceSet set;
  Model model;
  std::uint64_t newest = random() % 100'000;
  for (int step = 0; step < 100'000; ++step) {
    const std::uint64_t place = newest - std::min<std::uint64_t>(newest, random() % 100'000);
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        newest += random() % 40;
        set.insert(newest);
        model.insert(newest);
        break;
      case 3:
        set.insert(place);
        model.insert(place);
        break;
      case 4:
        set.erase(place);
        model.erase(place);
        break;
      default:
        if (model.empty()) break;
        set.erase(*model.begin());
        model.erase(model.begin());
        break;
    }
    if (step % 16 == 0) require_same(set, model, random() % (newest + 50'000));
  }
  while (!model.empty()) {
    REQUIRE(set.first() == *model.begin());
    set.erase(*model.begin());
    model.erase(model.begin());
  }
  require_same(set, model, newest);
}

}  // namespace fluxgate::admission

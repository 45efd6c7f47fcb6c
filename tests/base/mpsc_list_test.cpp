#include "base/mpsc_list.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <deque>
#include <vector>

#include "base/run_together.hpp"

namespace fluxgate::base {
namespace {

struct Node {
  int pusher = 0;
  int number = 0;
  Node* link = nullptr;
};

struct Link {
  static Node*& next(Node& node) noexcept { return node.link; }
};

using List = MpscList<Node, Link>;

std::vector<int> numbers(Node* first) {
  std::vector<int> result;
  for (; first != nullptr; first = first->link) result.push_back(first->number);
  return result;
}

}  // namespace

TEST_CASE("MpscList: empty → nothing to take", "[base][unit]") {
  List list;
  REQUIRE(list.empty());
  REQUIRE(list.take_all().first == nullptr);
}

TEST_CASE("MpscList: three pushed → taken in that order, the first push alone met it empty",
          "[base][unit]") {
  List list;
  std::array<Node, 3> nodes{Node{0, 1}, Node{0, 2}, Node{0, 3}};
  REQUIRE(list.push(nodes[0]));
  REQUIRE_FALSE(list.push(nodes[1]));
  REQUIRE_FALSE(list.push(nodes[2]));
  REQUIRE_FALSE(list.empty());
  REQUIRE(numbers(list.take_all().first) == std::vector{1, 2, 3});
  REQUIRE(list.empty());
  REQUIRE(list.take_all().first == nullptr);
}

TEST_CASE("MpscList: taken nodes pushed again → the list begins anew", "[base][unit]") {
  List list;
  Node node{0, 1};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(list.push(node));
    REQUIRE(list.take_all().first == &node);
    REQUIRE(node.link == nullptr);
  }
}

TEST_CASE("MpscList: three pushers, one taker → each node once, each pusher's in order",
          "[base][race]") {
  constexpr int pushers = 3;
  constexpr int each = 30'000;
  List list;
  std::array<std::deque<Node>, pushers> nodes;
  for (auto& mine : nodes) mine.resize(each);
  std::atomic<int> met_empty{0};
  int batches = 0;  // of the taker
  int taken = 0;
  int out_of_order = 0;

  testing::run_together(pushers + 1, [&](int thread) {
    if (thread < pushers) {
      for (int i = 0; i < each; ++i) {
        Node& node = nodes[static_cast<std::size_t>(thread)][static_cast<std::size_t>(i)];
        node.pusher = thread;
        node.number = i + 1;
        if (list.push(node)) ++met_empty;
      }
      return;
    }
    std::array<int, pushers> last{};
    while (taken < pushers * each) {
      Node* node = list.take_all().first;
      if (node == nullptr) {
        std::this_thread::yield();
        continue;
      }
      ++batches;
      for (; node != nullptr; node = node->link) {
        int& seen = last[static_cast<std::size_t>(node->pusher)];
        if (node->number != seen + 1) ++out_of_order;
        seen = node->number;
        ++taken;
      }
    }
  });

  REQUIRE(taken == pushers * each);
  REQUIRE(out_of_order == 0);
  // So a consumer that sleeps on empty is woken once for each batch, never missed.
  REQUIRE(met_empty == batches);
  REQUIRE(list.empty());
}

}  // namespace fluxgate::base

#pragma once

#include <atomic>

#include "base/cache_line.hpp"

namespace fluxgate::base {

/// An intrusive list that many threads push to and one empties, all at once.
///
/// `Next` is a stateless policy with `static Node*& next(Node&)`: where a node keeps its link. A
/// link belongs to the list from push() until take_all() hands the node out.
///
/// Threads:  push() any thread, any number at once, lock-free; take_all() too, though the name
///           says what it is made for. Pushing and taking everything is all there is, so a node
///           that leaves and comes back at once (ABA) does no harm.
/// Memory:   push() releases and take_all() acquires, so the taker sees all that each pusher wrote
///           before. One exchange is enough for all nodes: each push is a read-modify-write and
///           carries on the release sequences of the pushes below it.
/// Lifetime: never touches a node after it was taken.
/// Source:   R. K. Treiber, "Systems Programming: Coping with Parallelism", 1986 (the stack).
template <typename Node, typename Next>
class MpscList {
 public:
  MpscList() = default;
  MpscList(const MpscList&) = delete;
  MpscList& operator=(const MpscList&) = delete;

  /// Returns: true if the list was empty: of all pushes between two takings, one says so.
  bool push(Node& node) noexcept {
    // relaxed: the old head is only linked to, never read through.
    Node* head = head_.load(std::memory_order_relaxed);
    do {
      Next::next(node) = head;
    } while (!head_.compare_exchange_weak(head, &node, std::memory_order_release,
                                          std::memory_order_relaxed));
    return head == nullptr;
  }

  /// Nodes in order of pushing, linked by `Next`; both null if there are none.
  struct Taken {
    Node* first = nullptr;
    Node* last = nullptr;
  };

  /// Takes all nodes.
  [[nodiscard]] Taken take_all() noexcept {
    // An idle consumer looks often; a load leaves the line shared where an exchange would not.
    // relaxed: nothing is read through it.
    if (head_.load(std::memory_order_relaxed) == nullptr) return {};
    Node* const last = head_.exchange(nullptr, std::memory_order_acquire);
    Node* newest = last;
    Node* first = nullptr;
    while (newest != nullptr) {
      Node* const older = Next::next(*newest);
      Next::next(*newest) = first;
      first = newest;
      newest = older;
    }
    return {first, last};
  }

  /// True if there was nothing to take. Acquires: what a push it saw had before it, is seen.
  [[nodiscard]] bool empty() const noexcept {
    return head_.load(std::memory_order_acquire) == nullptr;
  }

 private:
  // Written by all pushers and the taker; on a line of its own.
  alignas(cache_line_bytes) std::atomic<Node*> head_{nullptr};
};

}  // namespace fluxgate::base

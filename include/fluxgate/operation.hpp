#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "fluxgate/settings.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate {

class CompletionSink;
namespace engine {
class Core;
class Committer;
class Purchase;
class SaleControl;
class WaitingRoom;
}  // namespace engine
namespace idempotency {
class IdempotencyIndex;
}  // namespace idempotency
namespace inventory {
class Round;
}  // namespace inventory

/// A call in flight: a node the caller owns and the engine links, so that nothing is allocated.
///
/// Threads:  the caller's until submit() answers `pending`, then the engine's until the sink has
///           it, then the caller's again.
/// Lifetime: must stay where it is, with all its request's views, while it is the engine's.
class Operation {
 public:
  enum class Kind : std::uint8_t { order, init, join, settings };

  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Next in the list handed to CompletionSink::deliver; read it before reusing this node.
  [[nodiscard]] Operation* next() const noexcept { return next_; }

 protected:
  Operation(Kind kind, CompletionSink& sink) noexcept : kind_(kind), sink_(&sink) {}
  ~Operation() = default;

 private:
  friend class CompletionSink;
  friend class engine::Core;
  friend class engine::Committer;
  friend class engine::Purchase;
  friend class idempotency::IdempotencyIndex;

  Kind kind_;
  CompletionSink* sink_;
  Operation* next_ = nullptr;
};

/// Where finished operations go. One virtual call takes a whole batch.
///
/// Threads:  deliver() is called by the thread that settles a commit, or by the thread whose
///           refusal a waiting copy shares; so by any thread, and by several at once.
/// Lifetime: must outlive every operation that names it, and serves one engine only.
class CompletionSink {
 public:
  virtual ~CompletionSink() = default;

  /// Takes a list of finished operations, linked by next(). Must not throw, nor wait for the engine
  /// (a blocking call, step(), next_step(), close()); submit() may be called.
  virtual void deliver(Operation* first) noexcept = 0;

 private:
  friend class engine::Committer;
  // Written only by the settling thread, between two deliveries.
  Operation* batch_first_ = nullptr;
  Operation* batch_last_ = nullptr;
  CompletionSink* next_in_batch_ = nullptr;
};

/// An order in flight. Fill `request` (and `now`), submit, read `result`. May be used again.
class OrderOperation : public Operation {
 public:
  explicit OrderOperation(CompletionSink& sink) noexcept : Operation(Kind::order, sink) {}

  OrderRequest request;
  OrderResult result;
  /// Clock::monotonic() of this order if the caller knows it; zero: the engine asks if it must.
  std::chrono::nanoseconds now{0};

 private:
  friend class engine::Core;
  friend class engine::Committer;
  friend class engine::Purchase;
  friend class idempotency::IdempotencyIndex;

  // Set by the submitting thread before the node is shared; read by the settling one.
  std::uint64_t key_hash_high_ = 0;
  std::uint64_t key_hash_low_ = 0;
  std::uint32_t fingerprint_ = 0;
  inventory::Round* round_ = nullptr;
  std::uint64_t pass_ = 0;  // number of the pass it uses; 0: none
  // Copies that wait for this order; guarded by the lock of the key's index segment.
  OrderOperation* first_waiter_ = nullptr;
};

/// An /init in flight. Fill `request`, submit, read `result`. May be used again.
class InitOperation : public Operation {
 public:
  explicit InitOperation(CompletionSink& sink) noexcept : Operation(Kind::init, sink) {}

  InitRequest request;
  InitResult result;

 private:
  friend class engine::Committer;
  // Set by gather(), used by settle(): the round the log was told to open (0: nothing to open).
  RoundNumber opening_ = 0;
};

/// A request for a place in line. Fill `request`, submit, read `result`. May be used again.
class JoinOperation : public Operation {
 public:
  explicit JoinOperation(CompletionSink& sink) noexcept : Operation(Kind::join, sink) {}

  JoinRequest request;
  JoinResult result;

 private:
  friend class engine::WaitingRoom;
  // Set by gather(), used by settle(): its ticket's number, and whether that is new.
  std::uint64_t ticket_ = 0;
  bool is_new_ = false;
};

/// A change of settings in flight. Fill `request`, submit, read `result`. May be used again.
class SettingsOperation : public Operation {
 public:
  explicit SettingsOperation(CompletionSink& sink) noexcept : Operation(Kind::settings, sink) {}

  SettingsChange request;
  SettingsResult result;

 private:
  friend class engine::SaleControl;
  // Set by gather(), used by settle(): what the log was told.
  SaleSettings after_;
  std::string key_;  // a new key of tickets; empty: none
};

/// What submit() did with an operation.
enum class Submission : std::uint8_t {
  completed,  ///< `result` is there; the sink will not be called.
  pending,    ///< The sink will get it.
};

/// When the thread that commits learns of a pending order.
enum class Wake : std::uint8_t {
  now,
  /// At Engine::wake(), which the caller will call soon: when it has submitted them all. Until
  /// then, or until somebody submits with `now`, they gather. If the engine's thread is awake it
  /// waits for that for 5 ms at most, and not at all with an injected clock; a host's step() never
  /// does.
  later,
};

}  // namespace fluxgate

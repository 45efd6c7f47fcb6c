#pragma once

#include "base/mpsc_list.hpp"
#include "fluxgate/operation.hpp"

namespace fluxgate::http {

class Session;

/// The part of a call in flight that brings its completion back to the session.
///
/// `next_delivered` belongs to the engine's side from delivery until the shard has taken it: it
/// links the first operations of the batches that were handed over.
struct Call {
  explicit Call(Session* waiting) noexcept : session(waiting) {}

  Session* session;
  Operation* first = nullptr;  ///< of the batch this call is the first of
  Call* next_delivered = nullptr;
};

struct OrderCall final : OrderOperation, Call {
  OrderCall(CompletionSink& sink, Session* waiting) noexcept
      : OrderOperation(sink), Call(waiting) {}
};

struct InitCall final : InitOperation, Call {
  InitCall(CompletionSink& sink, Session* waiting) noexcept : InitOperation(sink), Call(waiting) {}
};

struct JoinCall final : JoinOperation, Call {
  JoinCall(CompletionSink& sink, Session* waiting) noexcept : JoinOperation(sink), Call(waiting) {}
};

struct SettingsCall final : SettingsOperation, Call {
  SettingsCall(CompletionSink& sink, Session* waiting) noexcept
      : SettingsOperation(sink), Call(waiting) {}
};

/// The call an operation is: every operation of a shard is one of these.
[[nodiscard]] inline Call& call_of(Operation& operation) noexcept {
  switch (operation.kind()) {
    case Operation::Kind::init:
      return static_cast<InitCall&>(operation);
    case Operation::Kind::join:
      return static_cast<JoinCall&>(operation);
    case Operation::Kind::settings:
      return static_cast<SettingsCall&>(operation);
    case Operation::Kind::order:
      break;
  }
  return static_cast<OrderCall&>(operation);
}

struct NextDelivered {
  static Call*& next(Call& call) noexcept { return call.next_delivered; }
};
using DeliveredBatches = base::MpscList<Call, NextDelivered>;

}  // namespace fluxgate::http

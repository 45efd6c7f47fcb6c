#include "orderlog/walk.hpp"

#include <memory>
#include <string>
#include <utility>

#include "orderlog/block.hpp"

namespace fluxgate::orderlog {
namespace {

Error damaged(const BlockKey& key, const std::string& what) {
  return Error{ErrorCode::damaged, block_name(key) + " " + what};
}

/// One walk: where it is and what the next block must be like.
class Walk {
 public:
  Walk(Sequence from, LogVisitor& visitor, const LogPosition* mark)
      : from_(from), visitor_(visitor), mark_(mark) {}

  /// Checks and shows one block. False: the visitor has had enough.
  Result<bool> step(const BlockKey& key, std::string_view block) {
    fault_ = {key, 0};
    Result<bool> more = check(key, block);
    if (!more) visitor_.on_fault(fault_);
    return more;
  }

  /// The error that ended the reading of blocks.
  [[nodiscard]] Error unread(const Error& error) const {
    visitor_.on_fault({next_block(), 0});
    return Error{error.code, "after block " + std::to_string(end_.block) + " (order " +
                                 std::to_string(end_.sequence) + "): " + error.message};
  }

  [[nodiscard]] Result<LogPosition> finish() const {
    if (mark_ == nullptr || end_.block >= mark_->block) return end_;
    visitor_.on_fault({next_block(), 0});
    return Error{ErrorCode::damaged, "the log ends at order " + std::to_string(end_.sequence) +
                                         " (block " + std::to_string(end_.block) +
                                         "), but orders up to " + std::to_string(mark_->sequence) +
                                         " (block " + std::to_string(mark_->block) +
                                         ") were acknowledged"};
  }

  [[nodiscard]] LogPosition end() const { return end_; }

 private:
  [[nodiscard]] bool from_beginning() const { return from_ <= 1; }
  [[nodiscard]] BlockKey next_block() const { return {end_.sequence + 1, end_.block + 1}; }

  Result<bool> check(const BlockKey& key, std::string_view block) {
    Result<BlockView> view = open_block(key, block);
    if (!view) return view.error();
    if (Result<void> linked = check_place(key, *view); !linked) return linked.error();
    end_ = view->end;
    accepted_at_ = view->accepted_at;
    first_ = false;
    if (mark_ != nullptr && key.block == mark_->block && end_ != *mark_) {
      return damaged(key, "differs from the high-water mark: it ends at order " +
                              std::to_string(end_.sequence) + ", the mark at order " +
                              std::to_string(mark_->sequence) +
                              (end_.sequence == mark_->sequence ? " with another checksum" : ""));
    }
    if (!visitor_.on_block({key, end_, accepted_at_, view->orders, block})) {
      return false;
    }
    return show_records(key, *view);
  }

  /// Whether the block continues the one before, or may be the first.
  Result<void> check_place(const BlockKey& key, const BlockView& view) {
    if (first_ && !from_beginning()) {
      if (key.first_sequence <= from_) return {};
      return damaged(key, "is the first at or after order " + std::to_string(from_) +
                              ": the block that holds it is missing");
    }
    // end_ is all zero before the first block, which is what the first block continues.
    if (key.block != end_.block + 1) {
      if (key.block > end_.block) fault_.block = next_block();
      return damaged(key, "follows block " + std::to_string(end_.block) + ", which ends at order " +
                              std::to_string(end_.sequence) + ": blocks are missing or repeated");
    }
    if (key.first_sequence != end_.sequence + 1) {
      return damaged(key, "begins with the wrong order: the block before ends at order " +
                              std::to_string(end_.sequence));
    }
    if (view.previous_checksum != end_.checksum) {
      return damaged(key, "is not chained to the block before it");
    }
    if (view.accepted_at < accepted_at_) {
      return damaged(
          key, "is older than the block before it: " + std::to_string(view.accepted_at.count()) +
                   " < " + std::to_string(accepted_at_.count()) + " ms");
    }
    return {};
  }

  Result<bool> show_records(const BlockKey& key, const BlockView& view) {
    RecordReader reader(view.records);
    std::size_t orders = 0;
    while (reader.next()) {
      if (reader.type() == RecordType::checkpoint) {
        const Sequence before = key.first_sequence - 1 + orders;
        if (reader.checkpoint().orders != before) {
          return damaged(key, "has a checkpoint of " + std::to_string(reader.checkpoint().orders) +
                                  " orders after order " + std::to_string(before));
        }
      }
      Sequence sequence = 0;
      if (is_order(reader.type())) {
        sequence = key.first_sequence + orders++;
        if (orders > view.orders) break;
      }
      if (!show(reader, sequence)) return false;
    }
    if (Result<void> status = reader.status(); !status) {
      if (is_order(reader.type())) fault_.order = key.first_sequence + orders;
      return Error{status.error().code, block_name(key) + ": " + status.error().message};
    }
    if (orders == view.orders) return true;
    return damaged(key, "claims " + std::to_string(view.orders) + " orders but holds " +
                            (orders > view.orders ? "more" : std::to_string(orders)));
  }

  bool show(const RecordReader& reader, Sequence sequence) {
    switch (reader.type()) {
      case RecordType::product:
        return visitor_.on_product(reader.product());
      case RecordType::round:
        return visitor_.on_round(reader.round());
      case RecordType::order:
      case RecordType::order_with_pass:
        return sequence < from_ || visitor_.on_order(sequence, accepted_at_, reader.order());
      case RecordType::ticket:
        return visitor_.on_ticket(reader.ticket());
      case RecordType::admission:
        return visitor_.on_admission(reader.admission());
      case RecordType::setting:
        return visitor_.on_setting(reader.setting());
      case RecordType::checkpoint:
        return visitor_.on_checkpoint(reader.checkpoint());
    }
    return true;
  }

  const Sequence from_;
  LogVisitor& visitor_;
  const LogPosition* const mark_;
  LogPosition end_;                           // of the last block seen
  std::chrono::milliseconds accepted_at_{0};  // its time
  bool first_ = true;                         // no block seen yet
  LogPlace fault_;                            // if this block is not good: what is wrong
};

}  // namespace

Result<LogPosition> walk(const LogStorage& storage, Sequence from, LogVisitor& visitor,
                         const LogPosition* mark) {
  Result<std::unique_ptr<BlockCursor>> cursor = storage.scan(from);
  if (!cursor) return cursor.error();
  Walk state(from, visitor, mark);
  if (mark != nullptr) visitor.on_mark(*mark);
  for (; (*cursor)->valid(); (*cursor)->next()) {
    Result<bool> more = state.step((*cursor)->key(), (*cursor)->block());
    if (!more) return more.error();
    if (!*more) return state.end();
  }
  if (Result<void> status = (*cursor)->status(); !status) return state.unread(status.error());
  return state.finish();
}

}  // namespace fluxgate::orderlog

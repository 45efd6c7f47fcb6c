#include "orderlog/memory_storage.hpp"

#include <algorithm>
#include <cstddef>

#include "base/check.hpp"
#include "orderlog/block.hpp"

namespace fluxgate::orderlog {

/// Sees the blocks there were when it was made.
class MemoryStorage::Cursor final : public BlockCursor {
 public:
  Cursor(const MemoryStorage& storage, std::size_t begin, std::size_t end)
      : storage_(storage), index_(begin), end_(end) {
    look();
  }

  [[nodiscard]] bool valid() const override { return block_ != nullptr; }
  [[nodiscard]] BlockKey key() const override { return block_->key; }
  [[nodiscard]] std::string_view block() const override { return block_->bytes; }
  void next() override {
    ++index_;
    look();
  }
  [[nodiscard]] Result<void> status() const override { return {}; }

 private:
  void look() {
    block_ = nullptr;
    if (index_ >= end_) return;
    const std::lock_guard lock(storage_.mutex_);  // the deque's own pages move while it grows
    block_ = &storage_.blocks_[index_];
  }

  const MemoryStorage& storage_;
  std::size_t index_;
  const std::size_t end_;
  const Block* block_ = nullptr;
};

Result<LogPosition> MemoryStorage::mark() {
  const std::lock_guard lock(mutex_);
  return mark_;
}

Result<void> MemoryStorage::start_writing(const LogPosition& tail) {
  const std::lock_guard lock(mutex_);
  LogPosition end;
  if (!blocks_.empty()) {
    Result<BlockView> last = open_block(blocks_.back().key, blocks_.back().bytes);
    if (!last) return last.error();
    end = last->end;
  }
  if (end == tail) return {};
  return Error{ErrorCode::damaged, "the log ends at block " + std::to_string(end.block) +
                                       ", but block " + std::to_string(tail.block) +
                                       " was read as its end"};
}

Result<void> MemoryStorage::append(const BlockKey& key, std::string_view block, bool) {
  const std::lock_guard lock(mutex_);
  blocks_.push_back({key, std::string(block)});
  return {};
}

Result<void> MemoryStorage::set_mark(const LogPosition& position) {
  const std::lock_guard lock(mutex_);
  mark_ = position;
  return {};
}

Result<std::unique_ptr<BlockCursor>> MemoryStorage::scan(Sequence from) const {
  std::size_t begin = 0;
  std::size_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    end = blocks_.size();
    if (from > 1) {
      const auto behind = std::upper_bound(
          blocks_.begin(), blocks_.end(), from,
          [](Sequence wanted, const Block& block) { return wanted < block.key.first_sequence; });
      begin = static_cast<std::size_t>(behind - blocks_.begin());
      if (begin > 0) --begin;
    }
  }
  return std::unique_ptr<BlockCursor>(std::make_unique<Cursor>(*this, begin, end));
}

}  // namespace fluxgate::orderlog

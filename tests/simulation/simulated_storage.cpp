#include "simulation/simulated_storage.hpp"

#include <algorithm>
#include <utility>

#include "orderlog/block.hpp"

namespace fluxgate::testing {
namespace {

Error failure(const char* what) {
  return Error{ErrorCode::unavailable, what};
}

}  // namespace

class SimulatedStorage::Cursor final : public BlockCursor {
 public:
  Cursor(const SimulatedStorage& storage, std::size_t begin) : storage_(storage), at_(begin) {
    look();
  }

  [[nodiscard]] bool valid() const override { return is_valid_; }
  [[nodiscard]] BlockKey key() const override { return storage_.blocks_[at_].key; }
  [[nodiscard]] std::string_view block() const override { return storage_.blocks_[at_].bytes; }
  void next() override {
    ++at_;
    look();
  }
  [[nodiscard]] Result<void> status() const override {
    if (has_failed_) return failure("simulated read error");
    return {};
  }

 private:
  void look() {
    is_valid_ = at_ < storage_.blocks_.size();
    if (!is_valid_ || !hits(storage_.read_fails_in_)) return;
    has_failed_ = true;
    is_valid_ = false;
  }

  const SimulatedStorage& storage_;
  std::size_t at_;
  bool is_valid_ = false;
  bool has_failed_ = false;
};

Sequence SimulatedStorage::cut_power() {
  is_dead_ = true;
  const Sequence durable = end_of(durable_).sequence;
  const std::size_t kept = random_.between(durable_, blocks_.size());
  blocks_.resize(kept);
  durable_ = kept;
  return durable;
}

void SimulatedStorage::start() {
  is_dead_ = false;
  has_failed_ = false;
  space_ = LogSpace::plenty;
  start_fails_ = fails_behind_ = false;
  append_fails_in_ = mark_fails_in_ = read_fails_in_ = 0;
}

LogPosition SimulatedStorage::end_of(std::size_t blocks) const {
  if (blocks == 0) return {};
  const Block& last = blocks_[blocks - 1];
  return orderlog::open_block(last.key, last.bytes)->end;
}

Error SimulatedStorage::fail_write(const char* what) {
  has_failed_ = true;
  return failure(what);
}

Result<LogPosition> SimulatedStorage::mark() {
  if (is_dead_) return failure("dead");
  return mark_;
}

Result<void> SimulatedStorage::start_writing(const LogPosition& tail) {
  if (is_dead_) return failure("dead");
  if (start_fails_) return fail_write("simulated failure to start writing");
  if (end_of(blocks_.size()) != tail) return Error{ErrorCode::damaged, "another tail was read"};
  durable_ = blocks_.size();
  return {};
}

Result<void> SimulatedStorage::append(const BlockKey& key, std::string_view block, bool sync) {
  if (is_dead_) return failure("dead");
  if (has_failed_) {
    ++forbidden_calls_;
    return failure("called after an error");
  }
  const bool fails = hits(append_fails_in_);
  // Failed: nothing of it reached the log, or all of it did, and perhaps even the disk.
  if (fails && random_.one_in(2)) return fail_write("simulated failure to append");
  blocks_.push_back({key, std::string(block)});
  if (fails) {
    if (sync && random_.one_in(2)) durable_ = blocks_.size();
    return fail_write("simulated failure to append what is there all the same");
  }
  if (sync) durable_ = blocks_.size();
  return {};
}

Result<void> SimulatedStorage::set_mark(const LogPosition& position) {
  if (is_dead_) return failure("dead");
  if (has_failed_) {
    ++forbidden_calls_;
    return failure("called after an error");
  }
  if (position.block > durable_) ++forbidden_calls_;  // a power cut would leave a mark without log
  const bool fails = hits(mark_fails_in_);
  if (!fails || random_.one_in(2)) mark_ = position;
  if (fails) return fail_write("simulated failure to move the mark");
  return {};
}

Result<LogSpace> SimulatedStorage::space() {
  if (is_dead_) return failure("dead");
  if (has_failed_) {
    ++forbidden_calls_;
    return failure("called after an error");
  }
  if (fails_behind_) return fail_write("simulated failure of a write that nobody waits for");
  return space_;
}

Result<std::unique_ptr<BlockCursor>> SimulatedStorage::scan(Sequence from) const {
  if (is_dead_) return failure("dead");
  std::size_t begin = 0;
  if (from > 1) {
    const auto behind = std::upper_bound(
        blocks_.begin(), blocks_.end(), from,
        [](Sequence wanted, const Block& block) { return wanted < block.key.first_sequence; });
    begin = static_cast<std::size_t>(behind - blocks_.begin());
    if (begin > 0) --begin;
  }
  return std::unique_ptr<BlockCursor>(std::make_unique<Cursor>(*this, begin));
}

}  // namespace fluxgate::testing

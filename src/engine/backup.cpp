#include "engine/backup.hpp"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "orderlog/beside.hpp"
#include "orderlog/block.hpp"
#include "orderlog/rocksdb_storage.hpp"

namespace fluxgate::engine {
namespace {

/// The log that is being made; outlives the attempts to read the source.
class Target {
 public:
  explicit Target(std::string directory) : directory_(std::move(directory)) {}

  /// Takes the block, or does nothing if it is there already.
  Result<void> add(const BlockKey& key, std::string block) {
    if (key.block <= end_.block) return {};
    const auto view = orderlog::open_block(key, block);
    if (!view) return view.error();
    if (view->previous_checksum != end_.checksum) {
      return Error{ErrorCode::unavailable, "the log changed while it was read: begin again"};
    }
    if (Result<void> opened = open(); !opened) return opened;
    if (Result<void> appended = append_last(false); !appended) return appended;
    end_ = view->end;
    last_ = {key, std::move(block)};
    return {};
  }

  /// All blocks are there: makes them durable, then the mark, and closes.
  Result<void> close() {
    if (Result<void> opened = open(); !opened) return opened;
    if (Result<void> appended = append_last(true); !appended) return appended;
    if (Result<void> marked = storage_->set_mark(end_); !marked) return marked;
    storage_.reset();
    return {};
  }

 private:
  // Only once there is something to copy: a source that cannot be read leaves no directory.
  Result<void> open() {
    if (storage_ != nullptr) return {};
    auto opened = orderlog::RocksdbStorage::open_copy(directory_, {});
    if (!opened) return opened.error();
    storage_ = *std::move(opened);
    return storage_->start_writing({});
  }

  // The sync of the last block makes all before it durable, so that one is kept back.
  Result<void> append_last(bool sync) {
    return last_ ? storage_->append(last_->key, last_->bytes, sync) : Result<void>();
  }

  struct Block {
    BlockKey key;
    std::string bytes;
  };

  const std::string directory_;
  std::unique_ptr<orderlog::RocksdbStorage> storage_;
  std::optional<Block> last_;  // taken, not yet appended
  LogPosition end_;            // of that
};

/// Verifies, and hands on each block once all of it was found good.
class Copier final : public LogVerifier {
 public:
  Copier(const Clock& clock, Target& target, Sequence upto)
      : LogVerifier(clock), target_(target), upto_(upto) {}

  bool on_block(const orderlog::BlockInfo& block) override {
    if (!hand_on()) return false;
    held_ = block.key;
    content_ = block.content;
    return LogVerifier::on_block(block);
  }

  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const orderlog::OrderEntry& order) override {
    if (!LogVerifier::on_order(sequence, accepted_at, order)) return false;
    has_all_ = sequence == upto_;
    return !has_all_;
  }

  /// Behind a walk of so many orders, without a fault.
  Result<void> finish(Sequence orders) {
    if (upto_ != 0 && !has_all_) {
      return Error{ErrorCode::not_found, "the log ends at order " + std::to_string(orders) +
                                             ": it holds no order " + std::to_string(upto_)};
    }
    if (has_all_) {
      content_ = orderlog::cut_block(*held_, content_, upto_ + 1 - held_->first_sequence);
    }
    return hand_on() ? target_.close() : Result<void>(*failed_);
  }

  /// What went wrong with the target.
  [[nodiscard]] const std::optional<Error>& failed() const noexcept { return failed_; }

 private:
  bool hand_on() {
    if (!held_) return true;
    Result<void> appended = target_.add(*held_, std::move(content_));
    if (!appended) failed_ = appended.error();
    return appended.has_value();
  }

  Target& target_;
  const Sequence upto_;
  bool has_all_ = false;  // the order `upto` was seen
  std::optional<BlockKey> held_;
  std::string content_;  // of the held block
  std::optional<Error> failed_;
};

}  // namespace

Result<Verification> back_up(const BackupRequest& request, const Clock& clock) {
  Target target(request.to);
  std::optional<Copier> copier;
  const Result<LogPosition> walked = orderlog::walk_beside_writer(
      request.from,
      [&]() -> orderlog::LogVisitor& { return copier.emplace(clock, target, request.upto); },
      {.ignores_mark = request.upto != 0});
  if (copier->failed()) return *copier->failed();
  Result<Verification> source = copier->conclude(walked);
  if (!source || source->fault) return source;
  const Result<void> copied = copier->finish(source->read.orders);
  if (!copied) return copied.error();

  copier.reset();  // the copy takes as much memory to verify
  Result<Verification> copy = verify_log(request.to, clock, {.takes_unfinished = true});
  if (!copy || copy->fault) return copy;
  if (Result<void> finished = orderlog::DataDirectory::finish_copy(request.to); !finished) {
    return finished.error();
  }
  return copy;
}

}  // namespace fluxgate::engine

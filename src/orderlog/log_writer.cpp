#include "orderlog/log_writer.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace fluxgate::orderlog {

LogWriter::LogWriter(LogStorage& storage, const Clock& clock, Durability durability,
                     LogPosition tail, std::chrono::milliseconds last_accepted_at,
                     LogPosition marked)
    : storage_(storage),
      clock_(clock),
      durability_(durability),
      tail_(tail),
      synced_(tail),
      marked_(marked),
      last_accepted_at_(last_accepted_at) {
  block_.start(tail_);
}

Result<Written> LogWriter::write() {
  if (failure_) return *failure_;
  const std::chrono::nanoseconds now = clock_.monotonic();
  const bool sync_due = !last_sync_ || now - *last_sync_ >= sync_interval;
  return append(durability_ == Durability::sync || (durability_ == Durability::os && sync_due),
                now);
}

Result<Written> LogWriter::append(bool sync, std::chrono::nanoseconds now) {
  // The clock may jump back, the log's time does not.
  last_accepted_at_ = std::min(std::max(clock_.utc(), last_accepted_at_), accepted_at_max);
  Written written;
  written.first = block_.next_sequence() - block_.orders();
  written.orders = block_.orders();
  written.accepted_at = last_accepted_at_;
  const BlockBuilder::Finished finished = block_.finish(last_accepted_at_);
  written.end = finished.end;

  Result<void> appended = storage_.append(finished.key, finished.block, sync);
  const std::chrono::nanoseconds after = clock_.monotonic();
  const auto took = static_cast<std::uint64_t>((after - now).count());
  ++stats_.blocks;
  stats_.write_ns_total += took;
  stats_.write_ns_max = std::max(stats_.write_ns_max, took);
  if (!appended) {
    failure_ = appended.error();
    return *failure_;
  }
  if (!sync && synced_ == tail_) unsynced_since_ = now;
  tail_ = finished.end;
  if (sync) {
    synced_ = tail_;
    last_sync_ = now;
  }
  block_.start(tail_);
  return written;
}

Result<void> LogWriter::tend() {
  if (failure_) return *failure_;
  if (!next_due()) return {};
  std::chrono::nanoseconds now = clock_.monotonic();
  // Records being gathered will be written, and then synced, by their own write().
  if (synced_ != tail_ && block_.empty() && now - unsynced_since_ >= sync_interval) {
    Result<Written> synced = append(true, now);
    if (!synced) return synced.error();
  }
  if (synced_ == marked_ || (last_mark_ && now - *last_mark_ < mark_interval)) return {};
  return move_mark(now);
}

Result<void> LogWriter::move_mark(std::chrono::nanoseconds now) {
  Result<void> moved = storage_.set_mark(synced_);
  if (!moved) {
    failure_ = moved.error();
    return *failure_;
  }
  marked_ = synced_;
  last_mark_ = now;
  return {};
}

std::optional<std::chrono::nanoseconds> LogWriter::next_due() const noexcept {
  if (failure_ || !keeps_marks()) return std::nullopt;
  std::optional<std::chrono::nanoseconds> due;
  if (synced_ != marked_) {
    due = last_mark_ ? *last_mark_ + mark_interval : std::chrono::nanoseconds{0};
  }
  if (synced_ != tail_) {
    const std::chrono::nanoseconds sync_due = unsynced_since_ + sync_interval;
    due = due ? std::min(*due, sync_due) : sync_due;
  }
  return due;
}

Result<LogSpace> LogWriter::space() {
  if (failure_) return *failure_;
  Result<LogSpace> space = storage_.space();
  if (!space) failure_ = space.error();
  return space;
}

Result<void> LogWriter::close() {
  if (failure_) return *failure_;
  FLUXGATE_CHECK(block_.empty());
  if (!keeps_marks()) return {};
  if (synced_ != tail_) {
    Result<Written> synced = append(true, clock_.monotonic());
    if (!synced) return synced.error();
  }
  if (synced_ == marked_) return {};
  return move_mark(clock_.monotonic());
}

}  // namespace fluxgate::orderlog

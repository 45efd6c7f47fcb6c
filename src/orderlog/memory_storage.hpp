#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"

namespace fluxgate::orderlog {

/// Keeps the log in memory, for Durability::memory and for tests. Bounded only by memory.
///
/// Threads:  as LogStorage: scan() and its cursors beside one appending thread.
class MemoryStorage final : public LogStorage {
 public:
  [[nodiscard]] Result<LogPosition> mark() override;
  [[nodiscard]] Result<void> start_writing(const LogPosition& tail) override;
  [[nodiscard]] Result<void> append(const BlockKey& key, std::string_view block,
                                    bool sync) override;
  [[nodiscard]] Result<void> set_mark(const LogPosition& position) override;
  [[nodiscard]] Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override;

 private:
  struct Block {
    BlockKey key;
    std::string bytes;
  };
  class Cursor;

  mutable std::mutex mutex_;  // guards the fields below; never held while a visitor runs
  std::deque<Block> blocks_;  // only grows, at its end: what a cursor points to stays
  LogPosition mark_;
};

}  // namespace fluxgate::orderlog

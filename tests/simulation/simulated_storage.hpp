#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/log_storage.hpp"
#include "simulation/random.hpp"

namespace fluxgate::testing {

/// A disk that fails and crashes as LogStorage allows, by a seed.
///
/// It has two images: what readers see now (the kernel's), and how much of it is durable. kill()
/// ends the process and leaves the first; cut_power() leaves the durable part and a prefix of the
/// rest. A failed append may have reached either image, and shows up after the next start. A failed
/// set_mark() may have moved the mark or not.
///
/// Threads: one.
class SimulatedStorage final : public LogStorage {
 public:
  explicit SimulatedStorage(std::uint64_t seed) : random_(seed) {}

  // ---- What the simulation does --------------------------------------------------------------

  /// The nth append (set_mark, read of a block) from now on fails, and reading goes on failing
  /// until the next start or not.
  void fail_append(std::uint64_t nth) { append_fails_in_ = nth; }
  void fail_mark(std::uint64_t nth) { mark_fails_in_ = nth; }
  /// A write that nobody waits for fails: the next look at the space tells.
  void fail_behind() { fails_behind_ = true; }
  void fail_read(std::uint64_t nth) { read_fails_in_ = nth; }
  void fail_start() { start_fails_ = true; }
  void set_space(LogSpace space) { space_ = space; }
  [[nodiscard]] bool has_fault() const noexcept {
    return append_fails_in_ != 0 || mark_fails_in_ != 0 || read_fails_in_ != 0 || fails_behind_ ||
           start_fails_;
  }

  /// The process is gone: no call does anything any more, until start().
  void kill() { is_dead_ = true; }
  /// The machine is gone: what was not durable is gone, too, from some block on.
  /// Returns: the last order that was durable for certain.
  Sequence cut_power();
  /// Another process opens it; no faults are armed.
  void start();

  /// Calls LogStorage forbids: after an error of a write, or a mark beyond what is durable.
  [[nodiscard]] std::uint64_t forbidden_calls() const noexcept { return forbidden_calls_; }
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }
  [[nodiscard]] std::size_t blocks() const noexcept { return blocks_.size(); }
  [[nodiscard]] const BlockKey& key(std::size_t block) const { return blocks_[block].key; }
  [[nodiscard]] std::string_view bytes(std::size_t block) const { return blocks_[block].bytes; }
  /// Blocks that a power cut leaves.
  [[nodiscard]] std::size_t durable_blocks() const noexcept { return durable_; }

  // ---- LogStorage ----------------------------------------------------------------------------

  [[nodiscard]] Result<LogPosition> mark() override;
  [[nodiscard]] Result<void> start_writing(const LogPosition& tail) override;
  [[nodiscard]] Result<void> append(const BlockKey& key, std::string_view block,
                                    bool sync) override;
  [[nodiscard]] Result<void> set_mark(const LogPosition& position) override;
  [[nodiscard]] Result<LogSpace> space() override;
  [[nodiscard]] Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override;

 private:
  class Cursor;

  struct Block {
    BlockKey key;
    std::string bytes;
  };

  [[nodiscard]] Error fail_write(const char* what);
  [[nodiscard]] LogPosition end_of(std::size_t blocks) const;
  // True if the call that is counted down by `fails_in` is the one that fails.
  [[nodiscard]] static bool hits(std::uint64_t& fails_in) noexcept {
    return fails_in != 0 && --fails_in == 0;
  }

  Random random_;
  std::vector<Block> blocks_;
  std::size_t durable_ = 0;  // blocks
  LogPosition mark_;
  bool is_dead_ = false;
  bool has_failed_ = false;
  LogSpace space_ = LogSpace::plenty;
  bool start_fails_ = false;
  std::uint64_t append_fails_in_ = 0;  // 0: never
  std::uint64_t mark_fails_in_ = 0;
  bool fails_behind_ = false;
  mutable std::uint64_t read_fails_in_ = 0;
  std::uint64_t forbidden_calls_ = 0;
};

}  // namespace fluxgate::testing

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/limits.hpp"

namespace fluxgate::http {

/// Buffers of a shard that no connection needs right now, so that an idle connection has none.
///
/// What was given last is taken first: one client after the other is served from memory that is
/// still in the cache.
///
/// Threads: one.
class BufferPool {
 public:
  /// input_bytes_first bytes, and input_padding_bytes behind them that may be read.
  using Input = std::unique_ptr<char[]>;

  BufferPool() { inputs_.reserve(kept_max); }

  [[nodiscard]] Input take_input() {
    if (inputs_.empty()) {
      return std::make_unique_for_overwrite<char[]>(input_bytes_first + input_padding_bytes);
    }
    Input input = std::move(inputs_.back());
    inputs_.pop_back();
    return input;
  }
  /// Only what take_input() returned.
  void give_input(Input input) noexcept {
    if (inputs_.size() < kept_max) inputs_.push_back(std::move(input));
  }

  /// An empty string with room, if there is one.
  void take_output(std::string& output) noexcept {
    if (output.capacity() < spare_output_.capacity()) output.swap(spare_output_);
  }
  /// Takes an empty string's room, unless it is little.
  void give_output(std::string& output) noexcept {
    if (output.capacity() > output_kept_bytes) std::string().swap(output);
    if (output.capacity() > spare_output_.capacity()) output.swap(spare_output_);
    if (output.capacity() > output_bytes_little) std::string().swap(output);
  }

 private:
  // 8 KiB each. While orders wait for their commit more are in use: 4,096 kept ones make an order
  // of a thousand connections and more 1 to 2 % cheaper, and would be 32 MiB a shard.
  static constexpr std::size_t kept_max = 256;
  static constexpr std::size_t output_kept_bytes = 2 * output_bytes_high;
  static constexpr std::size_t output_bytes_little = 1024;  // two orders' answers

  std::vector<Input> inputs_;
  std::string spare_output_;
};

}  // namespace fluxgate::http

#include "orderlog/volume.hpp"

#include <algorithm>
#include <utility>

namespace fluxgate::orderlog {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

// A table of all that is in memory and the next write-ahead log, which RocksDB allocates whole,
// take 170 MiB; what is under way, 28 MiB at most (65,536 orders of the largest kind).
constexpr std::uint64_t out_bytes = 256 * mebibyte;
constexpr std::uint64_t reserve_bytes = 64 * mebibyte;
constexpr std::uint64_t write_buffer_bytes = 64 * mebibyte;
// A quarter of a volume of 1 GiB or less, so that there the same holds of smaller buffers; and a
// reserve of as much, so that a half must be free before orders are taken again.
constexpr std::uint64_t out_parts = 4;
constexpr std::uint64_t write_buffer_parts = 16;

std::string in_mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes / mebibyte) + " MiB";
}

}  // namespace

VolumeShares shares_of(std::uint64_t whole) noexcept {
  const std::uint64_t part = whole / out_parts;
  const std::uint64_t out = std::min(out_bytes, part);
  return {.reserve = std::min(reserve_bytes, part),
          .out = out,
          .low = out + out / 2,
          .write_buffer = std::clamp(whole / write_buffer_parts, 1 * mebibyte, write_buffer_bytes)};
}

Volume::Volume(const std::string& directory, LogSink log, Files& files)
    : files_(files), directory_(directory), reserve_(directory + "/reserve"), log_(std::move(log)) {
  const Result<VolumeSizes> sizes = files_.volume(directory_);
  // Who cannot be asked is taken for large and, below, for not full: the next write will tell.
  shares_ = shares_of(sizes ? sizes->whole : UINT64_MAX);
}

Result<void> Volume::make_room(std::uint64_t bytes) {
  Result<VolumeSizes> sizes = files_.volume(directory_);
  if (!sizes || sizes->left >= bytes) return {};
  const Result<std::uint64_t> held = files_.size(reserve_);
  if (held && sizes->left + *held >= bytes) {
    give_up_reserve();
    sizes = files_.volume(directory_);
    if (!sizes || sizes->left >= bytes) return {};
  }
  return Error{ErrorCode::unavailable,
               "the volume of " + directory_ + " is full: " + in_mebibytes(sizes->left) +
                   " are left, " + in_mebibytes(bytes + mebibyte - 1) + " are needed"};
}

LogSpace Volume::space() {
  const Result<VolumeSizes> sizes = files_.volume(directory_);
  if (!sizes) return LogSpace::plenty;
  const LogSpace now = look(sizes->left);
  if (std::exchange(told_, now) != now) tell(now, sizes->left);
  return now;
}

LogSpace Volume::look(std::uint64_t left) {
  if (left < shares_.out) {
    give_up_reserve();
    goes_without_ = false;
    return LogSpace::out;
  }
  const Result<std::uint64_t> size = files_.size(reserve_);
  const std::uint64_t held = size ? *size : 0;
  if (held < shares_.reserve && !goes_without_) {
    // Only with room for both, or it would be given up again at the next look.
    const std::uint64_t missing = shares_.reserve - held;
    if (left - shares_.out < missing || !hold_reserve(missing)) return LogSpace::out;
    left -= missing;
  }
  return left < shares_.low ? LogSpace::low : LogSpace::plenty;
}

// False: others were faster. If there is room all the same, a failure has another reason, and
// nobody's order shall wait for that.
bool Volume::hold_reserve(std::uint64_t missing) {
  const Result<void> held = files_.allocate(reserve_, shares_.reserve);
  if (held) return true;
  give_up_reserve();  // what was allocated of it
  const Result<VolumeSizes> sizes = files_.volume(directory_);
  if (sizes && sizes->left < shares_.out + missing) return false;
  goes_without_ = true;
  if (log_) log_(LogLevel::warning, "no space is kept in reserve: " + held.error().message);
  return true;
}

// A failure is none to the caller: he has then what there was.
void Volume::give_up_reserve() {
  const Result<std::uint64_t> held = files_.size(reserve_);
  if (held && *held != 0) static_cast<void>(files_.empty(reserve_));
}

void Volume::tell(LogSpace space, std::uint64_t left) const {
  if (!log_) return;
  const std::string what = in_mebibytes(left) + " are left for " + directory_;
  switch (space) {
    case LogSpace::plenty:
      return log_(LogLevel::info, what + ": everything is taken again");
    case LogSpace::low:
      return log_(LogLevel::warning, what + ": nobody joins the line, orders are taken");
    case LogSpace::out:
      return log_(LogLevel::error, what + ": no orders are taken until there are " +
                                       in_mebibytes(shares_.out + shares_.reserve + mebibyte - 1));
  }
}

}  // namespace fluxgate::orderlog

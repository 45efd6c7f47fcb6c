#include "orderlog/mark_file.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "orderlog/bytes.hpp"
#include "orderlog/checksum.hpp"

namespace fluxgate::orderlog {
namespace {

constexpr std::string_view magic = "fluxmark";
// Offsets in a slot; see docs/LOG_FORMAT.md.
constexpr std::size_t version_at = 8;
constexpr std::size_t counter_at = 16;
constexpr std::size_t block_at = 24;
constexpr std::size_t sequence_at = 32;
constexpr std::size_t checksum_at = 40;
constexpr std::size_t slot_checksum_at = mark_slot_bytes - 8;

struct Slot {
  std::uint32_t version = mark_version;
  std::uint64_t counter = 0;
  LogPosition position;
};

std::array<char, mark_slot_bytes> encode_slot(const Slot& slot) {
  std::array<char, mark_slot_bytes> bytes{};
  std::memcpy(bytes.data(), magic.data(), magic.size());
  store_little(bytes.data() + version_at, slot.version);
  store_little(bytes.data() + counter_at, slot.counter);
  store_little(bytes.data() + block_at, slot.position.block);
  store_little(bytes.data() + sequence_at, slot.position.sequence);
  store_little(bytes.data() + checksum_at, slot.position.checksum);
  store_little(bytes.data() + slot_checksum_at, checksum({bytes.data(), slot_checksum_at}, {}));
  return bytes;
}

/// None: the slot was never completed, or is damaged.
std::optional<Slot> decode_slot(std::string_view bytes) {
  const auto sum = load_little<std::uint64_t>(bytes.data() + slot_checksum_at);
  if (!bytes.starts_with(magic) || sum != checksum(bytes.substr(0, slot_checksum_at), {})) {
    return std::nullopt;
  }
  Slot slot;
  slot.version = load_little<std::uint32_t>(bytes.data() + version_at);
  slot.counter = load_little<std::uint64_t>(bytes.data() + counter_at);
  slot.position.block = load_little<std::uint64_t>(bytes.data() + block_at);
  slot.position.sequence = load_little<std::uint64_t>(bytes.data() + sequence_at);
  slot.position.checksum = load_little<std::uint64_t>(bytes.data() + checksum_at);
  return slot;
}

}  // namespace

Result<void> MarkFile::create(const std::string& path, Files& files) {
  std::string bytes(mark_file_bytes, '\0');
  for (std::uint64_t counter = 0; counter < 2; ++counter) {
    const auto slot = encode_slot({mark_version, counter, {}});
    std::memcpy(bytes.data() + mark_slot_at[counter], slot.data(), slot.size());
  }
  return replace_file(path, bytes, files);
}

Result<MarkFile> MarkFile::open(const std::string& path, bool writable, Files& files) {
  Result<std::unique_ptr<OpenFile>> file =
      files.open(path, writable ? Access::write : Access::read);
  if (!file) return file.error();
  MarkFile mark(path, std::move(*file));
  if (Result<void> read = mark.read(); !read) return read.error();
  return mark;
}

Result<void> MarkFile::read() {
  // A file cut short reads as zeros, which no slot is.
  std::array<char, mark_file_bytes> bytes{};
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    Result<std::size_t> got = file_->read(bytes.data() + filled, bytes.size() - filled, filled);
    if (!got) return got.error();
    if (*got == 0) break;
    filled += *got;
  }
  std::optional<Slot> newest;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::optional<Slot> slot = decode_slot({bytes.data() + mark_slot_at[i], mark_slot_bytes});
    if (!slot || slot->counter % 2 != i) continue;
    if (!newest || slot->counter > newest->counter) newest = slot;
  }
  if (!newest) {
    return Error{ErrorCode::damaged,
                 path_ +
                     ": neither of its two slots is valid, so it cannot be told whether "
                     "acknowledged orders are missing"};
  }
  if (newest->version != mark_version) {
    return Error{ErrorCode::newer_format, path_ + " has format version " +
                                              std::to_string(newest->version) +
                                              "; this release reads 1"};
  }
  counter_ = newest->counter;
  position_ = newest->position;
  return {};
}

Result<void> MarkFile::set(const LogPosition& position) {
  const auto slot = encode_slot({mark_version, counter_ + 1, position});
  Result<void> written =
      write_durably(*file_, {slot.data(), slot.size()}, mark_slot_at[(counter_ + 1) % 2]);
  if (!written) return Error{ErrorCode::unavailable, written.error().message};
  ++counter_;
  position_ = position;
  return {};
}

}  // namespace fluxgate::orderlog

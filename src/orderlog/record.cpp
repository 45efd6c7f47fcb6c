#include "orderlog/record.hpp"

#include <limits>

#include "base/check.hpp"

namespace fluxgate::orderlog {
namespace {

constexpr std::uint64_t any_max = std::numeric_limits<std::uint64_t>::max();
// Lengths of strings take two varint bytes at most, as the bounds in the header assume.
static_assert(id_bytes_max < (1u << 14) && key_bytes_max < (1u << 14));
static_assert(setting_name_bytes_max < (1u << 14) && setting_value_bytes_max < (1u << 14));

char* put_type(char* to, RecordType type) noexcept {
  *to = static_cast<char>(type);
  return to + 1;
}

void append(std::string& out, const char* begin, const char* end) {
  out.append(begin, static_cast<std::size_t>(end - begin));
}

}  // namespace

void encode(std::string& out, const ProductRecord& record) {
  FLUXGATE_CHECK(!record.id.empty() && record.id.size() <= id_bytes_max);
  char bytes[1 + 2 * varint_bytes_max + id_bytes_max];
  char* to = put_type(bytes, RecordType::product);
  to = put_varint(to, record.product);
  to = put_string(to, record.id);
  append(out, bytes, to);
}

void encode(std::string& out, const RoundRecord& record) {
  FLUXGATE_CHECK(record.round >= 1 && record.quantity <= units_max);
  FLUXGATE_CHECK(record.max_per_order <= units_max && record.max_per_user <= units_max);
  char bytes[1 + 5 * varint_bytes_max];
  char* to = put_type(bytes, RecordType::round);
  to = put_varint(to, record.product);
  to = put_varint(to, record.round);
  to = put_varint(to, record.quantity);
  to = put_varint(to, record.max_per_order);
  to = put_varint(to, record.max_per_user);
  append(out, bytes, to);
}

void encode(std::string& out, const OrderEntry& order) {
  FLUXGATE_CHECK(order.round >= 1 && order.quantity >= 1 && order.quantity <= units_max);
  FLUXGATE_CHECK(!order.user_id.empty() && order.user_id.size() <= id_bytes_max);
  FLUXGATE_CHECK(!order.key.empty() && order.key.size() <= key_bytes_max);
  char bytes[order_bytes_max];
  const bool with_pass = order.pass != 0;
  char* to = put_type(bytes, with_pass ? RecordType::order_with_pass : RecordType::order);
  to = put_varint(to, order.product);
  to = put_varint(to, order.round);
  to = put_varint(to, order.quantity);
  to = put_string(to, order.user_id);
  to = put_string(to, order.key);
  if (with_pass) to = put_varint(to, order.pass);
  append(out, bytes, to);
}

void encode(std::string& out, const TicketRecord& record) {
  FLUXGATE_CHECK(record.ticket >= 1);
  FLUXGATE_CHECK(!record.user_id.empty() && record.user_id.size() <= id_bytes_max);
  char bytes[ticket_bytes_max];
  char* to = put_type(bytes, RecordType::ticket);
  to = put_varint(to, record.ticket);
  to = put_varint(to, record.product);
  to = put_string(to, record.user_id);
  append(out, bytes, to);
}

void encode(std::string& out, const AdmissionRecord& record) {
  FLUXGATE_CHECK(record.ticket >= 1);
  char bytes[admission_bytes_max];
  char* to = put_type(bytes, RecordType::admission);
  to = put_varint(to, record.ticket);
  to = put_varint(to, static_cast<std::uint64_t>(record.exit));
  append(out, bytes, to);
}

void encode(std::string& out, const SettingRecord& record) {
  FLUXGATE_CHECK(!record.name.empty() && record.name.size() <= setting_name_bytes_max);
  FLUXGATE_CHECK(record.value.size() <= setting_value_bytes_max);
  char bytes[setting_bytes_max];
  char* to = put_type(bytes, RecordType::setting);
  to = put_string(to, record.name);
  to = put_string(to, record.value);
  append(out, bytes, to);
}

void encode(std::string& out, const CheckpointRecord& record) {
  FLUXGATE_CHECK(record.rounds.size() <= checkpoint_rounds_max);
  char bytes[1 + 4 * varint_bytes_max];
  char* to = put_type(bytes, RecordType::checkpoint);
  to = put_varint(to, record.orders);
  to = put_varint(to, record.units);
  to = put_varint(to, record.rounds.size());
  append(out, bytes, to);
  for (const RoundTotal& total : record.rounds) {
    FLUXGATE_CHECK(total.round >= 1);
    to = put_varint(bytes, total.product);
    to = put_varint(to, total.round);
    to = put_varint(to, total.orders);
    to = put_varint(to, total.units);
    append(out, bytes, to);
  }
}

bool RecordReader::next() {
  if (defect_ != nullptr || at_ == bytes_.size()) return false;
  record_begin_ = at_;
  return read_record();
}

Result<void> RecordReader::status() const {
  if (defect_ == nullptr) return {};
  std::string message = "the record at byte " + std::to_string(record_begin_) + " ";
  message += defect_;
  if (!newer_) return Error{ErrorCode::damaged, std::move(message)};
  message += " (" + std::to_string(static_cast<unsigned char>(bytes_[record_begin_])) + ")";
  return Error{ErrorCode::newer_format, std::move(message)};
}

bool RecordReader::defect(const char* what) noexcept {
  defect_ = what;  // the first and only one: next() reads nothing behind it
  return false;
}

bool RecordReader::read_record() {
  const auto type = static_cast<unsigned char>(bytes_[at_++]);
  type_ = static_cast<RecordType>(type);
  switch (type_) {
    case RecordType::product:
      return read_product();
    case RecordType::round:
      return read_round();
    case RecordType::order:
      return read_order(false);
    case RecordType::order_with_pass:
      return read_order(true);
    case RecordType::ticket:
      return read_ticket();
    case RecordType::admission:
      return read_admission();
    case RecordType::setting:
      return read_setting();
    case RecordType::checkpoint:
      return read_checkpoint();
  }
  if (type == 0) return defect("has type 0, which no release writes");
  newer_ = true;
  return defect("has a type this release does not know");
}

bool RecordReader::read_product() {
  if (!read_number(product_.product, 0, any_max)) return false;
  if (!read_string(product_.id, id_bytes_max)) return false;
  if (product_.id.empty()) return defect("has an empty product id");
  return true;
}

bool RecordReader::read_round() {
  return read_number(round_.product, 0, any_max) && read_number(round_.round, 1, any_max) &&
         read_number(round_.quantity, 0, units_max) &&
         read_number(round_.max_per_order, 0, units_max) &&
         read_number(round_.max_per_user, 0, units_max);
}

bool RecordReader::read_order(bool with_pass) {
  if (!read_number(order_.product, 0, any_max) || !read_number(order_.round, 1, any_max) ||
      !read_number(order_.quantity, 1, units_max) || !read_string(order_.user_id, id_bytes_max) ||
      !read_string(order_.key, key_bytes_max)) {
    return false;
  }
  if (order_.user_id.empty()) return defect("has an empty user id");
  if (order_.key.empty()) return defect("has an empty key");
  order_.pass = 0;
  return !with_pass || read_number(order_.pass, 1, any_max);
}

bool RecordReader::read_ticket() {
  if (!read_number(ticket_.ticket, 1, any_max) || !read_number(ticket_.product, 0, any_max) ||
      !read_string(ticket_.user_id, id_bytes_max)) {
    return false;
  }
  if (ticket_.user_id.empty()) return defect("has an empty user id");
  return true;
}

bool RecordReader::read_admission() {
  std::uint64_t exit = 0;
  if (!read_number(admission_.ticket, 1, any_max) || !read_number(exit, 1, 2)) return false;
  admission_.exit = static_cast<LineExit>(exit);
  return true;
}

bool RecordReader::read_setting() {
  if (!read_string(setting_.name, setting_name_bytes_max) ||
      !read_string(setting_.value, setting_value_bytes_max)) {
    return false;
  }
  if (setting_.name.empty()) return defect("has an empty setting name");
  return true;
}

bool RecordReader::read_checkpoint() {
  std::uint64_t rounds = 0;
  if (!read_number(checkpoint_.orders, 0, any_max) || !read_number(checkpoint_.units, 0, any_max) ||
      !read_number(rounds, 0, checkpoint_rounds_max)) {
    return false;
  }
  // A total takes 4 bytes at least: nothing is allocated for totals that cannot be there.
  if (rounds > (bytes_.size() - at_) / 4) return defect("ends too early");
  checkpoint_.rounds.clear();
  checkpoint_.rounds.reserve(static_cast<std::size_t>(rounds));
  for (std::uint64_t i = 0; i < rounds; ++i) {
    RoundTotal& total = checkpoint_.rounds.emplace_back();
    if (!read_number(total.product, 0, any_max) || !read_number(total.round, 1, any_max) ||
        !read_number(total.orders, 0, any_max) || !read_number(total.units, 0, any_max)) {
      return false;
    }
  }
  return true;
}

bool RecordReader::read_number(std::uint64_t& value, std::uint64_t min, std::uint64_t max) {
  if (!read_varint(value)) return false;
  if (value < min || value > max) return defect("has a number out of range");
  return true;
}

bool RecordReader::read_varint(std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0; at_ < bytes_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    // The tenth byte holds the 64th bit alone.
    if (shift == 63 && byte > 1) return defect("has a number of more than 64 bits");
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) {
      // One value has one form, so that equal records are equal bytes.
      if (byte == 0 && shift != 0) return defect("has a number written longer than needed");
      return true;
    }
  }
  return defect("ends too early");
}

bool RecordReader::read_string(std::string_view& value, std::size_t bytes_max) noexcept {
  std::uint64_t size = 0;
  if (!read_varint(size)) return false;
  if (size > bytes_max) return defect("has a string that is too long");
  if (size > bytes_.size() - at_) return defect("ends too early");
  value = bytes_.substr(at_, static_cast<std::size_t>(size));
  at_ += value.size();
  return true;
}

}  // namespace fluxgate::orderlog

#include "orderlog/record.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "orderlog/log_fixture.hpp"

namespace fluxgate::orderlog {
namespace {

/// Reads one record and says what became of it.
std::string read(std::string_view bytes) {
  const ExactBytes exact(bytes);
  RecordReader reader(exact.view());
  while (reader.next()) {
  }
  return outcome(reader.status());
}

template <typename Record>
std::string encoded(const Record& record) {
  std::string bytes;
  encode(bytes, record);
  return bytes;
}

std::string raw(std::initializer_list<int> numbers) {
  std::string bytes;
  for (const int byte : numbers) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

TEST_CASE("Record: bytes of each type → as docs/LOG_FORMAT.md has them", "[orderlog][unit]") {
  CHECK(encoded(ProductRecord{300, "ab"}) == raw({1, 0xAC, 0x02, 2, 'a', 'b'}));
  CHECK(encoded(RoundRecord{1, 2, 200, 3, 4}) == raw({2, 1, 2, 0xC8, 0x01, 3, 4}));
  CHECK(encoded(OrderEntry{5, 6, 7, "u", "key", 0}) == raw({3, 5, 6, 7, 1, 'u', 3, 'k', 'e', 'y'}));
  CHECK(encoded(OrderEntry{5, 6, 7, "u", "k", 9}) == raw({4, 5, 6, 7, 1, 'u', 1, 'k', 9}));
  CHECK(encoded(TicketRecord{300, 5, "u"}) == raw({5, 0xAC, 0x02, 5, 1, 'u'}));
  CHECK(encoded(AdmissionRecord{7, LineExit::admitted}) == raw({6, 7, 1}));
  CHECK(encoded(AdmissionRecord{7, LineExit::left}) == raw({6, 7, 2}));
  CHECK(encoded(SettingRecord{"n", ""}) == raw({7, 1, 'n', 0}));
  CHECK(encoded(CheckpointRecord{9, 10, {{0, 1, 2, 3}, {4, 5, 6, 7}}}) ==
        raw({8, 9, 10, 2, 0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_CASE("Record: the largest of each type → within the documented bounds", "[orderlog][unit]") {
  const std::string id(id_bytes_max, 'i');
  const std::string key(key_bytes_max, 'k');
  const std::string value(setting_value_bytes_max, 'v');
  const std::string name(setting_name_bytes_max, 'n');
  CHECK(encoded(OrderEntry{UINT64_MAX, UINT64_MAX, units_max, id, key, UINT64_MAX}).size() <=
        order_bytes_max);
  CHECK(encoded(TicketRecord{UINT64_MAX, UINT64_MAX, id}).size() <= ticket_bytes_max);
  CHECK(encoded(AdmissionRecord{UINT64_MAX, LineExit::left}).size() <= admission_bytes_max);
  CHECK(encoded(SettingRecord{name, value}).size() <= setting_bytes_max);
  CheckpointRecord checkpoint{UINT64_MAX, UINT64_MAX, {}};
  checkpoint.rounds.assign(checkpoint_rounds_max, {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX});
  const std::string bytes = encoded(checkpoint);
  CHECK(bytes.size() <= checkpoint_bytes_max);
  RecordReader reader(bytes);
  REQUIRE(reader.next());
  CHECK(reader.checkpoint().rounds == checkpoint.rounds);
}

TEST_CASE("Record: each defect → its own message and place", "[orderlog][unit]") {
  const std::string good = encoded(SettingRecord{"n", "v"});
  CHECK(read(good) == "ok");
  const auto defect = [&](std::initializer_list<int> bytes) { return read(good + raw(bytes)); };

  CHECK(defect({0}) == "damaged: the record at byte 5 has type 0, which no release writes");
  CHECK(defect({9, 1}) ==
        "newer_format: the record at byte 5 has a type this release does not know (9)");
  CHECK(defect({255}) ==
        "newer_format: the record at byte 5 has a type this release does not know (255)");

  CHECK(defect({1}) == "damaged: the record at byte 5 ends too early");
  CHECK(defect({1, 0x80}) == "damaged: the record at byte 5 ends too early");
  CHECK(defect({1, 0, 3, 'a', 'b'}) == "damaged: the record at byte 5 ends too early");
  CHECK(defect({8, 0, 0, 1, 0, 1, 0}) == "damaged: the record at byte 5 ends too early");

  CHECK(defect({1, 0x80, 0x00, 1, 'a'}) ==
        "damaged: the record at byte 5 has a number written longer than needed");
  CHECK(defect({1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02, 1, 'a'}) ==
        "damaged: the record at byte 5 has a number of more than 64 bits");
  CHECK(defect({1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 1, 'a'}) == "ok");

  CHECK(defect({1, 0, 0}) == "damaged: the record at byte 5 has an empty product id");
  CHECK(defect({1, 0, 0x81, 0x01}) ==
        "damaged: the record at byte 5 has a string that is too long");
  CHECK(defect({2, 0, 0, 1, 0, 0}) == "damaged: the record at byte 5 has a number out of range");
  CHECK(defect({3, 0, 1, 0, 1, 'u', 1, 'k'}) ==
        "damaged: the record at byte 5 has a number out of range");
  CHECK(defect({3, 0, 1, 1, 0, 1, 'k'}) == "damaged: the record at byte 5 has an empty user id");
  CHECK(defect({3, 0, 1, 1, 1, 'u', 0}) == "damaged: the record at byte 5 has an empty key");
  CHECK(defect({4, 0, 1, 1, 1, 'u', 1, 'k', 0}) ==
        "damaged: the record at byte 5 has a number out of range");
  CHECK(defect({5, 0, 1, 1, 'u'}) == "damaged: the record at byte 5 has a number out of range");
  CHECK(defect({5, 1, 1, 0}) == "damaged: the record at byte 5 has an empty user id");
  CHECK(defect({6, 0, 1}) == "damaged: the record at byte 5 has a number out of range");
  CHECK(defect({6, 1, 0}) == "damaged: the record at byte 5 has a number out of range");
  CHECK(defect({6, 1, 3}) == "damaged: the record at byte 5 has a number out of range");
  CHECK(defect({7, 0, 0}) == "damaged: the record at byte 5 has an empty setting name");
}

TEST_CASE("Record: read on behind a defect → nothing, the first defect stays", "[orderlog][unit]") {
  // A whole setting follows the empty one.
  const std::string bytes = raw({7, 0, 0}) + encoded(SettingRecord{"n", "v"});
  RecordReader reader(bytes);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(reader.next());
    CHECK(outcome(reader.status()) == "damaged: the record at byte 0 has an empty setting name");
    CHECK(reader.bytes_read() == 3);
  }
}

TEST_CASE("Record: a checkpoint that claims more rounds than can follow → allocates nothing",
          "[orderlog][unit]") {
  CHECK(read(raw({8, 0, 0, 0xA0, 0x8D, 0x06})) == "damaged: the record at byte 0 ends too early");
  CHECK(read(raw({8, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F})) ==
        "damaged: the record at byte 0 has a number out of range");
}

TEST_CASE("Record: random records, each cut and each byte changed → never read as the same",
          "[orderlog][random]") {
  std::mt19937_64 random(make_seed("record_test"));
  for (int round = 0; round < 200; ++round) {
    BlockBuilder builder;
    builder.start({});
    const std::string line = add_random(builder, random);
    const std::string block(builder.finish(std::chrono::milliseconds{0}).block);
    const std::string bytes =
        block.substr(block_header_bytes, block.size() - block_header_bytes - block_trailer_bytes);
    const auto line_of = [](const RecordReader& reader) {
      switch (reader.type()) {
        case RecordType::product:
          return text_of(reader.product());
        case RecordType::round:
          return text_of(reader.round());
        case RecordType::ticket:
          return text_of(reader.ticket());
        case RecordType::admission:
          return text_of(reader.admission());
        case RecordType::setting:
          return text_of(reader.setting());
        case RecordType::checkpoint:
          return text_of(reader.checkpoint());
        default:
          return text_of(reader.order());
      }
    };
    {
      const ExactBytes exact(bytes);
      RecordReader reader(exact.view());
      REQUIRE(reader.next());
      REQUIRE(line_of(reader) == line);
      REQUIRE_FALSE(reader.next());
      REQUIRE(outcome(reader.status()) == "ok");
    }
    for (std::size_t size = 1; size < bytes.size(); size += 1 + size / 8) {
      const ExactBytes cut(std::string_view(bytes).substr(0, size));
      RecordReader reader(cut.view());
      const bool whole = reader.next() && !reader.next() && reader.status();
      REQUIRE_FALSE(whole);
    }
    for (std::size_t at = 0; at < bytes.size(); at += 1 + at / 8) {
      ExactBytes changed(bytes);
      changed[at] = static_cast<char>(changed[at] ^ static_cast<char>(1 + random() % 255));
      RecordReader reader(changed.view());
      if (!reader.next()) continue;
      const std::string read_line = line_of(reader);
      const bool same = read_line == line && !reader.next() && reader.status();
      REQUIRE_FALSE(same);
    }
  }
}

TEST_CASE("Record: bytes without any sense → an answer, never a read outside",
          "[orderlog][random]") {
  std::mt19937_64 random(make_seed("record_test noise"));
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string noise = random_text(random, 1, 64);
    noise[0] = static_cast<char>(random() % 10);
    if (read(noise) != "ok") ++refused;
  }
  CHECK(refused > 15'000);
}

}  // namespace
}  // namespace fluxgate::orderlog

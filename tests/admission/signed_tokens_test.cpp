#include "admission/signed_tokens.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/aborts.hpp"
#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint64_t product_max = (std::uint64_t{1} << 48) - 1;

/// A signer whose keys are these letters.
struct Signer : TokenSigner {
  Signer(std::initializer_list<char> keys) {
    for (const char key : keys) REQUIRE(add_key(std::string(key_bytes, key)));
  }
};

const Ticket some_ticket{.key = 1, .number = 4711, .product = 3, .user_id = "user-1"};
const Pass some_pass{
    .key = 1, .number = 4711, .product = 3, .expires_at = milliseconds(1'790'000'000'123)};

// The bytes of a text, by another way than the one tested.
std::string decode(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char character : text) {
    bits = bits << 6 | static_cast<std::uint32_t>(alphabet.find(character));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xFFU));
  }
  return bytes;
}

std::string encode(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text.push_back(alphabet[bits >> (count - 6) & 63U]);
  }
  if (count != 0) text.push_back(alphabet[bits << (6 - count) & 63U]);
  return text;
}

bool is_same(const Ticket& a, const Ticket& b) {
  return a.key == b.key && a.number == b.number && a.product == b.product && a.user_id == b.user_id;
}

bool is_same(const Pass& a, const Pass& b) {
  return a.key == b.key && a.number == b.number && a.product == b.product &&
         a.expires_at == b.expires_at;
}

// Texts that differ from this one and may stand for the same bytes, or nearly.
std::vector<std::string> near_texts(const std::string& text) {
  std::vector<std::string> near{"", "=", " ", "A"};
  for (const char* more : {"=", "==", " ", "\n", "A", "AA", "AAA", "AAAA", "-", "."}) {
    near.push_back(text + more);
    near.push_back(more + text);
    near.push_back(text.substr(0, 8) + more + text.substr(8));
  }
  near.push_back(text + std::string(1, '\0'));
  near.push_back(text + text);
  near.push_back(text + std::string(1'000, 'A'));
  for (std::size_t size = 0; size < text.size(); ++size) {
    near.push_back(text.substr(0, size));
    near.push_back(text.substr(text.size() - size));
  }
  // Every other character at every place: at the end also those whose spare bits are not zero.
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char character : std::string(alphabet) + "+/=., \n%") {
      if (character == text[at]) continue;
      near.push_back(text);
      near.back()[at] = character;
    }
  }
  return near;
}

}  // namespace

TEST_CASE("TokenSigner: what was signed → is read", "[admission][property]") {
  std::mt19937_64 random(testing::make_seed("TokenSigner"));
  const Signer signer{'a'};
  for (std::size_t length = 1; length <= id_bytes_max; ++length) {
    std::string user(length, ' ');
    for (char& byte : user) byte = static_cast<char>(random());
    const Ticket ticket{
        .key = 1, .number = random(), .product = random() & product_max, .user_id = user};
    const std::string text = signer.sign(ticket);
    REQUIRE(text.size() <= TokenSigner::text_bytes_max);
    REQUIRE(text == encode(decode(text)));
    const auto read = signer.read_ticket(text);
    REQUIRE(read);
    REQUIRE(is_same(*read, ticket));

    const auto expires = static_cast<std::int64_t>(random() & product_max);
    const Pass pass{.key = 1,
                    .number = ticket.number,
                    .product = ticket.product,
                    .expires_at = milliseconds(expires)};
    const auto read_pass = signer.read_pass(signer.sign(pass, user), user);
    REQUIRE(read_pass);
    REQUIRE(is_same(*read_pass, pass));
  }
}

TEST_CASE("TokenSigner: the same values → the same text", "[admission][unit]") {
  const Signer signer{'a'};
  const Signer again{'a'};
  REQUIRE(signer.sign(some_ticket) == signer.sign(some_ticket));
  REQUIRE(signer.sign(some_ticket) == again.sign(some_ticket));
  REQUIRE(signer.sign(some_pass, "user-1") == again.sign(some_pass, "user-1"));
  REQUIRE(signer.sign(some_pass, "user-1") != signer.sign(some_pass, "user-2"));
}

TEST_CASE("TokenSigner: any one bit changed → refused", "[admission][unit]") {
  const Signer signer{'a', 'b', 'c'};
  const std::string ticket = decode(signer.sign(some_ticket));
  const std::string pass = decode(signer.sign(some_pass, "user-1"));
  REQUIRE(signer.read_ticket(encode(ticket)));
  REQUIRE(signer.read_pass(encode(pass), "user-1"));
  for (std::size_t bit = 0; bit < ticket.size() * 8; ++bit) {
    std::string changed = ticket;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    REQUIRE_FALSE(signer.read_ticket(encode(changed)));
  }
  for (std::size_t bit = 0; bit < pass.size() * 8; ++bit) {
    std::string changed = pass;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    REQUIRE_FALSE(signer.read_pass(encode(changed), "user-1"));
  }
}

TEST_CASE("TokenSigner: another text than the only one, for each length modulo 3 → refused",
          "[admission][unit]") {
  const Signer signer{'a'};
  for (const char* user : {"u", "us", "use"}) {
    Ticket ticket = some_ticket;
    ticket.user_id = user;
    const std::string text = signer.sign(ticket);
    REQUIRE(signer.read_ticket(text));
    for (const std::string& near : near_texts(text)) {
      INFO("text: " << near);
      REQUIRE_FALSE(signer.read_ticket(near));
    }
  }
  const std::string text = signer.sign(some_pass, "user-1");
  REQUIRE(signer.read_pass(text, "user-1"));
  for (const std::string& near : near_texts(text)) {
    INFO("text: " << near);
    REQUIRE_FALSE(signer.read_pass(near, "user-1"));
  }
  REQUIRE_FALSE(signer.read_ticket({}));
}

TEST_CASE("TokenSigner: a ticket as a pass, a pass as a ticket → refused", "[admission][unit]") {
  const Signer signer{'a'};
  // Six bytes of user make a ticket as long as a pass.
  const std::string ticket = signer.sign(some_ticket);
  const std::string pass = signer.sign(some_pass, "user-1");
  REQUIRE(ticket.size() == pass.size());
  for (const char* user : {"", "user-1"}) REQUIRE_FALSE(signer.read_pass(ticket, user));
  REQUIRE_FALSE(signer.read_ticket(pass));
}

TEST_CASE("TokenSigner: another user's pass → refused", "[admission][unit]") {
  const Signer signer{'a'};
  const std::string pass = signer.sign(some_pass, "user-1");
  for (const char* user : {"", "user-", "user-11", "user-2", "User-1", "user-1 "}) {
    REQUIRE_FALSE(signer.read_pass(pass, user));
  }
  // Bytes moved between the user and the pass leave what is signed the same.
  const std::string bytes = decode(pass);
  const std::string moved =
      bytes.substr(0, bytes.size() - 16) + "u" + bytes.substr(bytes.size() - 16);
  REQUIRE_FALSE(signer.read_pass(encode(moved), "ser-1"));
}

TEST_CASE("TokenSigner: another signer's, or a key that is not there → refused",
          "[admission][unit]") {
  const Signer signer{'a'};
  const Signer other{'b'};
  const Signer longer{'a', 'b'};
  REQUIRE_FALSE(signer.read_ticket(other.sign(some_ticket)));
  REQUIRE_FALSE(signer.read_pass(other.sign(some_pass, "user-1"), "user-1"));
  REQUIRE_FALSE(signer.read_ticket(longer.sign(some_ticket)));
  REQUIRE_FALSE(TokenSigner().read_ticket(signer.sign(some_ticket)));
  REQUIRE_FALSE(TokenSigner().read_pass(signer.sign(some_pass, "user-1"), "user-1"));
}

TEST_CASE("TokenSigner: a key added → it signs, and those before still count",
          "[admission][unit]") {
  Signer signer{'a'};
  const std::string old_ticket = signer.sign(some_ticket);
  const std::string old_pass = signer.sign(some_pass, "user-1");
  REQUIRE(signer.add_key(std::string(TokenSigner::key_bytes, 'b')));
  REQUIRE(signer.newest() == 2);
  REQUIRE(is_same(signer.read_ticket(old_ticket).value(), some_ticket));
  REQUIRE(is_same(signer.read_pass(old_pass, "user-1").value(), some_pass));

  const std::string ticket = signer.sign(some_ticket);
  REQUIRE(ticket != old_ticket);
  REQUIRE(signer.read_ticket(ticket).value().key == 2);
  // A pass is of its ticket's key, so that its text stays the same.
  REQUIRE(signer.sign(some_pass, "user-1") == old_pass);
  Pass pass = some_pass;
  pass.key = 2;
  REQUIRE(signer.read_pass(signer.sign(pass, "user-1"), "user-1").value().key == 2);
}

TEST_CASE("TokenSigner: keys of another length, or too many → refused", "[admission][unit]") {
  TokenSigner signer;
  REQUIRE(signer.newest() == 0);
  REQUIRE_FALSE(signer.add_key(""));
  REQUIRE_FALSE(signer.add_key(std::string(TokenSigner::key_bytes - 1, 'a')));
  REQUIRE_FALSE(signer.add_key(std::string(TokenSigner::key_bytes + 1, 'a')));
  for (std::size_t i = 0; i < TokenSigner::keys_max; ++i) {
    REQUIRE(signer.add_key(std::string(TokenSigner::key_bytes, static_cast<char>(i))));
  }
  REQUIRE_FALSE(signer.add_key(std::string(TokenSigner::key_bytes, 'a')));
  REQUIRE(signer.newest() == TokenSigner::keys_max);
  REQUIRE(signer.read_ticket(signer.sign(some_ticket)).value().key == TokenSigner::keys_max);
}

TEST_CASE("TokenSigner: signing without a key or a user → a defect, aborts", "[admission][unit]") {
  const Signer signer{'a'};
  Ticket nobody = some_ticket;
  nobody.user_id.clear();
  Pass unknown = some_pass;
  unknown.key = 2;
  REQUIRE(testing::aborts([] { static_cast<void>(TokenSigner().sign(some_ticket)); }));
  REQUIRE(testing::aborts([&] { static_cast<void>(signer.sign(nobody)); }));
  REQUIRE(testing::aborts([&] { static_cast<void>(signer.sign(unknown, "user-1")); }));
  REQUIRE(testing::aborts([&] { static_cast<void>(signer.sign(some_pass, "")); }));
}

}  // namespace fluxgate::admission

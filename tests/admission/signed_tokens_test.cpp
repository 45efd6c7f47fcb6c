#include "admission/signed_tokens.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace fluxgate::admission {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

TokenSigner signer_with(char first_key) {
  TokenSigner signer;
  REQUIRE(signer.add_key(std::string(TokenSigner::key_bytes, first_key)));
  return signer;
}

// Every text that differs from `text` in one bit of what it encodes, or of its unused last bits.
template <typename IsRefused>
void check_bit_changes(const std::string& text, const IsRefused& is_refused) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (unsigned bit = 0; bit < 6; ++bit) {
      std::string changed = text;
      changed[at] = alphabet[alphabet.find(text[at]) ^ (1U << bit)];
      INFO(changed);
      REQUIRE(is_refused(changed));
    }
  }
}

const Ticket ticket{.number = 7, .product = 3, .user_id = "ann"};

}  // namespace

TEST_CASE("Tickets: what was signed → read back; the same values, the same text",
          "[admission][unit]") {
  const TokenSigner signer = signer_with('a');
  const std::string text = signer.sign(ticket);
  CHECK(signer.sign(ticket) == text);
  const auto read = signer.read_ticket(text);
  REQUIRE(read);
  CHECK(read->key == 1);
  CHECK(read->number == 7);
  CHECK(read->product == 3);
  CHECK(read->user_id == "ann");
  const std::string long_id(id_bytes_max, 'x');
  CHECK(
      signer.sign({.number = UINT64_MAX, .product = (1ULL << 48) - 1, .user_id = long_id}).size() <=
      TokenSigner::text_bytes_max);
}

TEST_CASE("Tickets: any bit changed, another form, another signer → none", "[admission][unit]") {
  const TokenSigner signer = signer_with('a');
  for (const char* user : {"a", "an", "ann"}) {  // each with other unused bits at the end
    const std::string text = signer.sign({.number = 7, .product = 3, .user_id = user});
    check_bit_changes(text, [&](const std::string& t) { return !signer.read_ticket(t); });
    for (const std::string& bad : {text + "=", text + "A", " " + text, text + " ", text + "\n",
                                   text.substr(1), text.substr(0, text.size() - 1),
                                   text.substr(0, 8) + "+" + text.substr(9), std::string()}) {
      INFO(bad);
      CHECK_FALSE(signer.read_ticket(bad));
    }
    CHECK_FALSE(signer_with('b').read_ticket(text));
  }
  CHECK_FALSE(signer.read_ticket(std::string(100'000, 'A')));
}

TEST_CASE("Passes: bound to their user, and no tickets", "[admission][unit]") {
  const TokenSigner signer = signer_with('a');
  const Pass pass{.key = 1,
                  .number = 7,
                  .product = 3,
                  .expires_at = std::chrono::milliseconds(1'767'000'000'000)};
  const std::string text = signer.sign(pass, "ann");
  CHECK(signer.sign(pass, "ann") == text);
  const auto read = signer.read_pass(text, "ann");
  REQUIRE(read);
  CHECK(read->number == 7);
  CHECK(read->product == 3);
  CHECK(read->expires_at == pass.expires_at);
  CHECK_FALSE(signer.read_pass(text, "bob"));
  CHECK_FALSE(signer.read_pass(text, "an"));
  CHECK_FALSE(signer.read_ticket(text));
  CHECK_FALSE(signer.read_pass(signer.sign(ticket), "ann"));
  CHECK_FALSE(signer.read_pass(signer.sign(ticket), ""));
  check_bit_changes(text, [&](const std::string& t) { return !signer.read_pass(t, "ann"); });
}

TEST_CASE("Keys: a new one signs, those before it still count", "[admission][unit]") {
  TokenSigner signer = signer_with('a');
  const std::string old_text = signer.sign(ticket);
  CHECK_FALSE(signer.add_key("short"));
  REQUIRE(signer.add_key(std::string(TokenSigner::key_bytes, 'b')));
  CHECK(signer.newest() == 2);
  CHECK(signer.sign(ticket) != old_text);
  REQUIRE(signer.read_ticket(old_text));
  CHECK(signer.read_ticket(old_text)->key == 1);
  CHECK(signer.read_ticket(signer.sign(ticket))->key == 2);
}

}  // namespace fluxgate::admission

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fluxgate/types.hpp"

namespace fluxgate::admission {

/// Who holds which place in line. Its text is the ticket.
struct Ticket {
  std::uint8_t key = 0;  ///< that signed it: 1, 2, 3, ...
  std::uint64_t number = 0;
  std::uint64_t product = 0;  ///< number of the product, below 2^48
  std::string user_id;
};

/// What lets somebody order. Its text is the pass.
struct Pass {
  std::uint8_t key = 0;      ///< its ticket's
  std::uint64_t number = 0;  ///< its ticket's
  std::uint64_t product = 0;
  std::chrono::milliseconds expires_at{0};  ///< utc, below 2^48
};

/// Signs tickets and passes, and knows those it has signed.
///
///     ticket = kind:1 key:u8 number:u64 product:u48 user_id:byte*           mac:16
///     pass   = kind:2 key:u8 number:u64 product:u48 expires_at:u48          mac:16
///
/// Big endian, as base64url without padding, in its only form. `mac` is the first 128 bits of
/// HMAC-SHA256 over what is before it and, in a pass, the user's id behind that. They are signed,
/// not secret: a ticket shows its user's id, a pass does not. The same values make the same text.
///
/// A check costs 0.7 us, nearly all of it SHA-256.
///
/// Threads: any number at once; add_key() one at a time, also beside the others.
/// Memory:  add_key() releases the count of keys behind the new one, and whoever reads the count
///          acquires it.
/// Source:  RFC 2104 and RFC 4648, by libsodium.
class TokenSigner {
 public:
  static constexpr std::size_t key_bytes = 32;
  static constexpr std::size_t keys_max = 255;

  TokenSigner();

  /// Adds the next key; it signs from now on, those before it still count. False: a wrong length,
  /// or keys_max are there.
  [[nodiscard]] bool add_key(std::string_view key);
  /// Number of the key that signs; 0: there is none.
  [[nodiscard]] std::uint8_t newest() const noexcept {
    return count_.load(std::memory_order_acquire);
  }

  /// `text` is not longer than this.
  static constexpr std::size_t text_bytes_max = 216;

  /// By the newest key, whatever `ticket.key` is.
  [[nodiscard]] std::string sign(const Ticket& ticket) const;
  /// Empty for all that sign() with these keys does not make.
  [[nodiscard]] std::optional<Ticket> read_ticket(std::string_view text) const;
  /// The number a text has if it is a ticket, which is not checked. 0: it is none.
  [[nodiscard]] static std::uint64_t claimed_number(std::string_view text) noexcept;

  [[nodiscard]] std::string sign(const Pass& pass, std::string_view user_id) const;
  /// Empty for all that was not signed for this user.
  [[nodiscard]] std::optional<Pass> read_pass(std::string_view text,
                                              std::string_view user_id) const;

 private:
  static constexpr std::size_t state_bytes = 512;
  // HMAC's state after its key: half of the work is done once.
  struct alignas(16) KeyState {
    std::array<unsigned char, state_bytes> bytes;
  };

  using Mac = std::array<unsigned char, 32>;
  [[nodiscard]] Mac mac(std::uint8_t key, std::string_view first, std::string_view second) const;
  [[nodiscard]] std::string seal(std::string bytes, std::string_view user_id) const;
  /// The bytes before the MAC, if it is right for them and `user_id`.
  [[nodiscard]] std::optional<std::string> open(std::string_view text,
                                                std::string_view user_id) const;

  // Room for keys_max, key 1 first; of what is not used the system makes no pages.
  std::unique_ptr<KeyState[]> keys_;
  std::atomic<std::uint8_t> count_{0};
};

}  // namespace fluxgate::admission

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "http/request.hpp"

namespace fluxgate::http {

/// Who may use the admin routes.
///
/// With a token: who sends it, from anywhere. Without one: only a program on this machine that
/// talks to the server directly. A loopback peer alone does not prove that: a proxy on the machine
/// shows one for everybody, and so does the browser of whoever works there, also for requests that
/// a foreign page or a rebound name makes. Hence the rules about Host, version and header fields.
///
/// Threads: any.
class AdminRule {
 public:
  /// `token` empty: none. Then `is_local_only` says that the server is reached from this machine
  /// alone: it listens on loopback and no proxy is trusted; if not, nobody may.
  AdminRule(std::string_view token, bool is_local_only);

  /// `authority` is that of an absolute target, else empty.
  [[nodiscard]] bool allows(const Request& request, std::string_view authority,
                            bool is_loopback_peer) const noexcept;

  /// True if nobody may, whatever they send.
  [[nodiscard]] bool is_off() const noexcept { return mode_ == Mode::off; }

 private:
  enum class Mode : std::uint8_t { off, local, token };
  static constexpr std::size_t hash_bytes = 32;
  using Hash = std::array<unsigned char, hash_bytes>;

  [[nodiscard]] static Hash hash_of(std::string_view token) noexcept;
  [[nodiscard]] bool has_token(std::string_view authorization) const noexcept;

  Mode mode_ = Mode::off;
  Hash token_hash_{};
};

/// True for "localhost", 127.0.0.0/8 and "[::1]", with or without a port.
[[nodiscard]] bool is_local_host(std::string_view host) noexcept;

}  // namespace fluxgate::http

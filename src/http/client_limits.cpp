#include "http/client_limits.hpp"

#include <array>
#include <cstddef>

#include "base/random_key.hpp"
#include "base/sip_hash.hpp"
#include "fluxgate/entropy.hpp"
#include "http/client_address.hpp"

namespace fluxgate::http {
namespace {

admission::ClientLimiter::Limit limit_of(std::uint64_t rate, std::uint64_t burst) noexcept {
  return {.rate = rate, .burst = burst != 0 ? burst : rate};
}

template <std::size_t Size>
std::string_view text_of(const std::array<unsigned char, Size>& bytes, std::size_t count) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), count};
}

base::Hash128 hash_of(base::HashKey secret, const boost::asio::ip::address& address) noexcept {
  if (address.is_v4()) return base::keyed_hash(secret, text_of(address.to_v4().to_bytes(), 4));
  return base::keyed_hash(secret, text_of(address.to_v6().to_bytes(), 8));
}

}  // namespace

Entropy& entropy_of(const ServerOptions& options) noexcept {
  return options.entropy != nullptr ? *options.entropy : system_entropy();
}

ClientLimits::ClientLimits(const ServerOptions& options)
    : clock_(options.clock != nullptr ? *options.clock : system_clock()),
      proxies_(Network::parse(options.trusted_proxy)),
      secret_(base::random_key(entropy_of(options))) {
  if (options.client_rate != 0) {
    by_address_.emplace(limit_of(options.client_rate, options.client_burst), clock_.monotonic());
  }
  if (options.user_rate != 0) {
    by_user_.emplace(limit_of(options.user_rate, options.user_burst), clock_.monotonic());
    by_joiner_.emplace(limit_of(options.user_rate, options.user_burst), clock_.monotonic());
  }
}

std::chrono::nanoseconds ClientLimits::count_address(const boost::asio::ip::address& peer,
                                                     std::string_view forwarded_for) {
  const boost::asio::ip::address client =
      proxies_ ? client_address(peer, forwarded_for, *proxies_) : unmapped(peer);
  return by_address_->try_admit(hash_of(secret_, client), clock_.monotonic());
}

std::chrono::nanoseconds ClientLimits::count_user(std::string_view user_id) {
  return by_user_->try_admit(base::keyed_hash(secret_, user_id), clock_.monotonic());
}

std::chrono::nanoseconds ClientLimits::count_join(std::string_view user_id) {
  return by_joiner_->try_admit(base::keyed_hash(secret_, user_id), clock_.monotonic());
}

}  // namespace fluxgate::http

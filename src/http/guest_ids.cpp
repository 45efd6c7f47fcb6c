#include "http/guest_ids.hpp"

#include <sodium.h>

#include <cstddef>
#include <span>

namespace fluxgate::http {

GuestIds::GuestIds(Entropy& entropy) {
  entropy.fill(std::as_writable_bytes(std::span(key_)));
}

// A keyed hash of a counter: as unguessable as its key, and without a system call.
std::string GuestIds::next() {
  const std::uint64_t number = count_.fetch_add(1, std::memory_order_relaxed);
  std::array<unsigned char, 16> id{};
  ::crypto_generichash(id.data(), id.size(), reinterpret_cast<const unsigned char*>(&number),
                       sizeof(number), key_.data(), key_.size());
  std::array<char, 2 * id.size() + 1> text{};
  ::sodium_bin2hex(text.data(), text.size(), id.data(), id.size());
  return std::string("guest-") + text.data();
}

}  // namespace fluxgate::http

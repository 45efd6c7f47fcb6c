#include "http/address.hpp"

#include <array>
#include <charconv>
#include <string>

namespace fluxgate::http {
namespace {

namespace ip = boost::asio::ip;

struct AddressBytes {
  std::array<unsigned char, 16> bytes{};
  unsigned bits = 0;
};

AddressBytes bytes_of(const ip::address& address) {
  AddressBytes result;
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), result.bytes.begin());
    result.bits = 32;
  } else {
    const auto bytes = address.to_v6().to_bytes();
    std::copy(bytes.begin(), bytes.end(), result.bytes.begin());
    result.bits = 128;
  }
  return result;
}

}  // namespace

ip::address unmapped(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  boost::system::error_code error;
  Network network;
  network.base_ = ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return std::nullopt;
  const unsigned bits_max = network.base_.is_v4() ? 32 : 128;
  network.bits_ = bits_max;
  if (slash == std::string_view::npos) {
    static_cast<void>(network.unmap());
    return network;
  }
  const std::string_view digits = text.substr(slash + 1);
  const char* end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, network.bits_);
  if (failure != std::errc() || stop != end || network.bits_ > bits_max) return std::nullopt;
  return network.unmap() ? std::optional(network) : std::nullopt;
}

// Peers are compared unmapped. False: it is wider than the mapped addresses are.
bool Network::unmap() {
  const ip::address plain = unmapped(base_);
  if (plain == base_) return true;
  constexpr unsigned prefix_bits = 96;
  if (bits_ < prefix_bits) return false;
  base_ = plain;
  bits_ -= prefix_bits;
  return true;
}

bool Network::contains(const ip::address& address) const {
  const AddressBytes mine = bytes_of(base_);
  const AddressBytes other = bytes_of(unmapped(address));
  if (mine.bits != other.bits) return false;
  for (unsigned bit = 0; bit < bits_; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if (((mine.bytes[bit / 8] ^ other.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

}  // namespace fluxgate::http

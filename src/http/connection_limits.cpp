#include "http/connection_limits.hpp"

#include "base/check.hpp"

namespace fluxgate::http {

bool ConnectionLimits::counts_address(const boost::asio::ip::address& peer) const {
  return bounds_.per_address != 0 && !(bounds_.exempt && bounds_.exempt->contains(peer));
}

ConnectionLimits::Entry ConnectionLimits::try_open(const boost::asio::ip::address& peer) {
  if (open_.fetch_add(1, std::memory_order_relaxed) >= bounds_.all) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return Entry::full;
  }
  if (!counts_address(peer)) return Entry::opened;
  const std::lock_guard lock(mutex_);
  std::size_t& count = by_address_[unmapped(peer)];
  if (count >= bounds_.per_address) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return Entry::address_full;
  }
  ++count;
  return Entry::opened;
}

bool ConnectionLimits::try_refuse() noexcept {
  if (refusals_.fetch_add(1, std::memory_order_relaxed) < bounds_.refusals) return true;
  end_refusal();
  return false;
}

void ConnectionLimits::close(const boost::asio::ip::address& peer) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (!counts_address(peer)) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(unmapped(peer));
  FLUXGATE_CHECK(found != by_address_.end());
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace fluxgate::http

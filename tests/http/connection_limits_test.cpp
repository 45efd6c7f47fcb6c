#include "http/connection_limits.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace fluxgate::http {
namespace {

using boost::asio::ip::make_address;
using Entry = ConnectionLimits::Entry;

}  // namespace

TEST_CASE("ConnectionLimits: all together → full at the bound", "[http][unit]") {
  ConnectionLimits limits({.all = 2});
  const auto a = make_address("10.0.0.1");
  CHECK(limits.try_open(a) == Entry::opened);
  CHECK(limits.try_open(a) == Entry::opened);
  CHECK(limits.try_open(a) == Entry::full);
  limits.close(a);
  CHECK(limits.try_open(a) == Entry::opened);
}

TEST_CASE("ConnectionLimits: one address → address_full, others go on", "[http][unit]") {
  ConnectionLimits limits({.all = 9, .per_address = 2, .exempt = Network::parse("10.9.0.0/16")});
  const auto a = make_address("10.0.0.1");
  const auto mapped = make_address("::ffff:10.0.0.1");
  CHECK(limits.try_open(a) == Entry::opened);
  CHECK(limits.try_open(mapped) == Entry::opened);
  CHECK(limits.try_open(a) == Entry::address_full);
  CHECK(limits.try_open(mapped) == Entry::address_full);
  CHECK(limits.try_open(make_address("10.0.0.2")) == Entry::opened);
  CHECK(limits.try_open(make_address("::1")) == Entry::opened);
  for (int i = 0; i < 4; ++i) CHECK(limits.try_open(make_address("10.9.1.1")) == Entry::opened);
  limits.close(mapped);
  CHECK(limits.try_open(a) == Entry::opened);
  // What was refused was not counted.
  CHECK(limits.try_open(make_address("10.0.0.3")) == Entry::opened);
  CHECK(limits.try_open(make_address("10.0.0.4")) == Entry::full);
}

TEST_CASE("ConnectionLimits: many threads → never more than the bounds", "[http][race]") {
  ConnectionLimits limits({.all = 3, .per_address = 2, .exempt = std::nullopt});
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto peer = make_address(i < 2 ? "10.0.0.1" : "10.0.0.2");
      for (int round = 0; round < 5000; ++round) {
        if (limits.try_open(peer) != Entry::opened) continue;
        const int now = ++open;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        --open;
        limits.close(peer);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(most <= 3);
  for (int i = 0; i < 2; ++i) CHECK(limits.try_open(make_address("10.0.0.1")) == Entry::opened);
  CHECK(limits.try_open(make_address("10.0.0.2")) == Entry::opened);
}

TEST_CASE("Network: texts → addresses in it", "[http][unit]") {
  struct Case {
    const char* network;
    const char* inside;
    const char* outside;
  };
  for (const Case& each :
       {Case{"10.0.0.0/8", "10.255.1.2", "11.0.0.0"},
        Case{"192.168.1.7", "192.168.1.7", "192.168.1.6"},
        Case{"192.168.1.128/25", "192.168.1.200", "192.168.1.127"},
        Case{"0.0.0.0/0", "8.8.8.8", "::1"},
        Case{"10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"},
        Case{"::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"},
        Case{"::ffff:10.0.0.0/104", "::ffff:10.1.2.3", "11.1.2.3"},
        Case{"2001:db8::/32", "2001:db8:1::1", "2001:db9::1"}, Case{"::1", "::1", "::2"}}) {
    INFO(each.network);
    const auto network = Network::parse(each.network);
    REQUIRE(network.has_value());
    CHECK(network->contains(make_address(each.inside)));
    CHECK_FALSE(network->contains(make_address(each.outside)));
  }
  for (const char* bad : {"", "x", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129",
                          "10.0.0.0/8/8", "10.0.0.0/8x", "10.0.0.0 /8"}) {
    CHECK_FALSE(Network::parse(bad).has_value());
  }
}

}  // namespace fluxgate::http

#pragma once

#include <barrier>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "support/sale_client.hpp"

namespace fluxgate::testing {

/// Runs `act(client, number)` for `size` people, each on a thread and a connection of its own that
/// is open before any of them begins. Waits for all; an exception of one of them is thrown again.
inline void run_crowd(std::uint16_t port, std::size_t size,
                      const std::function<void(SaleClient&, std::size_t)>& act) {
  std::barrier<> start(static_cast<std::ptrdiff_t>(size));
  std::vector<std::exception_ptr> failures(size);
  std::vector<std::thread> people;
  for (std::size_t number = 0; number < size; ++number) {
    people.emplace_back([&, number] {
      bool arrived = false;
      try {
        SaleClient client(port);
        client.connect();
        arrived = true;
        start.arrive_and_wait();
        act(client, number);
      } catch (...) {
        failures[number] = std::current_exception();
        if (!arrived) start.arrive_and_drop();
      }
    });
  }
  for (std::thread& person : people) person.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

/// The same order, sent `copies` times at once.
inline std::vector<OrderAnswer> order_at_once(std::uint16_t port, const Wish& wish,
                                              std::size_t copies) {
  std::vector<OrderAnswer> answers(copies);
  run_crowd(port, copies,
            [&](SaleClient& client, std::size_t number) { answers[number] = client.order(wish); });
  return answers;
}

}  // namespace fluxgate::testing

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "faults/journal.hpp"
#include "support/server_process.hpp"

namespace fluxgate::testing {

/// How people behave in a Sale.
struct SaleShape {
  std::size_t buyers = 8;      ///< connections, each with a thread
  std::size_t depth = 1;       ///< orders in flight on each
  unsigned retry_percent = 5;  ///< orders that are an earlier one, sent again
  std::size_t in_line = 0;     ///< further people, who take places in line and order with passes
  bool opens_rounds = false;   ///< an operator resets the stock while they order
};

/// A sale that goes on over many lives of a server: people order, with everything they try written
/// down, until the server ends; then its log is compared with what they were told.
///
/// Threads:  one at a time; it has a thread per buyer between start() and end().
/// Errors:   throws std::runtime_error with what is wrong.
/// Lifetime: the destructor waits for its buyers, who end when the server has ended, or after
///           HttpClient's deadline.
class Sale {
 public:
  Sale(std::uint64_t seed, SaleShape shape);
  Sale(const Sale&) = delete;
  Sale& operator=(const Sale&) = delete;
  ~Sale();

  /// Creates the products.
  void open(std::uint16_t port);

  /// People begin to order. A life of the server begins.
  void start(std::uint16_t port);
  /// From here on the server may go away.
  void expect_end() { may_end_ = true; }
  /// People stop, or have seen the server end.
  void end();

  /// Asks again for every order whose outcome is unknown, and for `known_max` of the others.
  void retry(std::uint16_t port, std::size_t known_max);
  /// Compares the log with the journal, and the server's counters with the log. Nothing may be
  /// unknown or in flight.
  void check(std::uint16_t port, const std::filesystem::path& data_dir);

  [[nodiscard]] Journal& journal() noexcept { return journal_; }
  /// Orders in the log at the last check().
  [[nodiscard]] std::size_t logged() const noexcept { return logged_; }

  static constexpr std::size_t everybody = ~std::size_t{0};

 private:
  using Act = std::function<void(SaleClient&, std::mt19937_64&)>;

  void run(std::uint16_t port, const Act& act);
  void buy(SaleClient& client, std::mt19937_64& random);
  void stand_in_line(SaleClient& client, std::mt19937_64& random);
  void open_rounds(SaleClient& client, std::mt19937_64& random);
  OrderAnswer order(SaleClient& client, std::size_t entry);
  void exchange(SaleClient& client, const std::vector<std::size_t>& entries);
  void judge(const Wish& wish, const OrderAnswer& answer);
  void complain(const std::string& what);
  void check_places(SaleClient& client);
  void check_counters(SaleClient& client, const FinalLog& log);

  struct Place {
    std::string ticket;
    std::uint64_t ahead;
  };

  const SaleShape shape_;
  std::mt19937_64 random_;
  Journal journal_;
  std::vector<std::thread> threads_;
  std::atomic<bool> is_over_{false};
  std::atomic<bool> may_end_{false};
  std::size_t logged_ = 0;
  std::uint64_t rounds_tried_ = 0;  // the operator's own

  std::mutex mutex_;  // guards what follows, which buyers write
  std::vector<std::string> complaints_;
  std::vector<Place> places_;
};

/// How to start a server of a campaign: it is killed if the campaign is.
[[nodiscard]] ServerProcessOptions faults_server(const std::filesystem::path& data_dir,
                                                 std::vector<std::string> arguments = {});

}  // namespace fluxgate::testing

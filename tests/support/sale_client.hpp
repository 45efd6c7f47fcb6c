#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/http_client.hpp"
#include "support/order_history.hpp"

namespace fluxgate::testing {

/// What a buyer sends. Values, because it outlives the call: it is retried and written down.
struct Wish {
  std::string product_id;
  std::string user_id;
  std::string key;
  std::uint64_t quantity = 1;
  std::string pass{};  ///< empty: none
};

/// What a buyer hears.
struct OrderAnswer {
  int status = 0;
  bool replayed = false;
  std::string order_id;  ///< of a 200
  std::string code;      ///< of an error; "waiting" of a 302
};

/// GET /waiting-room/tickets/{ticket}.
struct PlaceAnswer {
  std::string state;
  std::uint64_t ahead = 0;
  std::string pass;  ///< once admitted
};

/// GET /products/{productId}.
struct ProductAnswer {
  std::uint64_t round = 0;
  std::uint64_t quantity = 0;
  std::uint64_t stock = 0;
  std::uint64_t accepted = 0;
  std::uint64_t pending = 0;
};

/// GET /products/{productId}/audit.
struct AuditAnswer {
  std::uint64_t quantity = 0;
  std::uint64_t orders_in_log = 0;
  std::uint64_t units_in_log = 0;
  bool oversold = true;
};

/// What /init is asked for, beside the product.
struct StockWish {
  std::uint64_t quantity = 0;
  std::uint64_t max_per_order = 0;  ///< 0: not sent
  std::uint64_t max_per_user = 0;   ///< 0: not sent
};

/// A buyer and operator of one server, over one kept-alive connection.
///
/// Threads: one at a time; give each thread its own.
/// Errors:  throws std::runtime_error when the connection fails (the server was killed) or an
///          answer is not what docs/HTTP_API.md says it is.
class SaleClient {
 public:
  explicit SaleClient(std::uint16_t port) : http_(port) {}

  /// Opens the connection now instead of with the first call.
  void connect() { http_.connect(); }
  OrderAnswer order(const Wish& wish);
  /// Sends orders without waiting for their answers, which read_order() gets one by one.
  void send_orders(std::span<const Wish> wishes);
  OrderAnswer read_order();
  /// The ticket for a place in line; empty: the product is sold out.
  std::string join_line(const std::string& product_id, const std::string& user_id);
  PlaceAnswer look(const std::string& ticket);
  /// The number of the round that is open now.
  std::uint64_t init(const std::string& product_id, const StockWish& wish);
  ProductAnswer product(const std::string& product_id);
  AuditAnswer audit(const std::string& product_id, std::uint64_t round);
  /// The whole log, page by page; keys, passes and times are not shown.
  std::vector<LoggedOrder> orders();

 private:
  HttpResponse post(const std::string& target, const std::string& body,
                    const std::vector<HttpHeader>& headers);
  /// The body of a 200.
  std::string get(const std::string& target);

  HttpClient http_;
};

}  // namespace fluxgate::testing

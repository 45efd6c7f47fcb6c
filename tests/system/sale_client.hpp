#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/http_client.hpp"

namespace fluxgate::testing {

/// What a buyer sends. Values, because it outlives the call: it is retried and written down.
struct Wish {
  std::string product_id;
  std::string user_id;
  std::string key;
  std::uint64_t quantity = 1;
};

/// What a buyer hears.
struct OrderAnswer {
  int status = 0;
  bool replayed = false;
  std::string order_id;  ///< of a 200
  std::string code;      ///< of an error
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

/// One line of GET /orders.
struct LoggedOrder {
  std::uint64_t sequence = 0;
  std::string order_id;
  std::string product_id;
  std::string user_id;
  std::uint64_t round = 0;
  std::uint64_t quantity = 0;
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
  /// The number of the round that is open now.
  std::uint64_t init(const std::string& product_id, const StockWish& wish);
  ProductAnswer product(const std::string& product_id);
  AuditAnswer audit(const std::string& product_id, std::uint64_t round);
  /// The whole log, page by page.
  std::vector<LoggedOrder> orders();

 private:
  HttpResponse post(const std::string& target, const std::string& body,
                    const std::vector<HttpHeader>& headers);
  /// The body of a 200.
  std::string get(const std::string& target);

  HttpClient http_;
};

}  // namespace fluxgate::testing

#include "http/status_map.hpp"

#include <array>

#include "base/check.hpp"

namespace fluxgate::http {
namespace {

constexpr std::string_view bearer = "WWW-Authenticate: Bearer\r\n";
// Overload passes with the next commit; a server that drains is replaced within seconds; a full or
// failed disk needs a person or a restart.
constexpr std::string_view retry_soon = "Retry-After: 1\r\n";
constexpr std::string_view retry_later = "Retry-After: 5\r\n";

constexpr std::array<ProblemFacts, problem_count> table{{
    {Problem::malformed_request, 400, "malformed_request", "The request is not valid HTTP/1.1", ""},
    {Problem::missing_idempotency_key, 400, "missing_idempotency_key",
     "Send an x-idempotency-key header", ""},
    {Problem::invalid_idempotency_key, 400, "invalid_idempotency_key",
     "The idempotency key must be 1 to 255 visible ASCII characters, sent once", ""},
    {Problem::invalid_json, 400, "invalid_json", "The body is not valid JSON", ""},
    {Problem::invalid_field, 400, "invalid_field", "A field of the body is missing or invalid", ""},
    {Problem::invalid_query, 400, "invalid_query", "A query parameter is invalid", ""},
    {Problem::unauthorized, 401, "unauthorized",
     "This needs the admin token, or, without one, a direct request on the same machine", bearer},
    {Problem::invalid_pass, 403, "invalid_pass", "The admission pass is not valid for this order",
     ""},
    {Problem::expired_pass, 403, "expired_pass", "The admission pass has expired", ""},
    {Problem::used_pass, 403, "used_pass", "The admission pass has been used", ""},
    {Problem::not_found, 404, "not_found", "There is nothing here", ""},
    {Problem::unknown_product, 404, "unknown_product", "No such product", ""},
    {Problem::unknown_order, 404, "unknown_order", "No such order", ""},
    {Problem::unknown_ticket, 404, "unknown_ticket", "No such ticket", ""},
    {Problem::method_not_allowed, 405, "method_not_allowed", "This method is not allowed here", ""},
    {Problem::request_timeout, 408, "request_timeout", "The request did not arrive in time", ""},
    {Problem::body_too_large, 413, "body_too_large", "The body is larger than 16 KiB", ""},
    {Problem::uri_too_long, 414, "uri_too_long", "The request target is longer than 8 KiB", ""},
    {Problem::unsupported_media_type, 415, "unsupported_media_type",
     "Send Content-Type: application/json", ""},
    {Problem::idempotency_key_reused, 422, "idempotency_key_reused",
     "This idempotency key was accepted for another product or quantity", ""},
    {Problem::over_limit, 422, "over_limit", "More units than one order or one user may have", ""},
    {Problem::round_mismatch, 422, "round_mismatch", "The round asked for is not the next one", ""},
    {Problem::too_many_products, 422, "too_many_products", "There are 100000 products already", ""},
    {Problem::too_many_requests, 429, "too_many_requests",
     "Too many connections or requests from this client: wait and try again", retry_soon},
    {Problem::headers_too_large, 431, "headers_too_large",
     "The headers are larger than 16 KiB or more than 64", ""},
    {Problem::internal, 500, "internal", "Something went wrong inside the server", ""},
    {Problem::not_implemented, 501, "not_implemented",
     "The method or transfer coding is not implemented", ""},
    {Problem::overloaded, 503, "overloaded", "Too much at once: nothing happened, try again",
     retry_soon},
    {Problem::draining, 503, "draining", "The server is stopping: nothing happened, try again",
     retry_later},
    {Problem::storage_full, 503, "storage_full", "No space for new orders: nothing happened",
     retry_later},
    {Problem::storage_unavailable, 503, "storage_unavailable",
     "The outcome is unknown: try again with the same idempotency key", retry_later},
    {Problem::version_not_supported, 505, "version_not_supported",
     "HTTP/1.1 and HTTP/1.0 are spoken here", ""},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].problem) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

const ProblemFacts& facts(Problem problem) noexcept {
  return table[static_cast<std::size_t>(problem)];
}

std::string_view reason(unsigned status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      break;
  }
  FLUXGATE_CHECK(false && "a status that has no reason");
}

std::optional<Problem> problem_of(OrderStatus status) noexcept {
  switch (status) {
    case OrderStatus::accepted:
    case OrderStatus::waiting:
    case OrderStatus::sold_out:
      return std::nullopt;
    case OrderStatus::key_reused:
      return Problem::idempotency_key_reused;
    case OrderStatus::over_limit:
      return Problem::over_limit;
    case OrderStatus::unknown_product:
      return Problem::unknown_product;
    case OrderStatus::invalid_pass:
      return Problem::invalid_pass;
    case OrderStatus::expired_pass:
      return Problem::expired_pass;
    case OrderStatus::used_pass:
      return Problem::used_pass;
    case OrderStatus::overloaded:
      return Problem::overloaded;
    case OrderStatus::draining:
      return Problem::draining;
    case OrderStatus::storage_full:
      return Problem::storage_full;
    case OrderStatus::storage_unavailable:
      return Problem::storage_unavailable;
    case OrderStatus::invalid_argument:
      return Problem::invalid_field;
  }
  return Problem::internal;
}

std::optional<Problem> problem_of(InitStatus status) noexcept {
  switch (status) {
    case InitStatus::ok:
      return std::nullopt;
    case InitStatus::round_mismatch:
      return Problem::round_mismatch;
    case InitStatus::too_many_products:
      return Problem::too_many_products;
    case InitStatus::draining:
      return Problem::draining;
    case InitStatus::overloaded:
      return Problem::overloaded;
    case InitStatus::storage_full:
      return Problem::storage_full;
    case InitStatus::storage_unavailable:
      return Problem::storage_unavailable;
    case InitStatus::invalid_argument:
      return Problem::invalid_field;
  }
  return Problem::internal;
}

std::optional<Problem> problem_of(JoinStatus status) noexcept {
  switch (status) {
    case JoinStatus::joined:
    case JoinStatus::kept:
    case JoinStatus::sold_out:
      return std::nullopt;
    case JoinStatus::unknown_product:
      return Problem::unknown_product;
    case JoinStatus::line_full:
    case JoinStatus::line_closed:
    case JoinStatus::overloaded:
      return Problem::overloaded;
    case JoinStatus::draining:
      return Problem::draining;
    case JoinStatus::storage_full:
      return Problem::storage_full;
    case JoinStatus::storage_unavailable:
      return Problem::storage_unavailable;
    case JoinStatus::invalid_argument:
      return Problem::invalid_field;
  }
  return Problem::internal;
}

std::optional<Problem> problem_of(SettingsStatus status) noexcept {
  switch (status) {
    case SettingsStatus::ok:
      return std::nullopt;
    case SettingsStatus::too_many_keys:
      return Problem::over_limit;
    case SettingsStatus::overloaded:
      return Problem::overloaded;
    case SettingsStatus::draining:
      return Problem::draining;
    case SettingsStatus::storage_full:
      return Problem::storage_full;
    case SettingsStatus::storage_unavailable:
      return Problem::storage_unavailable;
    case SettingsStatus::invalid_argument:
      return Problem::invalid_field;
  }
  return Problem::internal;
}

std::optional<Problem> problem_of(EngineState state) noexcept {
  switch (state) {
    case EngineState::running:
      return std::nullopt;
    case EngineState::draining:
      return Problem::draining;
    case EngineState::full:
      return Problem::storage_full;
    case EngineState::failed:
      return Problem::storage_unavailable;
  }
  return Problem::internal;
}

Problem problem_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return Problem::invalid_query;
    case ErrorCode::not_found:
      return Problem::not_found;
    case ErrorCode::unavailable:
      return Problem::storage_unavailable;
    default:
      return Problem::internal;
  }
}

}  // namespace fluxgate::http

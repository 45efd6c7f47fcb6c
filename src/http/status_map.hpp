#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fluxgate/error.hpp"
#include "fluxgate/settings.hpp"
#include "fluxgate/stats.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::http {

/// Every error answer there is. The order is that of the table in status_map.cpp.
enum class Problem : std::uint8_t {
  malformed_request,
  missing_idempotency_key,
  invalid_idempotency_key,
  invalid_json,
  invalid_field,
  invalid_query,
  unauthorized,
  invalid_pass,
  expired_pass,
  used_pass,
  not_found,
  unknown_product,
  unknown_order,
  unknown_ticket,
  method_not_allowed,
  request_timeout,
  body_too_large,
  uri_too_long,
  unsupported_media_type,
  idempotency_key_reused,
  over_limit,
  round_mismatch,
  too_many_products,
  too_many_requests,
  headers_too_large,
  internal,
  not_implemented,
  overloaded,
  draining,
  storage_full,
  storage_unavailable,
  version_not_supported,
};
inline constexpr std::size_t problem_count = 32;

/// How a problem looks on the wire.
struct ProblemFacts {
  Problem problem;
  unsigned status;           ///< HTTP status
  std::string_view code;     ///< stable word
  std::string_view message;  ///< for people; never holds anything a client sent
  std::string_view headers;  ///< further header lines, each with its line end
};

[[nodiscard]] const ProblemFacts& facts(Problem problem) noexcept;

/// "Conflict" for 409; every status this server sends is known.
[[nodiscard]] std::string_view reason(unsigned status) noexcept;

/// The problem an order's status is answered with; none: accepted, waiting and sold_out have
/// answers of their own.
[[nodiscard]] std::optional<Problem> problem_of(OrderStatus status) noexcept;
/// The same for an /init; none: ok.
[[nodiscard]] std::optional<Problem> problem_of(InitStatus status) noexcept;
/// None: it joined, has its place, or is told "sold out".
[[nodiscard]] std::optional<Problem> problem_of(JoinStatus status) noexcept;
[[nodiscard]] std::optional<Problem> problem_of(SettingsStatus status) noexcept;
/// The same for an engine that takes no orders; none: it does.
[[nodiscard]] std::optional<Problem> problem_of(EngineState state) noexcept;
/// The same for a read of the log that failed for a reason the client did not cause.
[[nodiscard]] Problem problem_of(ErrorCode code) noexcept;

}  // namespace fluxgate::http

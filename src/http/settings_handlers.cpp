#include <array>
#include <optional>
#include <string>

#include "admission/rate_limiter.hpp"
#include "http/handlers.hpp"
#include "http/json_write.hpp"

namespace fluxgate::http {
namespace {

constexpr Units rate_max = admission::RateLimiter::rate_max;

std::optional<std::uint64_t> number_in(const JsonField& field) {
  return field.is_present ? std::optional(field.number) : std::nullopt;
}

std::optional<bool> boolean_in(const JsonField& field) {
  return field.is_present ? std::optional(field.number == 1) : std::nullopt;
}

Handled submit_change(Exchange& exchange, const SettingsChange& change) {
  auto& call = exchange.settings;
  if (!call) call = std::make_unique<SettingsCall>(exchange.sink, exchange.session);
  call->request = change;
  exchange.awaited = Operation::Kind::settings;
  if (exchange.services.engine.submit(*call) == Submission::pending) return Handled::called;
  answer_settings(exchange);
  return Handled::answered;
}

}  // namespace

Handled handle_settings(Exchange& exchange) {
  std::string body;
  append_settings(body, exchange.services.engine.settings());
  exchange.out.variable({.body = body});
  return Handled::answered;
}

Handled handle_change_settings(Exchange& exchange) {
  using Kind = JsonField::Kind;
  std::array<JsonField, 5> fields{{
      {.name = "rateLimit", .kind = Kind::integer, .max = rate_max},
      {.name = "rateBurst", .kind = Kind::integer, .max = rate_max},
      {.name = "lineClosed", .kind = Kind::boolean},
      {.name = "admitAll", .kind = Kind::boolean},
      {.name = "salePaused", .kind = Kind::boolean},
  }};
  if (!read_fields(exchange, fields)) return Handled::answered;
  return submit_change(exchange, {.rate_limit = number_in(fields[0]),
                                  .rate_burst = number_in(fields[1]),
                                  .line_closed = boolean_in(fields[2]),
                                  .admit_all = boolean_in(fields[3]),
                                  .sale_paused = boolean_in(fields[4])});
}

Handled handle_ticket_keys(Exchange& exchange) {
  return submit_change(exchange, {.renew_ticket_key = true});
}

void answer_settings(Exchange& exchange) {
  const SettingsResult& result = exchange.settings->result;
  if (result.status == SettingsStatus::too_many_keys) {
    return exchange.out.problem(Problem::over_limit, "255 ticket keys were made: no more");
  }
  if (const auto problem = problem_of(result.status)) return exchange.out.problem(*problem);
  std::string body;
  if (exchange.route == Route::ticket_keys) {
    body = "{\"ticketKey\":" + std::to_string(result.ticket_key) + "}";
  } else {
    append_settings(body, result.settings);
  }
  exchange.out.variable({.body = body});
}

}  // namespace fluxgate::http

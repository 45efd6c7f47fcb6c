#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fluxgate/types.hpp"

/// What clients tried and were told, and whether a log explains it. Standard library only: the
/// simulation fills it from the engine, system tests fill it over HTTP.

namespace fluxgate::testing {

/// Any unit of one monotonic clock, or just a count of events.
using Instant = std::uint64_t;
inline constexpr Instant never = ~Instant{0};
/// Nothing that was acknowledged may be missing.
inline constexpr Sequence everything = ~Sequence{0};

enum class Outcome : std::uint8_t {
  unknown,   ///< no answer, or storage_unavailable: it may be in the log or not
  accepted,  ///< an order id was told
  sold_out,
  refused,  ///< any other answer; its code says which
};

/// One try to order. Fill the first part before it is sent, the second when it is answered.
struct Attempt {
  std::string product_id = {};
  std::string user_id = {};
  std::string key = {};
  Units quantity = 1;
  std::string pass = {};  ///< empty: none
  Instant invoked = 0;
  /// The server's utc then, so that the key's life can be checked; 0: too early for it to end.
  std::chrono::milliseconds utc{0};
  /// A utc the server has forgotten old keys at, before this try; 0: none is known.
  std::chrono::milliseconds forgot_at{0};

  Instant completed = never;
  Outcome outcome = Outcome::unknown;
  std::string order_id = {};  ///< accepted only
  bool replayed = false;      ///< accepted only
  std::string code = {};      ///< refused only: the stable word
};

/// One try to create a product or open its next round.
struct Opening {
  std::string product_id = {};
  Units quantity = 0;
  Units max_per_order = 0;
  Units max_per_user = 0;
  Instant invoked = 0;

  Instant completed = never;
  Outcome outcome = Outcome::unknown;
  RoundNumber round = 0;  ///< accepted only
};

/// The server from a start to its end.
struct Life {
  Instant began = 0;
  Instant ended = never;
  std::chrono::milliseconds key_ttl{0};  ///< 0: for ever
  /// Orders up to here were durable at its end; those behind may be missing, as a suffix.
  Sequence durable = everything;
};

/// An order as the log has it.
struct LoggedOrder {
  Sequence sequence = 0;
  std::string order_id = {};
  std::string product_id = {};
  RoundNumber round = 0;
  std::string user_id = {};
  std::string key = {};  ///< empty: not shown; then it is taken from the tries of that user
  Units quantity = 0;
  std::chrono::milliseconds accepted_at{0};
  std::uint64_t pass = 0;  ///< number of the pass it used; 0: none, or not shown
};

/// A round as the log has it.
struct LoggedOpening {
  std::string product_id = {};
  RoundNumber round = 0;
  Units quantity = 0;
  Units max_per_order = 0;
  Units max_per_user = 0;
  Sequence next_sequence = 1;  ///< of the first order behind it
};

/// All of the log, in its order.
struct FinalLog {
  std::vector<LoggedOrder> orders;
  std::vector<LoggedOpening> openings;
};

/// Collects a history; check() says what is wrong with it.
///
/// Time is O(n log n) in tries and orders. What is checked, each as a line of text that begins with
/// the word in quotes:
///   "lost" an acknowledged order or round is missing · "altered" it differs · "phantom" a logged
///   order or round nobody tried, or whose tries were all refused · "second order" a key bought
///   twice within its life · "oversold" · "undersold" sold_out was told while units were left that
///   nobody could have had · "gap" in the sequence, or ids and times out of order · "model" a
///   logged order breaks a rule of its round · "order" A was acknowledged before B was sent and
///   stands behind it · "answer" a key whose order was acknowledged got another answer, or a
///   refusal that nothing justifies · "fresh" several answers of one order, or none, say it is not
///   a replay · "resurfaced" a key that was seen to be free has an order from before · "key life"
///   it lasted too long · "pass" it bought twice · "round" an order is of a round that was not open
///   while it was tried.
///
/// Threads: one at a time.
class OrderHistory {
 public:
  /// True: tries take effect the instant they are invoked (one thread), so a copy of one in flight
  /// must share its answer. Over a network nobody can tell which came first.
  bool in_order = false;
  /// How long a key may be remembered beyond its life.
  std::chrono::milliseconds key_slack{100};

  /// Lives follow one another. Without any there is one, in which keys live for ever.
  void begin_life(Instant at, std::chrono::milliseconds key_ttl = std::chrono::milliseconds{0}) {
    lives_.push_back({.began = at, .key_ttl = key_ttl});
  }
  void end_life(Instant at, Sequence durable = everything) {
    lives_.back().ended = at;
    lives_.back().durable = durable;
  }

  /// Returns its number.
  std::size_t begin(Attempt attempt) {
    attempts_.push_back(std::move(attempt));
    return attempts_.size() - 1;
  }
  void accepted(std::size_t attempt, Instant at, std::string order_id, bool replayed) {
    end(attempt, at, Outcome::accepted);
    attempts_[attempt].order_id = std::move(order_id);
    attempts_[attempt].replayed = replayed;
  }
  void sold_out(std::size_t attempt, Instant at) { end(attempt, at, Outcome::sold_out); }
  /// `code` is the stable word of the answer, for example "over_limit"; not storage_unavailable,
  /// which leaves the outcome unknown.
  void refused(std::size_t attempt, Instant at, std::string code) {
    end(attempt, at, Outcome::refused);
    attempts_[attempt].code = std::move(code);
  }

  std::size_t begin(Opening opening) {
    openings_.push_back(std::move(opening));
    return openings_.size() - 1;
  }
  void opened(std::size_t opening, Instant at, RoundNumber round) {
    openings_[opening].completed = at;
    openings_[opening].outcome = Outcome::accepted;
    openings_[opening].round = round;
  }
  void not_opened(std::size_t opening, Instant at) {
    openings_[opening].completed = at;
    openings_[opening].outcome = Outcome::refused;
  }

  [[nodiscard]] const std::vector<Attempt>& attempts() const noexcept { return attempts_; }
  [[nodiscard]] const std::vector<Opening>& openings() const noexcept { return openings_; }
  [[nodiscard]] const std::vector<Life>& lives() const noexcept { return lives_; }

  /// Returns: what is wrong, at most `violations_max` lines; empty: nothing.
  [[nodiscard]] std::vector<std::string> check(const FinalLog& log) const;
  static constexpr std::size_t violations_max = 20;

 private:
  void end(std::size_t attempt, Instant at, Outcome outcome) {
    attempts_[attempt].completed = at;
    attempts_[attempt].outcome = outcome;
  }

  std::vector<Attempt> attempts_;
  std::vector<Opening> openings_;
  std::vector<Life> lives_;
};

/// The sequence an order id begins with; 0: it is none.
[[nodiscard]] Sequence sequence_of(std::string_view order_id) noexcept;

}  // namespace fluxgate::testing

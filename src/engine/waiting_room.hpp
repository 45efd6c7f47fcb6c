#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "admission/admission_pace.hpp"
#include "admission/line.hpp"
#include "admission/rate_limiter.hpp"
#include "admission/signed_tokens.hpp"
#include "base/hash.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/operation.hpp"
#include "fluxgate/stats.hpp"
#include "inventory/inventory.hpp"
#include "orderlog/block.hpp"

namespace fluxgate::engine {

/// Joins the line and the stock: who waits, who is let in, and what passes are good for.
///
/// The committer asks it for the records of each block (gather, plan) and tells it when they are
/// durable (settle): only then does anybody see them. Where a rate is set, people are let in at its
/// pace, first come first served, past those who are absent and those whose product is sold out.
///
/// Threads:  look(), holder(), check_pass(), try_use(), give_back(), blocks() and add_stats() from
///           any thread; the rest from the committing one, but wake-ups. One mutex guards the line:
///           it is held about 100 ns for a look, 100 us for a sweep and 200 us for 4,096 people who
///           are passed over; a new round of a product looks at everybody in line, 5 ms at a
///           million.
/// Memory:   blocks_ and is_paused_ are relaxed: an order that reads one a moment late is decided
///           as if it had come that moment earlier.
/// Lifetime: its parts outlive it.
class WaitingRoom {
 public:
  struct Parts {
    inventory::Inventory& inventory;
    admission::RateLimiter& limiter;
    const Clock& clock;
    base::HashKey secret;  ///< of in-memory hashes
  };

  /// The line and its keys, as recovery found them.
  struct Contents {
    std::unique_ptr<admission::Line> line;
    std::unique_ptr<admission::TokenSigner> signer;
    /// Passes issued in the second before the last, in which the log ended.
    std::uint64_t admitted_lately = 0;
  };

  /// What an operator may change.
  struct Rules {
    std::uint64_t rate = 0;  ///< of admissions per second; 0: everybody at once
    bool is_closed = false;  ///< nobody joins
    bool is_paused = false;  ///< nobody is let in
  };

  WaitingRoom(const Parts& parts, Contents contents, const Rules& rules);

  /// The hash by which the line knows a person.
  [[nodiscard]] static std::uint64_t person(base::HashKey secret, std::string_view product_id,
                                            std::string_view user_id) noexcept;

  // ---- Any thread ---------------------------------------------------------------------------

  struct Look {
    Place place;
    bool needs_step = false;  ///< somebody came back whom the committer may let in now
  };
  /// Counts as presence. None: this room did not sign the ticket.
  ///
  /// Checking a signature takes half a microsecond, so a place keeps a hash of the text whose was
  /// good, by a key nobody knows: who comes again with it is let through by the hash.
  [[nodiscard]] std::optional<Look> look(std::string_view ticket);
  [[nodiscard]] std::optional<TicketHolder> holder(std::string_view ticket) const;

  /// True if somebody present waits for units that are left: others wait behind him.
  [[nodiscard]] bool blocks() const noexcept { return blocks_.load(std::memory_order_relaxed); }

  /// True if the sale is paused: everybody waits.
  [[nodiscard]] bool is_paused() const noexcept {
    return is_paused_.load(std::memory_order_relaxed);
  }

  struct PassCheck {
    OrderStatus status = OrderStatus::invalid_pass;  ///< accepted: it is good
    std::uint64_t number = 0;
  };
  [[nodiscard]] PassCheck check_pass(const OrderRequest& request,
                                     const inventory::Product& product) const;
  /// Uses the pass up, until give_back(). Or: used_pass, somebody else did; expired_pass.
  [[nodiscard]] OrderStatus try_use(std::uint64_t pass);
  void give_back(std::uint64_t pass);

  void add_stats(EngineStats& stats) const;

  // ---- The committing thread ----------------------------------------------------------------

  /// Decides a join and adds its record; without space only for those who have a place. Throws
  /// std::bad_alloc.
  void gather(JoinOperation& join, orderlog::BlockBuilder& block, bool has_space);
  /// Adds the records of those who are let in now, and of places nobody came back for.
  void plan(orderlog::BlockBuilder& block);
  /// A gathered join is durable. Throws std::bad_alloc.
  void settle(JoinOperation& join);
  /// So is what was planned, at that time (utc).
  void settle_plan(std::chrono::milliseconds accepted_at);
  /// From now on these rules.
  void apply(const Rules& rules);
  /// Signs with this key from now on.
  void add_key(std::string_view key);
  [[nodiscard]] std::uint8_t newest_key() const noexcept { return signer_->newest(); }
  /// Opens a product's next round. Whoever waits for it stands before all who see the new units.
  void open_round(inventory::Product& product, const inventory::RoundSpec& spec);
  /// When plan() next has something to do (Clock::monotonic); none: nobody is in line.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> next_due();

 private:
  struct Moment {
    std::chrono::nanoseconds now;
    std::chrono::milliseconds utc;
  };
  [[nodiscard]] Moment moment() const noexcept {
    return {parts_.clock.monotonic(), parts_.clock.utc()};
  }
  struct Known {
    admission::Ticket ticket;
    const inventory::Product& product;
    std::uint64_t person;
  };
  [[nodiscard]] std::optional<Known> read(std::string_view ticket) const;
  [[nodiscard]] std::uint64_t hash_of_text(std::string_view ticket) const noexcept;
  // Of a ticket that was looked at before, and whose holder waits. None: look() must read it.
  [[nodiscard]] std::optional<Look> look_again(std::string_view ticket, std::uint64_t hash,
                                               const Moment& at);
  // Signing takes longer than all else, so a pass is signed when the mutex is free again.
  struct Described {
    Place place;
    std::optional<std::chrono::milliseconds> pass_until;  // utc; there is one to be signed
    bool needs_step = false;
    bool is_his = true;  // the place is the ticket's holder's
  };
  [[nodiscard]] Place complete(Described described, const admission::Ticket& ticket) const;
  // These want mutex_ to be held.
  [[nodiscard]] Described describe(const Known& known, const Moment& at);
  [[nodiscard]] Described describe(const admission::Line::Standing& standing,
                                   admission::TicketNumber number,
                                   const inventory::Product& product, const Moment& at);
  [[nodiscard]] std::chrono::milliseconds wait_of(std::uint64_t present_ahead) const noexcept;
  void call(admission::TicketNumber ticket, orderlog::BlockBuilder& block);
  void call_due(orderlog::BlockBuilder& block, std::chrono::nanoseconds now);
  void sweep(orderlog::BlockBuilder& block, const Moment& at);
  void note_blocking(std::chrono::nanoseconds now);

  Parts parts_;
  std::unique_ptr<admission::TokenSigner> signer_;
  std::atomic<bool> blocks_{false};  // written under mutex_
  std::atomic<bool> is_paused_;      // likewise

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  std::unique_ptr<admission::Line> line_;
  Rules rules_;
  admission::AdmissionPace pace_;
  std::chrono::nanoseconds next_sweep_{0};
  bool is_next_known_ = true;  // as Line::Next
  // Planned, and not yet durable.
  std::vector<admission::TicketNumber> called_;
  std::vector<admission::TicketNumber> lost_;
  std::uint64_t admitted_total_ = 0;
};

}  // namespace fluxgate::engine

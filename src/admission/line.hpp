#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "admission/person_index.hpp"
#include "admission/place_set.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::admission {

/// Number of a ticket, and of the pass it becomes: 1, 2, 3, ... as people join. Never used again.
using TicketNumber = std::uint64_t;

/// The people who wait to be let in, first come first served, over all products.
///
///     reserved → waiting → calling → admitted → used
///                   └────→ leaving → gone           (an admitted place is gone after its pass)
///
/// Reserved, calling and leaving are waiting for their record to be durable; only then does what
/// others see change. So `ahead` never grows, across restarts either.
///
/// Somebody is present until a time that every look at his place moves on; later he is absent: he
/// is skipped, and keeps his place for `kept_absent` more. Places of products that are sold out are
/// skipped and kept for the next round: for `kept_sold_out` after their last look, or, while more
/// than `crowded_places` take memory, no longer than others. Else the line would fill up with
/// people whom nobody will ever call.
///
/// A look costs about 100 ns, a call 150, both however long the line is. Memory: 32 bytes a place,
/// 11 to 22 for its person's index entry and 0.3 for the sets: at most 55.
///
/// Threads: one at a time (engine/waiting_room has the lock). Time comes with each call: `now` is
///          monotonic, `utc` the wall clock's, which passes are dated with.
/// Errors:  reserve(), enter(), touch(), reopen() and the restore functions may throw
///          std::bad_alloc; a place is then at worst not called until it is looked at again.
class Line {
 public:
  static constexpr std::chrono::seconds kept_absent{300};
  static constexpr std::chrono::hours kept_sold_out{24};
  static constexpr std::chrono::seconds pass_life{300};

  enum class State : std::uint8_t {
    gone,
    reserved,
    waiting,
    calling,
    leaving,
    admitted,
    used,
  };

  /// One place as its ticket's holder sees it.
  struct Standing {
    State state = State::gone;
    bool is_in_line = false;
    std::uint64_t ahead = 0;          ///< kept places before it; while it is in line
    std::uint64_t present_ahead = 0;  ///< those of them that will be called
    std::uint64_t person = 0;
    std::uint64_t product = 0;
    std::uint64_t text_hash = 0;               ///< as remember_text() was told; 0: it was not
    std::chrono::milliseconds admitted_at{0};  ///< utc
  };

  /// `is_open`: whether a product has units left.
  explicit Line(std::function<bool(std::uint64_t product)> is_open,
                std::size_t crowded_places = line_places_max / 2);

  // ---- Joining ------------------------------------------------------------------------------

  /// The ticket somebody holds already: in line, or with a pass that can still be used.
  /// `person` is a keyed hash of product and user.
  [[nodiscard]] std::optional<TicketNumber> find(std::uint64_t person,
                                                 std::chrono::milliseconds utc) const;
  /// The next number, for somebody who has none.
  [[nodiscard]] TicketNumber reserve(std::uint64_t person, std::uint64_t product);
  /// It is durable: the place is in line, behind all others; unless it was called at once.
  void enter(TicketNumber ticket, std::chrono::nanoseconds present_until);

  // ---- Looking ------------------------------------------------------------------------------

  [[nodiscard]] Standing standing(TicketNumber ticket) const;
  /// Its holder was here, and will be thought present until then. True if he was absent and can be
  /// called now.
  bool touch(TicketNumber ticket, std::chrono::nanoseconds until);

  /// Keeps a hash of the ticket's text with its place, if that is in line or has a pass.
  void remember_text(TicketNumber ticket, std::uint64_t hash) noexcept;

  // ---- Calling and leaving ------------------------------------------------------------------

  struct Next {
    std::optional<TicketNumber> ticket;
    bool is_known = true;  ///< false: so many were passed over that there may be one all the same
  };
  /// Whom to call next: the first who is present and whose product has units left. Passes over
  /// 4,096 others at most, which takes 200 us: of a product that sells out a million may wait.
  [[nodiscard]] Next next(std::chrono::nanoseconds now);
  /// It will be admitted once that is durable.
  void call(TicketNumber ticket);
  void admit(TicketNumber ticket, std::chrono::milliseconds utc);

  /// Looks at `count` places, from where the last look ended, and forgets passes that are over;
  /// chunks of places that are all gone count as one. Those in line whose holders stayed away too
  /// long are appended to `lost`: leave() ends them, once that is durable.
  void sweep(std::chrono::nanoseconds now, std::chrono::milliseconds utc, std::size_t count,
             std::vector<TicketNumber>& lost);
  void leave(TicketNumber ticket);

  /// A product has a new round: its places count again, those of absent people from now. Looks at
  /// every place, 5 ns each.
  void reopen(std::uint64_t product, std::chrono::nanoseconds now);

  // ---- Passes -------------------------------------------------------------------------------

  /// Uses a pass up if it is there to be used. Returns: what it was.
  [[nodiscard]] State try_use(TicketNumber ticket);
  /// The order that used it was refused after all.
  void give_back(TicketNumber ticket);

  // ---- After a restart ----------------------------------------------------------------------

  /// The log's records, in order. False: the record contradicts an earlier one.
  [[nodiscard]] bool restore(TicketNumber ticket, std::uint64_t person, std::uint64_t product);
  /// `now`: utc, so that passes that are over take no memory.
  [[nodiscard]] bool restore_admitted(TicketNumber ticket, std::chrono::milliseconds utc,
                                      std::chrono::milliseconds now);
  [[nodiscard]] bool restore_left(TicketNumber ticket);
  /// An order of that pass. A pass that is forgotten needs none; false: there was never such a one.
  [[nodiscard]] bool restore_used(TicketNumber ticket);
  /// Everybody in line is present from now on, until `until(ahead)` says.
  void finish_restore(const std::function<std::chrono::nanoseconds(std::uint64_t ahead)>& until);

  // ---- Counts -------------------------------------------------------------------------------

  [[nodiscard]] std::uint64_t waiting() const noexcept { return kept_.size(); }
  [[nodiscard]] TicketNumber last() const noexcept { return next_ - 1; }
  [[nodiscard]] std::size_t places() const noexcept { return places_; }  ///< that take memory
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Place {
    std::uint64_t person = 0;
    std::uint64_t text_hash = 0;
    std::uint64_t admitted_at : 56 = 0;  // milliseconds, utc
    std::uint64_t state : 8 = 0;
    std::uint32_t product = 0;
    std::uint32_t present_until = 0;  // tenths of a second, rounded up
  };
  static_assert(sizeof(Place) == 32);

  static constexpr std::size_t chunk_places = 512;
  struct Chunk {
    std::array<Place, chunk_places> places;
    std::size_t live = 0;
  };

  [[nodiscard]] Place* find_place(TicketNumber ticket) noexcept;
  [[nodiscard]] const Place* find_place(TicketNumber ticket) const noexcept;
  /// Null if it is in another state.
  [[nodiscard]] Place* find_in(TicketNumber ticket, State state) noexcept;
  [[nodiscard]] static State state_of(const Place& place) noexcept {
    return static_cast<State>(place.state);
  }
  static void set_state(Place& place, State state) noexcept {
    place.state = static_cast<std::uint8_t>(state);
  }
  [[nodiscard]] auto tag_of() const noexcept {
    return [this](TicketNumber ticket) { return find_place(ticket)->person; };
  }
  void forget(TicketNumber ticket, Place& place) noexcept;
  [[nodiscard]] bool is_over(const Place& place, std::chrono::milliseconds utc) const noexcept;

  /// The first place from `ticket` on that is not in a chunk of gone ones; next_ at the end.
  [[nodiscard]] TicketNumber skip_gone(TicketNumber ticket) const noexcept;
  [[nodiscard]] std::chrono::seconds kept_for(const Place& place) const;

  std::function<bool(std::uint64_t)> is_open_;
  const std::size_t crowded_places_;
  std::deque<std::unique_ptr<Chunk>> chunks_;  // null: all its places are gone
  std::uint64_t first_chunk_ = 0;              // number of chunks_[0]
  TicketNumber next_ = 1;
  std::size_t places_ = 0;
  PersonIndex index_;
  PlaceSet kept_;   // waiting, calling, leaving
  PlaceSet ready_;  // waiting, and when last looked at: present, and its product had units left
  TicketNumber swept_ = 0;
};

}  // namespace fluxgate::admission

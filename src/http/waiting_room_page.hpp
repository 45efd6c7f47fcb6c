#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/result.hpp"
#include "http/room_texts.hpp"

namespace fluxgate::http {

/// What the page of the waiting room shows; each has its heading and text.
enum class RoomState : std::uint8_t {
  waiting,
  admitted,
  sold_out,  ///< for who has a place, which is kept
  expired,
  bought,   ///< an order was accepted
  busy,     ///< nobody can be let into the line now; the page tries again
  closed,   ///< the line is closed
  unknown,  ///< there is no such product
  gone,     ///< sold out before there was a place; the page tries again
};
inline constexpr std::size_t room_state_count = 9;

/// Why an order that was sent from the page did not get through.
enum class RoomNotice : std::uint8_t { none, over_limit, busy, pass };

/// Path and query of a product's page.
[[nodiscard]] std::string room_link(std::string_view product_id);

/// One person's place, as the page shows it. Texts may hold anything: they are escaped.
struct RoomView {
  RoomState state = RoomState::waiting;
  RoomNotice notice = RoomNotice::none;
  std::string_view product_id = {};
  std::string_view user_id = {};   ///< who joins again
  std::string_view ticket = {};    ///< empty: no place
  std::string_view pass = {};      ///< of who is admitted
  std::string_view order_id = {};  ///< of who has bought
  std::uint64_t position = 0;
  std::uint64_t ahead = 0;
  std::uint64_t from = 0;  ///< how many were ahead at first, for the bar; at least `ahead` is taken
  std::uint64_t wait_seconds = 0;
  std::uint64_t units_left = 0;
  std::uint64_t refresh_seconds = 0;
  /// The page that a browser without script loads next names the ticket: it has no cookie.
  bool has_ticket_in_links = false;
};

/// The waiting room's page: a mustache template with the texts of each language, compiled at start
/// into pieces between which a person's values are put. Every value is escaped for HTML, whatever
/// the template says. docs/WAITING_ROOM.md has what a template may use.
///
/// Threads: made once; render() from any.
class WaitingRoomPage {
 public:
  /// What a shop may put in place of what is built in; empty: nothing.
  struct Sources {
    std::string_view html_template = {};  ///< mustache
    std::string_view texts = {};          ///< JSON, see RoomTexts::make()
  };

  /// Errors: invalid_argument with one line: the template does not parse, has more than one <style>
  ///         or <script>, or attributes on them, or puts a person's value into one of them (what
  ///         may run is fixed by hash); the texts are wrong.
  [[nodiscard]] static Result<WaitingRoomPage> make(const Sources& sources);

  struct Rendered {
    std::string body;
    std::string_view headers;  ///< each with its line end
  };
  [[nodiscard]] Rendered render(std::string_view accept_language, const RoomView& view) const;

 private:
  /// The bytes before a slot, and the slot.
  struct Piece {
    std::string text;
    char slot;
  };
  /// The page in one language and state.
  struct Compiled {
    std::vector<Piece> pieces;
    std::string headers;
  };

  WaitingRoomPage() = default;
  [[nodiscard]] static Result<Compiled> compile(const std::string& html);

  RoomTexts texts_;
  std::vector<Compiled> compiled_;  ///< language by language, state by state
};

}  // namespace fluxgate::http

#include "admission/line.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using State = Line::State;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr milliseconds utc_start{1'790'000'000'000};
constexpr std::uint64_t products = 4;

// Somebody in the model: all in seconds, at which presence is exact.
struct Person {
  std::uint64_t tag = 0;
  std::uint64_t product = 0;
  State state = State::reserved;
  std::int64_t present_until = 0;
  std::int64_t admitted_at = 0;
  bool is_first_seen = true;
  std::uint64_t ahead = 0;  // when last seen
};

// One record of the log.
struct Record {
  enum class Kind : std::uint8_t { joined, admitted, left, used } kind = Kind::joined;
  TicketNumber ticket = 0;
  std::int64_t at = 0;
};

/// The line, and the same by looking at everybody. Time is virtual, in whole seconds.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {}

  void step() {
    now_ += static_cast<std::int64_t>(random_() % 4 == 0 ? random_() % 12 : 0);
    switch (random_() % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
        return join();
      case 4:
      case 5:
      case 6:
        return touch();
      case 7:
      case 8:
      case 9:
        return call();
      case 10:
      case 11:
        return admit();
      case 12:
        return use();
      case 13:
        return sweep();
      case 14:
        if (random_() % 8 == 0) turn_product();
        return;
      default:
        return leave();
    }
  }

  /// Every place's standing, and that nobody has more people ahead than before.
  void require_same() {
    std::uint64_t ahead = 0;
    for (auto& [ticket, person] : people_) {
      const Line::Standing standing = line_.standing(ticket);
      INFO("ticket " << ticket << ", now " << now_);
      REQUIRE(standing.state == person.state);
      REQUIRE(standing.is_in_line == is_kept(person));
      if (person.state == State::gone) continue;
      REQUIRE(standing.person == person.tag);
      if (!is_kept(person)) continue;
      REQUIRE(standing.ahead == ahead);
      REQUIRE(standing.present_ahead <= standing.ahead);
      REQUIRE((person.is_first_seen || standing.ahead <= person.ahead));
      person.is_first_seen = false;
      person.ahead = ahead++;
    }
    REQUIRE(line_.waiting() == ahead);
    for (std::uint64_t tag = 1; tag <= last_tag_; ++tag) {
      REQUIRE(line_.find(tag, utc()) == expected_ticket(tag));
    }
  }

  /// The log read into another line: everybody stands where he stood. Those called or leaving
  /// without a record yet are waiting again.
  void require_restored() {
    Line again([](std::uint64_t) { return true; });
    for (const Record& record : log_) {
      INFO("ticket " << record.ticket);
      REQUIRE(replay(again, record));
    }
    again.finish_restore([](std::uint64_t) { return seconds(1'000'000); });
    REQUIRE(again.waiting() == line_.waiting());
    REQUIRE(again.last() == line_.last());
    for (const auto& [ticket, person] : people_) {
      const Line::Standing standing = again.standing(ticket);
      INFO("ticket " << ticket);
      if (is_kept(person)) {
        REQUIRE(standing.state == State::waiting);
        REQUIRE(standing.ahead == line_.standing(ticket).ahead);
      } else if (person.state != State::gone && !is_over(person)) {
        REQUIRE(standing.state == person.state);
        REQUIRE(standing.admitted_at == line_.standing(ticket).admitted_at);
      } else {
        REQUIRE(standing.state == State::gone);
      }
    }
  }

  [[nodiscard]] std::size_t calls() const { return calls_; }
  [[nodiscard]] std::size_t lost() const { return lost_; }

 private:
  [[nodiscard]] milliseconds utc() const { return utc_start + seconds(now_); }
  [[nodiscard]] bool is_open(std::uint64_t product) const { return !closed_.contains(product); }
  [[nodiscard]] static bool is_kept(const Person& person) {
    return person.state == State::waiting || person.state == State::calling ||
           person.state == State::leaving;
  }
  [[nodiscard]] bool is_over(const Person& person) const {
    return person.admitted_at + Line::pass_life.count() <= now_;
  }
  [[nodiscard]] bool is_ready(const Person& person) const {
    return person.state == State::waiting && person.present_until >= now_ &&
           is_open(person.product);
  }

  [[nodiscard]] std::optional<TicketNumber> expected_ticket(std::uint64_t tag) const {
    std::optional<TicketNumber> found;
    for (const auto& [ticket, person] : people_) {
      if (person.tag != tag) continue;
      const bool is_held = person.state == State::waiting || person.state == State::calling ||
                           (person.state == State::admitted && !is_over(person));
      if (is_held) found = ticket;
    }
    return found;
  }

  // A ticket in this state; 0: there is none.
  [[nodiscard]] TicketNumber any_in(State state) {
    std::vector<TicketNumber> found;
    for (const auto& [ticket, person] : people_) {
      if (person.state == state) found.push_back(ticket);
    }
    return found.empty() ? 0 : found[random_() % found.size()];
  }

  std::int64_t until() { return now_ + static_cast<std::int64_t>(random_() % 60); }

  void join() {
    // Now and then somebody who was here before, and holds no ticket any more.
    std::uint64_t tag = last_tag_ + 1;
    if (last_tag_ != 0 && random_() % 4 == 0) tag = random_() % last_tag_ + 1;
    if (expected_ticket(tag)) return;
    last_tag_ = std::max(last_tag_, tag);
    Person person{.tag = tag, .product = random_() % products, .present_until = until()};
    const TicketNumber ticket = line_.reserve(tag, person.product);
    REQUIRE(ticket == people_.size() + 1);
    REQUIRE(line_.standing(ticket).state == State::reserved);
    line_.enter(ticket, seconds(person.present_until));
    person.state = State::waiting;
    people_[ticket] = person;
    log_.push_back({Record::Kind::joined, ticket, now_});
  }

  void touch() {
    const TicketNumber ticket = any_in(State::waiting);
    if (ticket == 0) return;
    Person& person = people_[ticket];
    const bool was_ready = is_ready(person);
    const std::int64_t moved = until();
    const bool is_back = line_.touch(ticket, seconds(moved));
    person.present_until = std::max(person.present_until, moved);
    REQUIRE_FALSE((is_back && (was_ready || !is_ready(person))));
  }

  // Nobody who is present, and whose product has units, is passed over.
  void call() {
    const auto first = std::find_if(people_.begin(), people_.end(),
                                    [this](const auto& entry) { return is_ready(entry.second); });
    const auto ticket = line_.next(seconds(now_)).ticket;
    REQUIRE(ticket.has_value() == (first != people_.end()));
    if (!ticket) return;
    REQUIRE(*ticket == first->first);
    line_.call(*ticket);
    first->second.state = State::calling;
    ++calls_;
  }

  void admit() {
    const TicketNumber ticket = any_in(State::calling);
    if (ticket == 0) return;
    line_.admit(ticket, utc());
    people_[ticket].state = State::admitted;
    people_[ticket].admitted_at = now_;
    log_.push_back({Record::Kind::admitted, ticket, now_});
  }

  void use() {
    if (people_.empty()) return;
    const TicketNumber ticket = random_() % people_.size() + 1;
    Person& person = people_[ticket];
    const bool is_used = line_.try_use(ticket) == Line::State::admitted;
    REQUIRE(is_used == (person.state == State::admitted));
    REQUIRE(line_.try_use(ticket) != Line::State::admitted);
    if (!is_used) return;
    if (random_() % 3 == 0) {
      line_.give_back(ticket);
      return;
    }
    person.state = State::used;
    log_.push_back({Record::Kind::used, ticket, now_});
  }

  void sweep() {
    std::vector<TicketNumber> lost;
    line_.sweep(seconds(now_), utc(), people_.size() + 2, lost);
    line_.sweep(seconds(now_), utc(), people_.size() + 2, lost);
    std::vector<TicketNumber> expected;
    for (auto& [ticket, person] : people_) {
      const bool is_away = person.present_until + Line::kept_absent.count() < now_;
      if (person.state == State::waiting && is_open(person.product) && is_away) {
        person.state = State::leaving;
        expected.push_back(ticket);
      }
      const bool has_pass = person.state == State::admitted || person.state == State::used;
      if (has_pass && is_over(person)) person.state = State::gone;
    }
    std::sort(lost.begin(), lost.end());
    REQUIRE(lost == expected);
    lost_ += lost.size();
  }

  void leave() {
    const TicketNumber ticket = any_in(State::leaving);
    if (ticket == 0) return;
    line_.leave(ticket);
    people_[ticket].state = State::gone;
    log_.push_back({Record::Kind::left, ticket, now_});
  }

  // Sold out, or a new round.
  void turn_product() {
    const std::uint64_t product = random_() % products;
    if (is_open(product)) {
      closed_.insert(product);
      return;
    }
    closed_.erase(product);
    line_.reopen(product, seconds(now_));
    for (auto& [ticket, person] : people_) {
      if (person.state != State::waiting || person.product != product) continue;
      // Absent as of a tenth of a second ago: in whole seconds, of the one before.
      person.present_until = std::max(person.present_until, now_ - 1);
    }
  }

  [[nodiscard]] bool replay(Line& again, const Record& record) const {
    const Person& person = people_.at(record.ticket);
    switch (record.kind) {
      case Record::Kind::joined:
        return again.restore(record.ticket, person.tag, person.product);
      case Record::Kind::admitted:
        return again.restore_admitted(record.ticket, utc_start + seconds(record.at), utc());
      case Record::Kind::left:
        return again.restore_left(record.ticket);
      case Record::Kind::used:
        return again.restore_used(record.ticket);
    }
    return false;
  }

  std::mt19937_64 random_;
  std::int64_t now_ = 1;
  std::set<std::uint64_t> closed_;
  Line line_{[this](std::uint64_t product) { return is_open(product); }};
  std::map<TicketNumber, Person> people_;
  std::vector<Record> log_;
  std::uint64_t last_tag_ = 0;
  std::size_t calls_ = 0;
  std::size_t lost_ = 0;
};

}  // namespace

TEST_CASE("Line: random joins, looks, calls, ends and restarts → as a simple model says",
          "[admission][property]") {
  const std::uint64_t seed = testing::make_seed("Line model");
  std::size_t calls = 0;
  std::size_t lost = 0;
  for (std::uint64_t run = 0; run < 6; ++run) {
    Model model(seed + run);
    for (int step = 0; step < 6'000; ++step) {
      model.step();
      if (step % 50 == 0) model.require_same();
      if (step % 1'500 == 0) model.require_restored();
    }
    model.require_same();
    model.require_restored();
    calls += model.calls();
    lost += model.lost();
  }
  REQUIRE(calls > 100);
  REQUIRE(lost > 10);
}

}  // namespace fluxgate::admission

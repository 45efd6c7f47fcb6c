// A day of a million people, in virtual time: they come all day and once all at once; they wait,
// leave, stay away and come back, buy or let their turn lapse; products sell out and get a new
// round; and in the worst hour the process starts again. Every admission is checked when it is
// written: nobody who kept asking when he was told to is passed over, and no second has more than
// the rate.

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/waiting_room_fixture.hpp"
#include "orderlog/block.hpp"
#include "orderlog/record.hpp"
#include "support/seed.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

namespace {

using std::chrono::nanoseconds;
using Ticket = std::uint64_t;

// Instrumented or unoptimized code is up to twenty times as slow; the day is shorter for fewer
// people.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
constexpr std::size_t people = 20'000;
#else
constexpr std::size_t people = 1'000'000;
#endif
constexpr std::size_t rush_people = people / 10;
constexpr std::uint64_t rate = 60;
// 11.6 people a second but for the rush, 1,667: at a million it is over within half an hour.
constexpr nanoseconds day = people * 86'400us;
constexpr nanoseconds rush_at = day / 2;
constexpr nanoseconds rush = people * 60us;

/// Tells of each ticket that leaves the line, when it is written.
class WatchedStorage final : public LogStorage {
 public:
  std::function<void(Ticket)> on_admitted;
  std::function<void(Ticket)> on_left;

  Result<LogPosition> mark() override { return inner_.mark(); }
  Result<void> start_writing(const LogPosition& tail) override {
    return inner_.start_writing(tail);
  }
  Result<void> append(const BlockKey& key, std::string_view block, bool sync) override {
    const auto view = orderlog::open_block(key, block);
    REQUIRE(view.has_value());
    orderlog::RecordReader reader(view->records);
    while (reader.next()) {
      if (reader.type() != orderlog::RecordType::admission) continue;
      const bool is_admitted = reader.admission().exit == orderlog::LineExit::admitted;
      (is_admitted ? on_admitted : on_left)(reader.admission().ticket);
    }
    REQUIRE(reader.status().has_value());
    return inner_.append(key, block, sync);
  }
  Result<void> set_mark(const LogPosition& position) override { return inner_.set_mark(position); }
  Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override {
    return inner_.scan(from);
  }

 private:
  orderlog::MemoryStorage inner_;
};

class Day {
 public:
  explicit Day(std::uint64_t seed) : random_(seed) {
    storage_.on_admitted = [this](Ticket ticket) { admitted(ticket); };
    storage_.on_left = [this](Ticket ticket) { left(ticket); };
    life_.options.storage = &storage_;
    life_.options.rate_limit = rate;
    life_.options.idempotency_ttl = 0s;
    engine_ = &life_.open();
    for (std::size_t i = 0; i < products_.size(); ++i) open_round(i);
  }

  void run() {
    for (std::size_t i = 0; i < people; ++i) {
      const bool is_of_rush = i < rush_people;
      const nanoseconds at = is_of_rush ? rush_at + between(0s, rush) : between(0s, day);
      events_.push({began_ + at, Event::Kind::arrive, static_cast<std::uint32_t>(i)});
    }
    events_.push({began_ + rush_at + rush * 3 / 2, Event::Kind::restart, 0});
    events_.push({began_ + rush_at + 5min, Event::Kind::new_round, 0});
    for (nanoseconds at = 10s; at < day; at += 10s) {
      events_.push({began_ + at, Event::Kind::count, 0});
    }
    people_.resize(people);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      run_until(event.at);
      handle(event);
    }
  }

  void check_books() {
    Units sold = 0;
    for (const Product& product : products_) {
      const auto snapshot = engine_->product(product.id);
      REQUIRE(snapshot.has_value());
      CHECK(snapshot->accepted == product.accepted);
      CHECK(snapshot->pending == 0);
      CHECK(snapshot->stock + snapshot->accepted == product.quantity);
      sold += product.accepted_in_all;
    }
    CHECK(engine_->stats().orders_total == sold);
    // The day had everything in it.
    CHECK(engine_->stats().tickets_total > people / 2);
    CHECK(bought_ > people / 4);
    CHECK(bought_without_pass_ > 0);
    CHECK(told_to_wait_ > 0);
    CHECK(sold_out_ > 0);
    CHECK(came_back_ > 0);
    CHECK(left_ > 0);
    if (people == 1'000'000) CHECK(full_windows_ > 50);
    std::printf("day: %llu polls, %llu bought, %llu left, %llu times 10 s at the full rate\n",
                static_cast<unsigned long long>(polls_), static_cast<unsigned long long>(bought_),
                static_cast<unsigned long long>(left_),
                static_cast<unsigned long long>(full_windows_));
  }

 private:
  struct Event {
    enum class Kind : std::uint8_t { arrive, look, buy, restart, new_round, count };
    nanoseconds at;
    Kind kind;
    std::uint32_t person;
    // The earliest first; of one time in the order of people, so that a seed is one day.
    friend bool operator<(const Event& a, const Event& b) {
      return std::tie(b.at, b.person, b.kind) < std::tie(a.at, a.person, a.kind);
    }
  };

  struct Person {
    std::string ticket;
    std::string pass;
    Ticket number = 0;
    std::uint64_t ahead = 0;
    std::uint32_t product = 0;
    bool has_been_away = false;
  };

  struct Product {
    std::string id;
    Units quantity = 0;  // of the present round
    Units accepted = 0;
    Units accepted_in_all = 0;
    std::set<Ticket> punctual = {};  // wait for it, and ask when they are told to
    [[nodiscard]] bool is_open() const { return accepted < quantity; }
  };

  // ---- Time -------------------------------------------------------------------------------

  nanoseconds between(nanoseconds first, nanoseconds last) {
    const auto span = static_cast<std::uint64_t>((last - first).count());
    return first + nanoseconds(static_cast<std::int64_t>(random_() % span));
  }
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  [[nodiscard]] nanoseconds now() const { return life_.clock.monotonic(); }

  // As the commit thread does.
  void run_until(nanoseconds end) {
    for (int idle = 0; idle < 1'000;) {
      const auto due = engine_->next_step();
      if (!due || *due > end) {
        life_.clock.advance(end - now());
        return;
      }
      if (*due > now()) {
        life_.clock.advance(*due - now());
        idle = 0;
      }
      ++idle;
      (void)engine_->step();
    }
    FAIL("a step is due for ever");
  }

  // ---- What happens -----------------------------------------------------------------------

  void handle(const Event& event) {
    switch (event.kind) {
      case Event::Kind::arrive:
        return arrive(event.person);
      case Event::Kind::look:
        return look(event.person);
      case Event::Kind::buy:
        return buy_with_pass(event.person);
      case Event::Kind::restart:
        engine_ = &life_.open();
        // The second before it counts in the one behind it.
        restarted_at_ = now();
        return;
      case Event::Kind::new_round:
        return open_round(1);
      case Event::Kind::count:
        return count();
    }
  }

  void open_round(std::size_t number) {
    Product& product = products_[number];
    REQUIRE(engine_->init({.product_id = product.id, .quantity = product.quantity}).status ==
            InitStatus::ok);
    product.accepted = 0;
  }

  std::string name(std::uint32_t person) const { return "u" + std::to_string(person); }

  void accept(Product& product) {
    ++product.accepted;
    ++product.accepted_in_all;
    ++bought_;
  }

  void arrive(std::uint32_t number) {
    Person& person = people_[number];
    const std::uint64_t choice = random_() % 10;
    person.product = choice < 5 ? 0 : choice < 7 ? 1 : 2;
    Product& product = products_[person.product];
    if (chance(10)) {
      const bool others_wait =
          std::any_of(products_.begin(), products_.end(),
                      [](const Product& one) { return one.is_open() && !one.punctual.empty(); });
      const OrderResult result = buy(*engine_, name(number), "k", 1, product.id);
      if (result.status == OrderStatus::accepted) {
        if (others_wait) FAIL_CHECK("an order without a pass overtook the line");
        ++bought_without_pass_;
        return accept(product);
      }
      const bool is_open = product.is_open();
      CHECK(result.status == (is_open ? OrderStatus::waiting : OrderStatus::sold_out));
      told_to_wait_ += is_open ? 1 : 0;
    }
    const JoinResult joined = engine_->join({.product_id = product.id, .user_id = name(number)});
    if (!product.is_open()) {
      CHECK(joined.status == JoinStatus::sold_out);
      return;
    }
    REQUIRE(joined.status == JoinStatus::joined);
    person.ticket = joined.ticket;
    person.number = engine_->stats().tickets_total;
    person.ahead = joined.place.ahead;
    // Without a line it may be his turn by now.
    if (joined.place.state == PlaceState::waiting && !is_admitted(person)) {
      product.punctual.insert(person.number);
    }
    events_.push({now() + joined.place.refresh, Event::Kind::look, number});
  }

  [[nodiscard]] bool is_admitted(const Person& person) const {
    return person.number < is_out_.size() && is_out_[person.number];
  }

  void look(std::uint32_t number) {
    Person& person = people_[number];
    Product& product = products_[person.product];
    ++polls_;
    const auto found = engine_->look(person.ticket);
    REQUIRE(found.has_value());
    const Place& place = *found;
    if (place.position != 0) {
      if (place.ahead > person.ahead) FAIL_CHECK("ahead grew");
      person.ahead = place.ahead;
    }
    // Nobody waits for what is gone.
    const bool is_gone = !product.is_open();
    switch (place.state) {
      case PlaceState::waiting:
        CHECK_FALSE(is_gone);
        return wait_on(number, place);
      case PlaceState::admitted:
        CHECK_FALSE(is_gone);
        person.pass = place.pass;
        if (chance(80)) events_.push({now() + between(1s, 30s), Event::Kind::buy, number});
        return;
      case PlaceState::sold_out:
        CHECK(is_gone);
        ++sold_out_;
        return wait_on(number, place);
      case PlaceState::expired:
        // His turn came and went, or he was away for too long; else he lost his place.
        if (!is_admitted(person)) CHECK(person.has_been_away);
        return;
    }
  }

  // Asks again when he was told to; or stays away for a while; or leaves.
  void wait_on(std::uint32_t number, const Place& place) {
    Person& person = people_[number];
    std::set<Ticket>& punctual = products_[person.product].punctual;
    const bool is_back = person.has_been_away;
    const std::uint64_t mood = random_() % 1'000;
    const bool gives_up = place.state == PlaceState::sold_out ? mood < 200 : mood < 5;
    if (gives_up) {
      punctual.erase(person.number);
      person.has_been_away = true;
      return;
    }
    if (mood > 980) {
      punctual.erase(person.number);
      person.has_been_away = true;
      events_.push({now() + between(20s, 350s), Event::Kind::look, number});
      return;
    }
    came_back_ += is_back ? 1 : 0;
    if (place.position != 0 && !is_admitted(person)) punctual.insert(person.number);
    events_.push({now() + place.refresh, Event::Kind::look, number});
  }

  void buy_with_pass(std::uint32_t number) {
    const Person& person = people_[number];
    Product& product = products_[person.product];
    const OrderResult result = engine_->order(
        {.product_id = product.id, .user_id = name(number), .key = "k", .pass = person.pass});
    if (!product.is_open()) {
      CHECK(result.status == OrderStatus::sold_out);
      return;
    }
    if (result.status == OrderStatus::accepted) return accept(product);
    // Who had been away came back to a pass that was nearly over.
    CHECK(result.status == OrderStatus::expired_pass);
    CHECK(person.has_been_away);
  }

  // ---- What is written --------------------------------------------------------------------

  void admitted(Ticket ticket) {
    for (const Product& product : products_) {
      if (!product.is_open() || product.punctual.empty()) continue;
      if (*product.punctual.begin() < ticket) {
        FAIL_CHECK("ticket " << *product.punctual.begin() << " was there, and " << ticket
                             << " was called");
      }
    }
    is_gone_from_line(ticket);
    ++admissions_;
    // At most the rate in every second.
    while (!recent_.empty() && recent_.front() + 1s <= now()) recent_.pop_front();
    recent_.push_back(now());
    if (recent_.size() > rate) FAIL_CHECK(recent_.size() << " admissions in one second");
  }

  void left(Ticket ticket) {
    for (const Product& product : products_) {
      if (product.punctual.contains(ticket)) FAIL_CHECK("ticket " << ticket << " lost its place");
    }
    is_gone_from_line(ticket);
    ++left_;
  }

  void is_gone_from_line(Ticket ticket) {
    if (is_out_.size() <= ticket) is_out_.resize(std::max<std::size_t>(2 * ticket, 1'024));
    is_out_[ticket] = true;
    for (Product& product : products_) product.punctual.erase(ticket);
  }

  // Every 10 s: if there were enough people all the time, nothing of the rate was lost.
  void count() {
    std::size_t waiting = 0;
    for (const Product& product : products_) {
      waiting += product.is_open() ? product.punctual.size() : 0;
    }
    const bool is_busy = waiting > 12 * rate;
    if (is_busy && was_busy_ && now() - restarted_at_ > 10s) {
      ++full_windows_;
      CHECK(admissions_ - last_count_ >= 10 * rate - rate / 5);
    }
    was_busy_ = is_busy;
    last_count_ = admissions_;
  }

  std::mt19937_64 random_;
  WatchedStorage storage_;
  Life life_;
  Engine* engine_ = nullptr;
  const nanoseconds began_ = life_.clock.monotonic();
  // One for everybody, one that is gone at once and gets a second round, one for some.
  std::array<Product, 3> products_{{{.id = "plenty", .quantity = people},
                                    {.id = "rare", .quantity = people / 50},
                                    {.id = "some", .quantity = people / 6}}};
  std::priority_queue<Event> events_;
  std::vector<Person> people_;
  std::vector<bool> is_out_;        // by ticket: admitted, or lost
  std::deque<nanoseconds> recent_;  // admissions of the last second
  std::uint64_t admissions_ = 0;
  std::uint64_t last_count_ = 0;
  bool was_busy_ = false;
  nanoseconds restarted_at_{0};

  std::uint64_t polls_ = 0;
  std::uint64_t bought_ = 0;
  std::uint64_t bought_without_pass_ = 0;
  std::uint64_t told_to_wait_ = 0;
  std::uint64_t sold_out_ = 0;
  std::uint64_t came_back_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t full_windows_ = 0;
};

}  // namespace

TEST_CASE("WaitingRoom: a day of a million people → in order, at the rate, none passed over",
          "[engine][random]") {
  const std::uint64_t seed = make_seed("a day in the waiting room");
  INFO("FLUXGATE_SEED=" << seed);
  Day day_of_sale(seed);
  day_of_sale.run();
  day_of_sale.check_books();
}

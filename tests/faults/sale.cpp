#include "faults/sale.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <utility>

#include "faults/figures.hpp"
#include "faults/final_log.hpp"
#include "support/crowd.hpp"

namespace fluxgate::testing {
namespace {

struct Product {
  std::string id;
  std::uint64_t quantity;
};
/// The first is sold out at once, the second after some lives, the third never.
const std::array<Product, 3> products{{{"few", 7}, {"some", 1'500}, {"many", 1'000'000'000}}};

constexpr std::size_t retry_depth = 32;
constexpr std::size_t places_max = 64;
constexpr std::uint64_t opening_units_min = 20;

/// What may be answered to a sound order; everything else is a defect.
bool is_expected(const Wish& wish, const OrderAnswer& answer) {
  if (answer.code == "used_pass") return !wish.pass.empty();
  static const std::array<std::string, 5> codes{"waiting", "draining", "storage_full",
                                                "storage_unavailable", "overloaded"};
  return answer.status == 200 || answer.status == 409 ||
         std::find(codes.begin(), codes.end(), answer.code) != codes.end();
}

}  // namespace

ServerProcessOptions faults_server(const std::filesystem::path& data_dir,
                                   std::vector<std::string> arguments) {
  return {.data_dir = data_dir,
          .arguments = std::move(arguments),
          .wrapper = {"setpriv", "--pdeathsig", "KILL"}};
}

Sale::Sale(std::uint64_t seed, SaleShape shape) : shape_(shape), random_(seed) {}

Sale::~Sale() {
  is_over_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void Sale::open(std::uint16_t port) {
  SaleClient client(port);
  for (const Product& product : products) {
    Opening opening;
    opening.product_id = product.id;
    opening.quantity = product.quantity;
    const std::size_t number = journal_.begin_opening(std::move(opening));
    journal_.end_opening(number, client.init(product.id, {.quantity = product.quantity}));
  }
}

void Sale::start(std::uint16_t port) {
  is_over_ = false;
  may_end_ = false;
  journal_.begin_life();
  for (std::size_t i = 0; i < shape_.buyers; ++i) {
    run(port, [this](auto& client, auto& random) { buy(client, random); });
  }
  for (std::size_t i = 0; i < shape_.in_line; ++i) {
    run(port, [this](auto& client, auto& random) { stand_in_line(client, random); });
  }
  if (shape_.opens_rounds) {
    run(port, [this](auto& client, auto& random) { open_rounds(client, random); });
  }
}

void Sale::run(std::uint16_t port, const Act& act) {
  threads_.emplace_back([this, port, act, seed = random_()] {
    std::mt19937_64 random(seed);
    try {
      SaleClient client(port);
      while (!is_over_) act(client, random);
    } catch (const std::runtime_error& error) {
      // The server has gone: what was in flight stays unknown.
      if (!may_end_) complain(error.what());
    }
  });
}

void Sale::end() {
  is_over_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  journal_.end_life();
  const std::lock_guard lock(mutex_);
  if (!complaints_.empty()) throw std::runtime_error("while people ordered: " + complaints_[0]);
}

void Sale::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  complaints_.push_back(what);
}

void Sale::judge(const Wish& wish, const OrderAnswer& answer) {
  if (is_expected(wish, answer)) return;
  complain("an order was answered " + std::to_string(answer.status) + " " + answer.code);
}

void Sale::buy(SaleClient& client, std::mt19937_64& random) {
  std::vector<std::size_t> entries;
  for (std::size_t i = 0; i < shape_.depth; ++i) {
    const std::size_t known = journal_.size();
    if (known > 0 && random() % 100 < shape_.retry_percent) {
      entries.push_back(random() % known);
    } else {
      const Product& product = products[random() % products.size()];
      entries.push_back(journal_.add(
          {.product_id = product.id, .user_id = {}, .key = {}, .quantity = 1 + random() % 3}));
    }
  }
  exchange(client, entries);
}

void Sale::exchange(SaleClient& client, const std::vector<std::size_t>& entries) {
  std::vector<Journal::Try> tries;
  std::vector<Wish> wishes;
  for (const std::size_t entry : entries) {
    wishes.push_back(journal_.wish(entry));
    tries.push_back(journal_.begin(entry));
  }
  client.send_orders(wishes);
  for (std::size_t i = 0; i < tries.size(); ++i) {
    const OrderAnswer answer = client.read_order();
    journal_.end(tries[i], answer);
    judge(wishes[i], answer);
  }
}

OrderAnswer Sale::order(SaleClient& client, std::size_t entry) {
  const Wish wish = journal_.wish(entry);
  const Journal::Try tried = journal_.begin(entry);
  const OrderAnswer answer = client.order(wish);
  journal_.end(tried, answer);
  judge(wish, answer);
  return answer;
}

/// Takes a place, waits for its pass, orders with it, and tries it for another order.
void Sale::stand_in_line(SaleClient& client, std::mt19937_64& random) {
  const std::string& product = products[1 + random() % 2].id;
  const std::string user = "waiting-" + std::to_string(random());
  const std::string ticket = client.join_line(product, user);
  if (ticket.empty()) return;
  PlaceAnswer place = client.look(ticket);
  {
    const std::lock_guard lock(mutex_);
    const Place seen{ticket, place.ahead};
    if (places_.size() < places_max) {
      places_.push_back(seen);
    } else {
      places_[random() % places_max] = seen;
    }
  }
  while (place.state == "waiting" && !is_over_) place = client.look(ticket);
  if (place.state != "admitted") return;
  const Wish wish{
      .product_id = product, .user_id = user, .key = {}, .quantity = 1, .pass = place.pass};
  if (order(client, journal_.add(wish)).status != 200) return;
  const OrderAnswer again = order(client, journal_.add(wish));
  if (again.status == 200) complain("a pass bought twice");
}

void Sale::open_rounds(SaleClient& client, std::mt19937_64& random) {
  Opening opening;
  opening.product_id = products[random() % 2].id;
  // Each another one, so that the log tells which try opened which round.
  opening.quantity = opening_units_min + rounds_tried_++;
  const StockWish stock{.quantity = opening.quantity};
  const std::string product = opening.product_id;
  const std::size_t number = journal_.begin_opening(std::move(opening));
  journal_.end_opening(number, client.init(product, stock));
  // The next one when there were answers, so that rounds do not outnumber orders.
  journal_.wait_answers(40, std::chrono::milliseconds{200});
}

void Sale::retry(std::uint16_t port, std::size_t known_max) {
  may_end_ = false;
  journal_.begin_life();
  const std::vector<Journal::Entry> entries = journal_.entries();
  std::vector<std::size_t> chosen;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool is_unknown = entries[i].state == Journal::State::unknown;
    const bool is_known = entries[i].state == Journal::State::accepted;
    if (is_unknown) chosen.push_back(i);
    if (is_known) others.push_back(i);
  }
  std::shuffle(others.begin(), others.end(), random_);
  others.resize(std::min(others.size(), known_max));
  chosen.insert(chosen.end(), others.begin(), others.end());
  run_crowd(port, shape_.buyers, [&](SaleClient& client, std::size_t number) {
    std::vector<std::size_t> part;
    for (std::size_t i = number; i < chosen.size(); i += shape_.buyers) {
      part.push_back(chosen[i]);
      if (part.size() < retry_depth && i + shape_.buyers < chosen.size()) continue;
      exchange(client, part);
      part.clear();
    }
  });
  SaleClient client(port);
  check_places(client);
  journal_.end_life();
  const std::lock_guard lock(mutex_);
  if (!complaints_.empty()) throw std::runtime_error("after the restart: " + complaints_[0]);
}

/// Places in line that were told are kept, and nobody has been put before them.
void Sale::check_places(SaleClient& client) {
  std::vector<Place> places;
  {
    const std::lock_guard lock(mutex_);
    places = places_;
  }
  for (const Place& place : places) {
    const PlaceAnswer now = client.look(place.ticket);
    require(now.ahead <= place.ahead, "a place in line fell from " + std::to_string(place.ahead) +
                                          " ahead to " + std::to_string(now.ahead));
  }
}

void Sale::check(std::uint16_t port, const std::filesystem::path& data_dir) {
  const FinalLog log = read_final_log(data_dir);
  const std::vector<std::string> violations = journal_.check(log);
  if (!violations.empty()) {
    std::string text = "the log does not explain what people were told:";
    for (const std::string& violation : violations) text += "\n  " + violation;
    throw std::runtime_error(text);
  }
  SaleClient client(port);
  check_counters(client, log);
  logged_ = log.orders.size();
}

void Sale::check_counters(SaleClient& client, const FinalLog& log) {
  struct Round {
    std::uint64_t number = 0;
    std::uint64_t quantity = 0;
    std::uint64_t units = 0;
    std::uint64_t orders = 0;
  };
  std::map<std::string, Round> present;
  for (const LoggedOpening& opening : log.openings) {
    present[opening.product_id] = {.number = opening.round, .quantity = opening.quantity};
  }
  for (const LoggedOrder& order : log.orders) {
    Round& round = present[order.product_id];
    if (round.number != order.round) continue;
    round.units += order.quantity;
    ++round.orders;
  }
  for (const auto& [product, round] : present) {
    const ProductAnswer now = client.product(product);
    const AuditAnswer audit = client.audit(product, round.number);
    require(now.pending == 0 && now.round == round.number && now.quantity == round.quantity &&
                now.accepted == round.units && now.stock == round.quantity - round.units,
            "the counters of " + product + " differ from the log");
    require(audit.units_in_log == round.units && audit.orders_in_log == round.orders &&
                audit.quantity == round.quantity && !audit.oversold,
            "the audit of " + product + " differs from the log");
  }
}

}  // namespace fluxgate::testing

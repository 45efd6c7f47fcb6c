#include "crash/crash_sale.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "orderlog/rocksdb_storage.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::testing {
namespace {

using std::chrono::milliseconds;

constexpr const char* data_dir = "/sale";
constexpr std::array<const char*, 3> products = {"p", "q", "product-with-a-long-name"};
constexpr int steps_max = 1'000;  // of an engine that has something to do

class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : random_(seed) {}
  void fill(std::span<std::byte> bytes) noexcept override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_());
  }

 private:
  std::mt19937_64 random_;
};

/// Takes down what a FinalLog needs.
class LogReader final : public orderlog::LogVisitor {
 public:
  bool on_product(const orderlog::ProductRecord& record) override {
    names_[record.product] = std::string(record.id);
    return true;
  }
  bool on_round(const orderlog::RoundRecord& record) override {
    openings.push_back({.product_id = names_[record.product],
                        .round = record.round,
                        .quantity = record.quantity,
                        .max_per_order = record.max_per_order,
                        .max_per_user = record.max_per_user,
                        .next_sequence = passes.size() + 1});
    return true;
  }
  bool on_order(Sequence, milliseconds, const orderlog::OrderEntry& order) override {
    passes.push_back(order.pass);
    return true;
  }

  std::vector<LoggedOpening> openings;
  std::vector<std::uint64_t> passes;  // of each order

 private:
  std::map<std::uint64_t, std::string> names_;
};

}  // namespace

SaleShape random_shape(std::mt19937_64& random) {
  SaleShape shape;
  if (random() % 4 == 0) shape.durability = Durability::os;
  constexpr std::array<std::size_t, 4> buffers = {2u << 10, 8u << 10, 30u << 10, 4u << 20};
  shape.write_buffer_bytes = buffers[random() % buffers.size()];
  shape.waits_for_background = random() % 2 == 0;
  shape.has_line = shape.durability == Durability::sync && random() % 3 == 0;
  shape.survival.is_journaled = random() % 2 == 0;
  shape.survival.data_comes_first = random() % 2 == 0;
  constexpr std::array<unsigned, 5> kept = {0, 50, 90, 98, 100};
  shape.survival.kept_percent = kept[random() % kept.size()];
  if (random() % 2 == 0) shape.survival.torn_percent = 20;
  return shape;
}

std::string describe(const SaleShape& shape) {
  return std::string(shape.durability == Durability::sync ? "sync" : "os") + ", buffer " +
         std::to_string(shape.write_buffer_bytes) +
         (shape.waits_for_background ? "" : ", work in the background") +
         (shape.has_line ? ", line" : "") +
         (shape.survival.is_journaled ? ", journaled" : ", any names") +
         (shape.survival.data_comes_first ? "" : ", zeros") + ", kept " +
         std::to_string(shape.survival.kept_percent) + "%, torn " +
         std::to_string(shape.survival.torn_percent) + "%";
}

/// Orders that are submitted together, and what became of them.
class CrashSale::Batch final : public CompletionSink {
 public:
  struct One {
    One(CompletionSink& sink, std::size_t wish_number, std::size_t attempt_number)
        : wish(wish_number), attempt(attempt_number), operation(sink) {}
    std::size_t wish;
    std::size_t attempt;
    OrderOperation operation;
  };

  void deliver(Operation* first) noexcept override {
    for (; first != nullptr; first = first->next()) --pending;
  }

  std::deque<One> orders;
  std::size_t pending = 0;
};

CrashSale::CrashSale(std::uint64_t seed, const SaleShape& shape)
    : random_(seed),
      shape_(shape),
      entropy_(std::make_unique<SeededEntropy>(seed)),
      machine_(std::make_unique<CrashMachine>()) {
  history_.in_order = true;
}

CrashSale::~CrashSale() {
  leave();
}

Result<void> CrashSale::start() {
  leave();
  if (is_in_life_) history_.end_life(++now_);  // of a process that failed
  history_.begin_life(++now_);
  is_in_life_ = true;
  failed_syncs_ = disk().failed_syncs();
  auto opened = orderlog::RocksdbStorage::open(
      data_dir, {.write_buffer_bytes = shape_.write_buffer_bytes,
                 .syncs_each_append = shape_.durability == Durability::sync,
                 .disk = &machine_->storage_disk()});
  if (!opened) return opened.error();
  storage_ = std::make_unique<SyncedStorage>(std::move(*opened), disk(), synced_);
  EngineOptions options;
  options.durability = shape_.durability;
  options.idempotency_ttl = std::chrono::seconds(0);
  options.commit_threads = 0;
  options.clock = &clock_;
  options.entropy = entropy_.get();
  options.storage = storage_.get();
  if (shape_.has_line) {
    options.rate_limit = 50;
    options.rate_burst = 5;
  }
  auto engine = Engine::open(options);
  if (shape_.waits_for_background) machine_->wait_until_idle();
  if (!engine) return engine.error();
  engine_ = std::move(*engine);
  return {};
}

void CrashSale::work(int rounds) {
  const auto goes_on = [this] { return !disk().is_cut() && !has_failed(); };
  while (goes_on() && engine_->products("", products.size()).size() < 2) open_round();
  for (int i = 0; i < rounds && goes_on(); ++i) {
    const std::uint64_t choice = below(100);
    if (choice < 8) {
      open_round();
    } else if (choice < 24 && shape_.has_line) {
      join();
    } else if (choice < 90) {
      order_some();
    }
    pass_time();
  }
}

void CrashSale::pass_time() {
  clock_.advance(milliseconds(below(20) == 0 ? 600 : below(60)));
  for (int i = 0; i < steps_max && engine_->step(); ++i) {
  }
  if (shape_.waits_for_background) machine_->wait_until_idle();
}

CrashSale::Wish CrashSale::new_wish() {
  Wish wish{.product = products[below(products.size())],
            .user = "user-" + std::to_string(below(12)),
            .key = "key-" + std::to_string(++keys_),
            .quantity = 1 + below(3)};
  if (below(10) == 0) wish.key += std::string(200 + below(40), 'k');
  if (below(10) == 0) wish.user += std::string(80 + below(30), 'u');
  if (tickets_.empty() || below(3) != 0) return wish;
  const Ticket& ticket = tickets_[below(tickets_.size())];
  const std::optional<Place> place = engine_->look(ticket.text);
  if (!place || place->pass.empty()) return wish;
  wish.product = ticket.product;
  wish.user = ticket.user;
  wish.pass = place->pass;
  return wish;
}

void CrashSale::order_some() {
  // Mostly few at once; sometimes a block that spans many pages of the log.
  const std::uint64_t count = below(25) == 0 ? 100 + below(200) : 1 + below(6);
  std::vector<std::size_t> chosen;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!wishes_.empty() && below(5) < 2) {
      chosen.push_back(below(wishes_.size()));
    } else {
      wishes_.push_back(new_wish());
      chosen.push_back(wishes_.size() - 1);
    }
  }
  order(chosen);
}

void CrashSale::retry_unknown() {
  std::vector<std::size_t> unknown;
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    if (!wishes_[i].is_answered) unknown.push_back(i);
  }
  if (!unknown.empty() && !disk().is_cut() && !has_failed()) order(unknown);
}

void CrashSale::order(const std::vector<std::size_t>& wishes) {
  const bool sync_failed = disk().failed_syncs() != failed_syncs_;
  Batch batch;
  for (const std::size_t number : wishes) {
    const Wish& wish = wishes_[number];
    const std::size_t attempt = history_.begin(Attempt{.product_id = wish.product,
                                                       .user_id = wish.user,
                                                       .key = wish.key,
                                                       .quantity = wish.quantity,
                                                       .pass = wish.pass,
                                                       .invoked = ++now_});
    OrderOperation& operation = batch.orders.emplace_back(batch, number, attempt).operation;
    operation.request = {.product_id = wish.product,
                         .user_id = wish.user,
                         .key = wish.key,
                         .quantity = wish.quantity,
                         .pass = wish.pass};
    ++batch.pending;
    if (engine_->submit(operation) == Submission::completed) {
      --batch.pending;
      // At once: a copy that comes next is not one of an order in flight.
      note(attempt, number, operation.result, sync_failed);
      batch.orders.pop_back();
    }
  }
  for (int i = 0; batch.pending != 0; ++i) {
    if (i == steps_max) stuck_ = "orders are not answered";
    engine_->step();
  }
  for (const Batch::One& one : batch.orders) {
    note(one.attempt, one.wish, one.operation.result, sync_failed);
  }
}

void CrashSale::note(std::size_t attempt, std::size_t wish, const OrderResult& result,
                     bool sync_failed) {
  // Who is dead tells nobody anything.
  if (disk().is_cut() || result.status == OrderStatus::storage_unavailable) return;
  wishes_[wish].is_answered = true;
  if (result.status == OrderStatus::accepted) {
    wishes_[wish].is_accepted = true;
    history_.accepted(attempt, ++now_, std::string(result.order_id.view()), result.replayed);
    if (!result.replayed) ++accepted_;
    if (!result.replayed && sync_failed) ++accepted_after_failed_sync_;
  } else if (result.status == OrderStatus::sold_out) {
    history_.sold_out(attempt, ++now_);
  } else {
    history_.refused(attempt, ++now_, to_string(result.status));
  }
}

void CrashSale::open_round() {
  Opening opening{.product_id = products[below(products.size())],
                  .quantity = below(4) == 0 ? below(8) : 20 + below(400)};

  if (below(4) == 0) opening.max_per_user = 1 + below(20);
  // No two are alike: which of them a round in the log is can be told.
  opening.max_per_order += 1'000 * (history_.openings().size() + 1);
  opening.invoked = ++now_;
  const std::size_t number = history_.begin(opening);
  const InitResult result = engine_->init({.product_id = opening.product_id,
                                           .quantity = opening.quantity,
                                           .max_per_order = opening.max_per_order,
                                           .max_per_user = opening.max_per_user});
  if (shape_.durability == Durability::os) {
    // Durable only with the next sync; only what is durable is told.
    clock_.advance(milliseconds(600));
    for (int i = 0; i < steps_max && engine_->step(); ++i) {
    }
  }
  if (disk().is_cut() || result.status == InitStatus::storage_unavailable) return;
  if (result.status == InitStatus::ok) {
    history_.opened(number, ++now_, result.round);
  } else {
    history_.not_opened(number, ++now_);
  }
}

void CrashSale::join() {
  const std::string product = products[below(products.size())];
  const std::string user = "user-" + std::to_string(below(12));
  const JoinResult joined = engine_->join({.product_id = product, .user_id = user});
  if (disk().is_cut() || joined.ticket.empty()) return;
  tickets_.push_back({joined.ticket, product, user});
}

Result<void> CrashSale::stop() {
  Result<void> closed = engine_->close();
  engine_.reset();
  if (!disk().is_cut()) {
    history_.end_life(++now_);
    is_in_life_ = false;
  }
  return closed;
}

void CrashSale::leave() {
  if (storage_) synced_ = storage_->synced();
  engine_.reset();
  storage_.reset();
}

void CrashSale::kill() {
  auto next = disk().copy();
  if (is_in_life_) history_.end_life(++now_);
  is_in_life_ = false;
  replace_disk(std::move(next));
}

void CrashSale::cut_power() {
  // Of a process that ended before: what it left may not be durable.
  if (!is_in_life_) history_.begin_life(++now_);
  is_in_life_ = true;
  replace_disk(disk().after_cut(random_, shape_.survival));
}

void CrashSale::replace_disk(std::unique_ptr<CrashDisk> disk) {
  if (is_in_life_) {
    if (storage_) synced_ = storage_->synced();
    history_.end_life(++now_, shape_.durability == Durability::sync ? everything : synced_);
    is_in_life_ = false;
  }
  auto next = std::make_unique<CrashMachine>(std::move(disk));
  leave();
  machine_ = std::move(next);
}

FinalLog CrashSale::read_log(std::string* fault) const {
  FinalLog log;
  LogReader reader;
  const Result<LogPosition> end = orderlog::walk(*storage_, 0, reader);
  if (!end) *fault = "the log cannot be walked: " + end.error().message;
  log.openings = std::move(reader.openings);
  OrdersQuery query{.limit = 1'000};
  for (std::optional<Sequence> next = 0; next;) {
    query.after = *next;
    Result<OrdersPage> page = engine_->orders(query);
    if (!page) {
      *fault = "the orders cannot be read: " + page.error().message;
      return log;
    }
    for (OrderRecord& order : page->orders) {
      const std::size_t at = static_cast<std::size_t>(order.sequence) - 1;
      log.orders.push_back({.sequence = order.sequence,
                            .order_id = std::string(order.order_id.view()),
                            .product_id = std::move(order.product_id),
                            .round = order.round,
                            .user_id = std::move(order.user_id),
                            .key = std::move(order.key),
                            .quantity = order.quantity,
                            .accepted_at = order.accepted_at,
                            .pass = at < reader.passes.size() ? reader.passes[at] : 0});
    }
    next = page->next;
  }
  return log;
}

std::string CrashSale::check_products(const FinalLog& log) const {
  for (const char* product : products) {
    const std::optional<ProductSnapshot> snapshot = engine_->product(product);
    RoundNumber round = 0;
    Units quantity = 0;
    for (const LoggedOpening& opening : log.openings) {
      if (opening.product_id != product) continue;
      round = opening.round;
      quantity = opening.quantity;
    }
    Units sold = 0;
    for (const LoggedOrder& order : log.orders) {
      if (order.product_id == product && order.round == round) sold += order.quantity;
    }
    if (!snapshot && round == 0) continue;
    const bool is_right = snapshot && snapshot->round == round && snapshot->quantity == quantity &&
                          snapshot->accepted == sold && snapshot->pending == 0 &&
                          snapshot->stock == quantity - sold;
    if (!is_right) return std::string("stock of ") + product + " is not what the log says";
  }
  return {};
}

// With `os` an order may be lost and made again under the same id; no history can tell the two
// apart. So nobody tries again what was lost.
void CrashSale::forget_lost(const FinalLog& log) {
  if (shape_.durability != Durability::os) return;
  std::set<std::pair<std::string, std::string>> kept;
  for (const LoggedOrder& order : log.orders) kept.emplace(order.user_id, order.key);
  std::erase_if(wishes_, [&](const Wish& wish) {
    return wish.is_accepted && !kept.contains({wish.user, wish.key});
  });
}

std::string CrashSale::check() {
  if (!stuck_.empty()) return stuck_;
  std::string fault;
  const FinalLog log = read_log(&fault);
  if (!fault.empty()) return fault;
  for (const std::string& violation : history_.check(log)) fault += violation + "\n";
  if (!fault.empty()) return fault;
  for (const Ticket& ticket : tickets_) {
    if (!engine_->ticket_holder(ticket.text)) return "lost: the ticket of " + ticket.user;
  }
  forget_lost(log);
  return check_products(log);
}

}  // namespace fluxgate::testing

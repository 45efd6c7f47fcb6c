#include "simulation/simulation.hpp"

#include <cstdio>
#include <utility>

#include "engine/log_reading.hpp"
#include "engine/sale_control.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::testing {
namespace {

/// Reads all of the log into what the checker takes.
class LogReader final : public orderlog::LogVisitor {
 public:
  LogReader(FinalLog& log, const engine::OrderIdCodec& ids) : log_(log), ids_(ids) {}

  bool on_product(const orderlog::ProductRecord& product) override {
    products_.emplace_back(product.id);
    return true;
  }
  bool on_round(const orderlog::RoundRecord& round) override {
    log_.openings.push_back({.product_id = products_[round.product],
                             .round = round.round,
                             .quantity = round.quantity,
                             .max_per_order = round.max_per_order,
                             .max_per_user = round.max_per_user,
                             .next_sequence = log_.orders.size() + 1});
    return true;
  }
  bool on_order(Sequence sequence, std::chrono::milliseconds at,
                const orderlog::OrderEntry& order) override {
    log_.orders.push_back({.sequence = sequence,
                           .order_id = ids_.encode(sequence).str(),
                           .product_id = products_[order.product],
                           .round = order.round,
                           .user_id = std::string(order.user_id),
                           .key = std::string(order.key),
                           .quantity = order.quantity,
                           .accepted_at = at,
                           .pass = order.pass});
    return true;
  }

 private:
  FinalLog& log_;
  const engine::OrderIdCodec& ids_;
  std::vector<std::string> products_;
};

}  // namespace

Simulation::Simulation(std::uint64_t seed, bool trace)
    : random_(seed),
      is_traced_(trace),
      swarm_(Swarm::draw(random_)),
      entropy_(random_.next()),
      storage_(random_.next()) {
  history_.in_order = true;
  for (std::uint64_t i = 0; i < swarm_.products; ++i) products_.push_back("p" + std::to_string(i));
  for (std::uint64_t i = 0; i < swarm_.users; ++i) users_.push_back("u" + std::to_string(i));
  for (std::uint64_t i = 0; i < swarm_.keys; ++i) keys_.push_back("k" + std::to_string(i));
  utc_max_ = clock_.utc();
}

Simulation::~Simulation() {
  if (core_) crash();
}

SimulationResult Simulation::run() {
  for (std::uint64_t life = 0; life < swarm_.lives && violations_.empty(); ++life) {
    while (!start(true) && violations_.empty()) {
    }
    if (!violations_.empty()) break;
    open_products();
    live();
  }
  if (violations_.empty() && start(false)) settle_everything();
  result_.attempts = history_.attempts().size();
  for (const Attempt& attempt : history_.attempts()) {
    if (attempt.outcome == Outcome::unknown) ++result_.unknowns;
    if (attempt.replayed) ++result_.replays;
  }
  result_.admissions = line_.admissions_total();
  result_.violations = violations_.take();
  return result_;
}

// Nearly all sales begin with their products.
void Simulation::open_products() {
  if (line_.has_products() || random_.one_in(16)) return;
  for (std::size_t i = 0; i < products_.size(); ++i) init(i);
  if (!random_.one_in(16)) step();
}

bool Simulation::start(bool may_fail) {
  storage_.start();
  if (may_fail && random_.one_in(8)) storage_.fail_read(random_.between(1, 8));
  if (may_fail && random_.one_in(16)) storage_.fail_start();
  if (may_fail && random_.one_in(16)) storage_.fail_append(1);
  const bool has_fault = storage_.has_fault();
  options_ = {};
  const bool is_os = swarm_.may_os && (!swarm_.may_sync || random_.one_in(2));
  options_.durability = is_os ? Durability::os : Durability::sync;
  options_.rate_limit = random_.pick(swarm_.rates);
  options_.rate_burst = random_.below(4);
  options_.idempotency_ttl = random_.pick(swarm_.ttls);
  options_.commit_threads = 0;
  options_.commit_delay_max = std::chrono::microseconds(0);
  options_.pending_orders_max = swarm_.pending_max;
  options_.clock = &clock_;
  options_.entropy = &entropy_;
  options_.storage = &storage_;
  auto opened = engine::Core::open(options_);
  note("start", opened.has_value() ? 1 : 0, static_cast<std::uint64_t>(options_.durability));
  if (!opened) {
    ++result_.failed_starts;
    const Error& error = opened.error();
    if (!has_fault || error.code != ErrorCode::unavailable) violate("start", error.message);
    if (random_.one_in(2)) {
      cut_power();
    } else {
      storage_.kill();
    }
    return false;
  }
  core_ = std::move(*opened);
  ++result_.lives;
  durability_ = options_.durability;
  is_dead_ = false;
  forgot_at_ = clock_.utc();
  history_.begin_life(++now_, options_.idempotency_ttl);
  storage_.fail_read(0);
  read_log();
  return true;
}

void Simulation::read_log() {
  const auto now = clock_.monotonic();
  line_.restart(now, has_lost_);
  if (has_lost_) holders_.clear();
  has_lost_ = false;
  if (auto walked = orderlog::walk(storage_, 0, line_); !walked) {
    violate("start", walked.error().message);
  }
  line_.restarted();
  seen_blocks_ = storage_.blocks();
  const SaleSettings settings = core_->control().settings();
  const SaleSettings wanted = engine::changed(
      {.rate_limit = options_.rate_limit, .rate_burst = options_.rate_burst}, line_.settings());
  if (settings != wanted) violate("settings", "differ from the log's after a start");
  set_rates(settings);
  // Only a log without orders begins with a full bucket.
  if (line_.orders() == 0) rate_.refill();
}

void Simulation::set_rates(const SaleSettings& settings) {
  const auto now = clock_.monotonic();
  const std::uint64_t rate = engine::rate_in_force(settings);
  rate_.set(rate, engine::burst_in_force(settings), now);
  line_.set_rate(rate, now);
}

void Simulation::live() {
  std::uint64_t dying = 0;
  for (std::uint64_t i = 0; i < swarm_.events && violations_.empty(); ++i) {
    const Event event = swarm_.next_event(random_);
    happen(event);
    ++result_.events;
    check_books();
    if (storage_.forbidden_calls() != 0) violate("storage", "called after an error, or too early");
    if (core_ == nullptr) return;
    // The program ends soon after its storage failed.
    if (is_failed() && ++dying > 3 && random_.one_in(2)) break;
  }
  if (core_ != nullptr) end(random_.one_in(3) ? End::cut_power : End::kill);
}

void Simulation::end(End how) {
  note("end", static_cast<std::uint64_t>(how));
  if (how == End::stop) return stop();
  // A write that was under way may be complete although nobody hears of it.
  if (phase_ == Phase::gathered && random_.one_in(2)) {
    is_dead_ = true;
    core_->committer().write();
    phase_ = Phase::written;
  }
  crash();
  history_.end_life(++now_);
  ++(how == End::kill ? result_.kills : result_.power_cuts);
  if (how == End::cut_power) cut_power();
}

void Simulation::crash() {
  is_dead_ = true;
  storage_.kill();
  // What is destroyed half way would go on with it: let it come to an end that nobody hears of.
  if (phase_ == Phase::gathered) core_->committer().write();
  if (phase_ != Phase::idle) core_->committer().settle();
  forget_life();
}

void Simulation::forget_life() {
  if (storage_.has_failed()) ++result_.failures;
  core_.reset();
  phase_ = Phase::idle;
  orders_.clear();
  joins_.clear();
  inits_.clear();
  changes_.clear();
}

void Simulation::cut_power() {
  const std::size_t blocks = storage_.blocks();
  const Sequence durable = storage_.cut_power();
  if (storage_.blocks() == blocks || history_.lives().empty()) return;
  // With `sync` only what was never acknowledged can be missing.
  if (durability_ != Durability::os) return;
  has_lost_ = true;
  history_.end_life(history_.lives().back().ended, durable);
}

void Simulation::stop() {
  if (phase_ == Phase::gathered) write();
  if (phase_ == Phase::written) settle();
  // close() would do the same, but nobody could look on.
  core_->drain();
  while (core_->gate().pending() != 0) step();
  const bool had_failed = storage_.has_failed();
  const auto closed = core_->close();
  if (!closed && !had_failed && !storage_.has_failed()) violate("stop", closed.error().message);
  if (closed) {
    const auto mark = storage_.mark();
    const bool is_marked = storage_.blocks() == 0 || mark->block == storage_.blocks();
    if (!is_marked) violate("stop", "the mark is not the end of the log");
    if (storage_.durable_blocks() != storage_.blocks()) violate("stop", "not all is durable");
  }
  is_dead_ = true;
  storage_.kill();
  forget_life();
  history_.end_life(++now_);
  if (random_.one_in(2)) cut_power();
}

// Everything is tried again, with nothing in the way, until all is known.
void Simulation::settle_everything() {
  Settings& change = changes_.emplace_back(*this);
  change.request = {.rate_limit = 0, .admit_all = false, .sale_paused = false};
  if (core_->submit(change) == Submission::completed) answered(change);
  step();
  const std::size_t attempts = history_.attempts().size();
  for (std::size_t i = 0; i < attempts && violations_.empty(); ++i) {
    const Outcome outcome = history_.attempts()[i].outcome;
    if (outcome != Outcome::unknown && outcome != Outcome::accepted) continue;
    order(wishes_[i]);
    step();
    check_books();
  }
  check_history();
  stop();
}

void Simulation::check_history() {
  FinalLog log;
  LogReader reader(log, core_->order_ids());
  const auto mark = storage_.mark();
  if (auto walked = orderlog::walk(storage_, 0, reader, &*mark); !walked) {
    return violate("log", walked.error().message);
  }
  result_.orders = log.orders.size();
  history_.end_life(++now_);
  for (const std::string& line : history_.check(log)) violations_.add("history", line);
}

bool Simulation::is_failed() const {
  return core_->gate().state() == EngineState::failed;
}

void Simulation::note(const char* what, std::uint64_t a, std::uint64_t b) {
  // FNV-1a of the words, the numbers folded in.
  std::uint64_t& hash = result_.trace_hash;
  for (const char* at = what; *at != '\0'; ++at) {
    hash = (hash ^ static_cast<unsigned char>(*at)) * 0x100000001B3U;
  }
  hash = (hash ^ a) * 0x100000001B3U;
  hash = (hash ^ b) * 0x100000001B3U;
  if (!is_traced_) return;
  std::printf("%6llu %10.6f s  %s %llu %llu\n", static_cast<unsigned long long>(now_),
              std::chrono::duration<double>(clock_.monotonic()).count(), what,
              static_cast<unsigned long long>(a), static_cast<unsigned long long>(b));
}

}  // namespace fluxgate::testing

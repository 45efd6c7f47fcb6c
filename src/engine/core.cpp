#include "engine/core.hpp"

#include <array>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/random_key.hpp"
#include "engine/recovery.hpp"
#include "orderlog/memory_storage.hpp"
#include "orderlog/rocksdb_storage.hpp"

namespace fluxgate::engine {
namespace {

constexpr std::uint64_t rate_max = 1'000'000'000;
constexpr std::chrono::microseconds commit_delay_bound{100'000};

std::optional<Error> defect_of(const EngineOptions& options) {
  const auto invalid = [](const char* what) { return Error{ErrorCode::invalid_argument, what}; };
  if (options.commit_threads > 1) return invalid("commit_threads must be 0 or 1");
  if (options.commit_delay_max.count() < 0 || options.commit_delay_max > commit_delay_bound) {
    return invalid("commit_delay_max must be 0 to 100000");
  }
  if (options.storage_threads < 1 || options.storage_threads > 16) {
    return invalid("storage_threads must be 1 to 16");
  }
  if (options.rate_limit > rate_max || options.rate_burst > rate_max) {
    return invalid("rate_limit and rate_burst must be at most 1000000000");
  }
  if (options.idempotency_ttl.count() < 0 || options.idempotency_ttl > idempotency_ttl_max) {
    return invalid("idempotency_ttl must be 0 to 3153600000");
  }
  if (options.pending_orders_max < 1 || options.pending_orders_max > 1'000'000) {
    return invalid("pending_orders_max must be 1 to 1000000");
  }
  return std::nullopt;
}

// A host that steps by itself decides when, and an injected clock may stand still.
bool may_hold(const EngineOptions& options) {
  return options.commit_threads != 0 && options.clock == &system_clock();
}

// A write that is not synced costs next to nothing.
std::chrono::microseconds delay_of(const EngineOptions& options) {
  const bool is_synced = options.durability == Durability::sync;
  return may_hold(options) && is_synced ? options.commit_delay_max : std::chrono::microseconds(0);
}

// A shard pays the wake-up it owes after 2 ms and the round it is in. The others do not wait for
// one that is held up.
constexpr std::chrono::milliseconds owed_max{5};
std::chrono::milliseconds owed_of(const EngineOptions& options) {
  return may_hold(options) ? owed_max : std::chrono::milliseconds(0);
}

// A secret that lives as long as the log it is part of.
struct Secret {
  std::string name;
  std::string value;
};

// A new log has none; one of an earlier release has no key for tickets.
std::vector<Secret> make_missing_secrets(Recovered& recovered, Entropy& entropy) {
  std::vector<Secret> made;
  if (!recovered.order_ids) {
    made.push_back({std::string(OrderIdCodec::setting_name),
                    base::random_bytes(entropy, OrderIdCodec::key_bytes)});
    recovered.order_ids = OrderIdCodec::from_key(made.back().value);
  }
  admission::TokenSigner& signer = *recovered.room.signer;
  if (signer.newest() == 0) {
    made.push_back(
        {ticket_key_name(1), base::random_bytes(entropy, admission::TokenSigner::key_bytes)});
    FLUXGATE_CHECK(signer.add_key(made.back().value));
  }
  return made;
}

// What was changed while the engine ran beats the options: nobody shall wonder why.
void tell_settings(const EngineOptions& options, const SaleSettings& settings) {
  if (!options.log) return;
  const auto tell = [&options](const char* name, std::uint64_t value, std::uint64_t option) {
    if (value == option) return;
    options.log(LogLevel::warning, std::string(name) + " is " + std::to_string(value) +
                                       ", as it was changed to; the option says " +
                                       std::to_string(option));
  };
  tell("rate_limit", settings.rate_limit, options.rate_limit);
  tell("rate_burst", settings.rate_burst, options.rate_burst);
  if (settings.line_closed) options.log(LogLevel::warning, "the line is closed: nobody joins");
  if (settings.admit_all) options.log(LogLevel::warning, "everybody is admitted: no rate counts");
  if (settings.sale_paused) options.log(LogLevel::warning, "the sale is paused: orders wait");
}

}  // namespace

Result<Core::Storage> Core::open_storage(const EngineOptions& options) {
  Storage storage;
  if (options.storage != nullptr) {
    storage.used = options.storage;
    return storage;
  }
  if (options.durability == Durability::memory) {
    storage.owned = std::make_unique<orderlog::MemoryStorage>();
  } else {
    auto opened = orderlog::RocksdbStorage::open(
        options.data_dir, {.storage_threads = options.storage_threads,
                           .log = options.log,
                           .syncs_each_append = options.durability == Durability::sync});
    if (!opened) return opened.error();
    storage.owned = std::move(*opened);
  }
  storage.used = storage.owned.get();
  return storage;
}

Result<std::unique_ptr<Core>> Core::open(EngineOptions options) {
  if (auto defect = defect_of(options)) return *defect;
  if (options.clock == nullptr) options.clock = &system_clock();
  if (options.entropy == nullptr) options.entropy = &system_entropy();

  auto storage = open_storage(options);
  if (!storage) return storage.error();
  const base::HashKey secret = base::random_key(*options.entropy);
  auto recovered = recover(*storage->used, {.clock = *options.clock,
                                            .secret = secret,
                                            .idempotency_ttl = options.idempotency_ttl,
                                            .log = options.log});
  if (!recovered) return recovered.error();
  if (auto started = storage->used->start_writing(recovered->tail); !started) {
    return started.error();
  }
  const std::vector<Secret> born = make_missing_secrets(*recovered, *options.entropy);
  const SaleSettings settings = changed(
      {.rate_limit = options.rate_limit, .rate_burst = options.rate_burst}, recovered->settings);
  tell_settings(options, settings);
  // So that who checks the log knows which orders should have been answered with an earlier one.
  const bool is_new_key_life = recovered->idempotency_ttl != options.idempotency_ttl;
  std::unique_ptr<Core> core(
      new Core(std::move(options), std::move(*storage), *recovered, settings));
  if (!born.empty() || is_new_key_life) {
    // Nothing may be sold before its ids have their key: in a new log this is the first block.
    for (const Secret& one : born) {
      core->log_.block().add(orderlog::SettingRecord{one.name, one.value});
    }
    if (is_new_key_life) {
      const std::string life = std::to_string(core->options_.idempotency_ttl.count());
      core->log_.block().add(orderlog::SettingRecord{idempotency_ttl_name, life});
    }
    if (auto written = core->log_.write(); !written) return written.error();
  }
  if (core->steps_itself()) core->commit_thread_.emplace(*core);
  return core;
}

Core::Core(EngineOptions options, Storage storage, Recovered& recovered,
           const SaleSettings& settings)
    : options_(std::move(options)),
      owned_storage_(std::move(storage.owned)),
      storage_(*storage.used),
      order_ids_(*recovered.order_ids),
      inventory_(std::move(recovered.inventory)),
      index_(std::move(recovered.index)),
      gate_(options_.pending_orders_max),
      // A restart must not grant a second burst, so only an engine that never sold begins full.
      limiter_(rate_in_force(settings), burst_in_force(settings), options_.clock->monotonic(),
               recovered.totals.orders == 0),
      room_({.inventory = *inventory_,
             .limiter = limiter_,
             .clock = *options_.clock,
             .secret = recovered.secret},
            std::move(recovered.room),
            {.rate = rate_in_force(settings),
             .is_closed = settings.line_closed,
             .is_paused = settings.sale_paused}),
      control_({.limiter = limiter_,
                .room = room_,
                .clock = *options_.clock,
                .entropy = *options_.entropy},
               settings),
      log_(storage_, *options_.clock, options_.durability, recovered.tail,
           recovered.last_accepted_at, recovered.mark),
      committer_({.inventory = *inventory_,
                  .index = *index_,
                  .log = log_,
                  .gate = gate_,
                  .room = room_,
                  .control = control_,
                  .order_ids = order_ids_,
                  .clock = *options_.clock,
                  .delay_max = delay_of(options_),
                  .owed_max = owed_of(options_),
                  .on_failure = options_.on_storage_failure},
                 std::move(recovered.totals)),
      purchase_({.inventory = *inventory_,
                 .index = *index_,
                 .limiter = limiter_,
                 .room = room_,
                 .committer = committer_,
                 .gate = gate_,
                 .order_ids = order_ids_,
                 .clock = *options_.clock}) {}

Core::~Core() {
  static_cast<void>(close());
}

Submission Core::submit(InitOperation& init) {
  const InitRequest& request = init.request;
  init.result = {};
  if (!is_valid_id(request.product_id) || request.quantity > units_max ||
      request.max_per_order > units_max || request.max_per_user > units_max ||
      request.round > units_max) {
    init.result.status = InitStatus::invalid_argument;
    return Submission::completed;
  }
  if (const auto refusal = refusal_at<InitStatus>(gate_)) {
    init.result.status = *refusal;
    return Submission::completed;
  }
  committer_.push(init, Wake::now);
  return Submission::pending;
}

Submission Core::submit(JoinOperation& join) {
  const JoinRequest& request = join.request;
  const auto refuse = [&join](JoinStatus status) {
    join.result = {};
    join.result.status = status;
    return Submission::completed;
  };
  if (!is_valid_id(request.product_id) || !is_valid_id(request.user_id)) {
    return refuse(JoinStatus::invalid_argument);
  }
  // Asked again when it is gathered; here a flood for what is gone costs the committer nothing.
  const inventory::Product* product = inventory_->find(request.product_id);
  if (product == nullptr) return refuse(JoinStatus::unknown_product);
  if (!product->round()->stock().has(1)) return refuse(JoinStatus::sold_out);
  if (const auto refusal = refusal_at<JoinStatus>(gate_)) return refuse(*refusal);
  committer_.push(join, Wake::now);
  return Submission::pending;
}

Submission Core::submit(SettingsOperation& operation) {
  if (const auto refusal = refusal_at<SettingsStatus>(gate_)) {
    operation.result = {*refusal};
    return Submission::completed;
  }
  committer_.push(operation, Wake::now);
  return Submission::pending;
}

std::optional<Place> Core::look(std::string_view ticket) {
  auto look = room_.look(ticket);
  if (!look) return std::nullopt;
  if (look->needs_step) committer_.wake();
  return std::move(look->place);
}

void Core::check_may_wait() const noexcept {
  FLUXGATE_CHECK(stepping_.load(std::memory_order_relaxed) != std::this_thread::get_id());
}

bool Core::step() {
  check_may_wait();
  const std::lock_guard lock(step_mutex_);
  if (closed_) return false;
  stepping_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const bool any = committer_.step();
  stepping_.store(std::thread::id(), std::memory_order_relaxed);
  return any;
}

std::optional<std::chrono::nanoseconds> Core::next_step() {
  check_may_wait();
  const std::lock_guard lock(step_mutex_);
  if (closed_) return std::nullopt;
  return committer_.next_step();
}

Result<void> Core::close() {
  check_may_wait();
  const std::lock_guard close_lock(close_mutex_);
  if (closed_) return *closed_;
  gate_.shut(EngineState::draining);
  commit_thread_.reset();
  // What entered before the gate was shut is pushed within moments, if it is not yet.
  while (gate_.pending() != 0) {
    if (!step()) std::this_thread::yield();
  }
  const std::lock_guard lock(step_mutex_);
  closed_ = committer_.close();
  return *closed_;
}

EngineStats Core::stats() const {
  EngineStats stats;
  stats.state = gate_.state();
  stats.settings = control_.settings();
  stats.products = inventory_->size();
  stats.keys = index_->size();
  stats.key_bytes = index_->bytes();
  stats.pending_orders = gate_.pending();
  committer_.add_stats(stats);
  room_.add_stats(stats);
  return stats;
}

}  // namespace fluxgate::engine

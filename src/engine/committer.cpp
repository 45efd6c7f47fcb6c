#include "engine/committer.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.hpp"

namespace fluxgate::engine {

using idempotency::IdempotencyIndex;

namespace {

// So many operations ahead a settled key's place is fetched: about the time of one cache miss.
constexpr std::size_t settle_ahead = 4;

// A disk that others fill with 2 GB/s loses 10 MB in between. Looking takes 2 us, a fortieth of a
// synced write.
constexpr std::chrono::milliseconds space_interval{5};
// While no orders are taken. RocksDB itself takes 170 MiB for the moment in which it moves blocks
// to a table; what it gives back is sold on so soon.
constexpr std::chrono::milliseconds space_interval_full{50};
constexpr std::chrono::seconds space_interval_idle{1};

constexpr std::chrono::hours expiry_wait_max{24};

Error out_of_memory() {
  return Error{ErrorCode::unavailable, "out of memory"};
}

}  // namespace

Committer::Committer(Parts parts, Totals totals)
    : parts_(std::move(parts)),
      delay_(parts_.delay_max),
      orders_total_(totals.orders),
      units_total_(totals.units),
      blocks_total_(parts_.log.tail().block),
      orders_at_checkpoint_(totals.orders_at_checkpoint),
      rounds_since_checkpoint_(std::move(totals.rounds_since_checkpoint)) {
  batch_.reserve(orderlog::block_orders_max);
  look_at_space(parts_.clock.monotonic());
}

void Committer::push(Operation& operation, Wake wake) noexcept {
  // Only the push that ends an empty list can find the driver asleep, one wake-up a batch; but a
  // driver that holds a batch sleeps on while it grows, until somebody sees that there are enough.
  const bool is_first = pushed_.push(operation);
  const bool ends_hold = is_holding_.load(std::memory_order_relaxed) &&
                         parts_.gate.pending() >= CommitDelay::waiting_enough &&
                         is_holding_.exchange(false, std::memory_order_relaxed);
  if (is_first || ends_hold) owes_wake_.exchange(true, std::memory_order_release);
  // Not only for its own push: the one before may wait for a slower payer.
  if (wake == Wake::now) wake_for_pushed();
}

void Committer::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    signalled_ = true;
  }
  woken_.notify_one();
}

void Committer::wait(std::optional<std::chrono::nanoseconds> due) {
  std::unique_lock lock(mutex_);
  const auto signalled = [this] { return signalled_; };
  if (due) {
    woken_.wait_for(lock, *due - parts_.clock.monotonic(), signalled);
  } else {
    woken_.wait(lock, signalled);
  }
  signalled_ = false;
}

bool Committer::may_hold(std::chrono::nanoseconds now) const {
  if (pushed_.empty() || backlog_ != nullptr || failure_) return false;
  // Who closes the engine waits for what is in flight.
  if (parts_.gate.state() != EngineState::running || now >= next_look()) return false;
  // Where the line moves, a block is written all the same.
  const auto line_due = parts_.room.next_due();
  return !line_due || *line_due > now;
}

// Who owes the wake-up is about to push more. Taken at once it would be ten orders at a time under
// a flood of them, and a fifth of the CPU time would go into writes.
bool Committer::awaits_payment(std::chrono::nanoseconds now) {
  const bool is_owed = owes_wake_.load(std::memory_order_relaxed);
  owed_since_ = is_owed ? std::optional(owed_since_.value_or(now)) : std::nullopt;
  if (is_owed) delay_.see(now);
  return is_owed && now - *owed_since_ < parts_.owed_max;
}

bool Committer::step() {
  const auto now = parts_.clock.monotonic();
  const bool may_wait = may_hold(now);
  const bool is_unpaid = may_wait && awaits_payment(now);
  const bool is_held = may_wait && !owed_since_ && delay_.holds(parts_.gate.pending(), now);
  // Those who join the held may wake the driver. The unpaid have a payer who will.
  is_holding_.store(is_held, std::memory_order_relaxed);
  if (is_unpaid || is_held) return tend();
  owed_since_.reset();
  const bool gathered = gather();
  if (gathered) {
    const auto began = parts_.clock.monotonic();
    write();
    settle();
    delay_.note_write(began, parts_.clock.monotonic());
  }
  return tend() || gathered;
}

bool Committer::gather() {
  if (const auto taken = pushed_.take_all(); taken.first != nullptr) {
    if (backlog_ == nullptr) {
      backlog_ = taken.first;
    } else {
      backlog_last_->next_ = taken.first;
    }
    backlog_last_ = taken.last;
  }
  try {
    if (!failure_) watch_space();
    if (!failure_) gather_all();
  } catch (const std::bad_alloc&) {
    fail(out_of_memory());
  }
  // That it failed is told also if nobody waits for an answer.
  if (failure_) return backlog_ != nullptr || !failure_told_;
  return !batch_.empty() || !parts_.log.block().empty();
}

void Committer::gather_all() {
  if (backlog_ != nullptr) gather_checkpoint();
  // Before the orders, which may fill the block again and again. Nobody is called to an engine that
  // takes no orders.
  if (parts_.gate.state() == EngineState::running) parts_.room.plan(parts_.log.block());
  while (backlog_ != nullptr && !parts_.log.block().full() &&
         batch_.size() < orderlog::block_orders_max) {
    Operation& operation = *backlog_;
    if (operation.kind() == Operation::Kind::init) {
      auto& init = static_cast<InitOperation&>(operation);
      // The second of two rounds of one product needs the first one settled: it waits a batch.
      if (!inits_in_batch_.insert(init.request.product_id).second) break;
    }
    gather_operation(operation);
    backlog_ = std::exchange(operation.next_, nullptr);
    batch_.push_back(&operation);  // fits: reserved for as many
  }
}

void Committer::gather_operation(Operation& operation) {
  switch (operation.kind()) {
    case Operation::Kind::order:
      return gather_order(static_cast<OrderOperation&>(operation));
    case Operation::Kind::init:
      return gather_init(static_cast<InitOperation&>(operation));
    case Operation::Kind::join:
      return parts_.room.gather(static_cast<JoinOperation&>(operation), parts_.log.block(),
                                !parts_.gate.is_space_low());
    case Operation::Kind::settings:
      return parts_.control.gather(static_cast<SettingsOperation&>(operation), parts_.log.block());
  }
}

void Committer::gather_order(OrderOperation& order) {
  parts_.log.block().add(orderlog::OrderEntry{.product = order.round_->product,
                                              .round = order.round_->number,
                                              .quantity = order.request.quantity,
                                              .user_id = order.request.user_id,
                                              .key = order.request.key,
                                              .pass = order.pass_});
}

void Committer::gather_init(InitOperation& init) {
  const InitRequest& request = init.request;
  const inventory::Product* product = parts_.inventory.find(request.product_id);
  const inventory::Round* present = product != nullptr ? product->round() : nullptr;
  const RoundNumber number = present != nullptr ? present->number : 0;

  init.opening_ = 0;
  init.result = {InitStatus::ok, number, present != nullptr ? present->quantity : 0};
  if (request.round == number && number != 0 && request.quantity == present->quantity) return;
  if (request.round != 0 && request.round != number + 1) {
    init.result.status = InitStatus::round_mismatch;
    return;
  }
  std::uint64_t index = 0;
  if (product != nullptr) {
    index = product->number;
  } else {
    index = parts_.inventory.size() + products_in_batch_;
    if (index >= products_max) {
      init.result.status = InitStatus::too_many_products;
      return;
    }
    ++products_in_batch_;
    parts_.log.block().add(orderlog::ProductRecord{index, request.product_id});
  }
  init.opening_ = number + 1;
  init.result = {InitStatus::ok, init.opening_, request.quantity};
  parts_.log.block().add(orderlog::RoundRecord{.product = index,
                                               .round = init.opening_,
                                               .quantity = request.quantity,
                                               .max_per_order = request.max_per_order,
                                               .max_per_user = request.max_per_user});
}

void Committer::gather_checkpoint() {
  const Sequence orders = orders_total_.load(std::memory_order_relaxed);
  if (orders - orders_at_checkpoint_ < orderlog::checkpoint_interval_orders) return;
  auto& rounds = rounds_since_checkpoint_;
  orderlog::CheckpointRecord checkpoint{orders, units_total_.load(std::memory_order_relaxed), {}};
  for (inventory::Round* round : rounds) {
    checkpoint.rounds.push_back(
        {round->product, round->number, round->orders(), round->accepted()});
    round->is_in_next_checkpoint = false;
  }
  // By product and round, not by address: the same orders make the same bytes.
  std::sort(checkpoint.rounds.begin(), checkpoint.rounds.end(), [](const auto& a, const auto& b) {
    return std::pair(a.product, a.round) < std::pair(b.product, b.round);
  });
  parts_.log.block().add(checkpoint);
  rounds.clear();
  orders_at_checkpoint_ = orders;
}

void Committer::write() {
  written_.reset();
  if (failure_ || parts_.log.block().empty()) return;
  try {
    auto written = parts_.log.write();
    if (!written) return fail(written.error());
    written_ = *written;
  } catch (const std::bad_alloc&) {
    return fail(out_of_memory());
  }
  publish_stats();
}

void Committer::fail(Error why) {
  failure_ = std::move(why);
  parts_.gate.shut(EngineState::failed);
}

void Committer::settle() {
  if (!failure_) {
    try {
      settle_all();
    } catch (const std::bad_alloc&) {
      fail(out_of_memory());
    }
  }
  if (failure_) return fail_pending();
  batch_.clear();
  settled_ = 0;
  if (!inits_in_batch_.empty()) inits_in_batch_.clear();
  products_in_batch_ = 0;
  deliver_batch();
}

void Committer::settle_all() {
  Sequence sequence = 0;
  if (written_) {
    sequence = written_->first;
    // Before the keys: who is told an order's number by its key finds it in the log.
    orders_total_.store(written_->end.sequence, std::memory_order_relaxed);
    // Not for blocks that only let people in: one may be written every 5 ms.
    if (written_->orders != 0) {
      parts_.index.lifetime().note(written_->end.sequence, written_->accepted_at);
    }
  }
  Units units = 0;
  for (; settled_ < batch_.size(); ++settled_) {
    Operation& operation = *batch_[settled_];
    if (settled_ + settle_ahead < batch_.size()) prefetch(*batch_[settled_ + settle_ahead]);
    if (operation.kind() == Operation::Kind::order) {
      units += static_cast<OrderOperation&>(operation).request.quantity;
      settle_operation(operation, sequence++);
    } else {
      settle_operation(operation, 0);
    }
    hand_back(operation);
  }
  if (written_) parts_.room.settle_plan(written_->accepted_at);
  units_total_.fetch_add(units, std::memory_order_relaxed);
  parts_.gate.leave(settled_);
}

void Committer::settle_operation(Operation& operation, Sequence sequence) {
  switch (operation.kind()) {
    case Operation::Kind::order:
      return settle_order(static_cast<OrderOperation&>(operation), sequence);
    case Operation::Kind::init:
      return settle_init(static_cast<InitOperation&>(operation));
    case Operation::Kind::join:
      return parts_.room.settle(static_cast<JoinOperation&>(operation));
    case Operation::Kind::settings:
      return parts_.control.settle(static_cast<SettingsOperation&>(operation));
  }
}

// The next owners' places in the index are cold: they were written a batch ago by other cores.
void Committer::prefetch(const Operation& operation) const noexcept {
  if (operation.kind() != Operation::Kind::order) return;
  parts_.index.prefetch(static_cast<const OrderOperation&>(operation));
}

void Committer::settle_order(OrderOperation& order, Sequence sequence) {
  if (!order.round_->is_in_next_checkpoint) {
    rounds_since_checkpoint_.push_back(order.round_);
    order.round_->is_in_next_checkpoint = true;
  }
  order.round_->accept(order.request.quantity);
  order.result = {OrderStatus::accepted, false, sequence, parts_.order_ids.encode(sequence)};
  answer_waiters(parts_.index.settle(order, sequence), order);
}

void Committer::answer_waiters(OrderOperation* waiter, const OrderOperation& owner) {
  while (waiter != nullptr) {
    OrderOperation& present = *waiter;
    waiter = IdempotencyIndex::next_waiter(present);
    if (IdempotencyIndex::is_copy(present, owner)) {
      present.result = owner.result;
      present.result.replayed = true;
    } else {
      present.result = {};
      present.result.status = OrderStatus::key_reused;
    }
    hand_back(present);
  }
}

void Committer::settle_init(InitOperation& init) {
  if (init.opening_ == 0) return;
  const InitRequest& request = init.request;
  const inventory::RoundSpec spec{.quantity = request.quantity,
                                  .max_per_order = request.max_per_order,
                                  .max_per_user = request.max_per_user,
                                  .opened_at = {written_->first, written_->end.block}};
  if (inventory::Product* product = parts_.inventory.find(request.product_id)) {
    parts_.room.open_round(*product, spec);
  } else {
    parts_.inventory.create(request.product_id, spec);
  }
}

void Committer::fail_pending() {
  // Those that were settled before memory ran out have their answer; they only wait for delivery.
  const std::size_t first = std::exchange(settled_, 0);
  std::size_t failed = batch_.size();
  for (std::size_t i = first; i < batch_.size(); ++i) fail_operation(*batch_[i]);
  batch_.clear();
  inits_in_batch_.clear();
  while (backlog_ != nullptr) {
    Operation& operation = *std::exchange(backlog_, backlog_->next_);
    fail_operation(operation);
    ++failed;
  }
  parts_.gate.leave(failed);
  deliver_batch();
  if (!std::exchange(failure_told_, true) && parts_.on_failure) {
    parts_.on_failure(failure_->message);
  }
}

void Committer::fail_operation(Operation& operation) {
  if (operation.kind() == Operation::Kind::init) {
    static_cast<InitOperation&>(operation).result = {InitStatus::storage_unavailable, 0, 0};
  } else if (operation.kind() == Operation::Kind::join) {
    static_cast<JoinOperation&>(operation).result = {JoinStatus::storage_unavailable, {}, {}};
  } else if (operation.kind() == Operation::Kind::settings) {
    static_cast<SettingsOperation&>(operation).result = {SettingsStatus::storage_unavailable};
  } else {
    auto& order = static_cast<OrderOperation&>(operation);
    order.result = {};
    order.result.status = OrderStatus::storage_unavailable;
    OrderOperation* waiter = parts_.index.forget_outcome(order);
    while (waiter != nullptr) {
      OrderOperation& present = *waiter;
      waiter = IdempotencyIndex::next_waiter(present);
      present.result = order.result;
      present.result.replayed = IdempotencyIndex::is_copy(present, order);
      hand_back(present);
    }
  }
  hand_back(operation);
}

void Committer::hand_back(Operation& operation) noexcept {
  CompletionSink& sink = *operation.sink_;
  operation.next_ = nullptr;
  if (sink.batch_first_ == nullptr) {
    sink.batch_first_ = &operation;
    sink.next_in_batch_ = std::exchange(sinks_, &sink);
  } else {
    sink.batch_last_->next_ = &operation;
  }
  sink.batch_last_ = &operation;
}

void Committer::deliver_batch() noexcept {
  while (sinks_ != nullptr) {
    // Read everything first: the sink may be gone once its last operation is delivered.
    CompletionSink& sink = *sinks_;
    sinks_ = std::exchange(sink.next_in_batch_, nullptr);
    sink.batch_last_ = nullptr;
    sink.deliver(std::exchange(sink.batch_first_, nullptr));
  }
}

bool Committer::tend() {
  const auto utc = parts_.clock.utc();
  const bool is_any_forgotten = parts_.index.lifetime().expire(utc);
  // Whatever the clock does next: a key is sold again only after its life, also by the log's time.
  if (is_any_forgotten) parts_.log.not_before(utc);
  bool any = is_any_forgotten;
  if (failure_) return any;
  if (auto tended = parts_.log.tend(); !tended) {
    fail(tended.error());
    gather();
    fail_pending();
    any = true;
  }
  return any;
}

// Before writes, which take it, and once a second without any: others take it, too, and give it
// back.
void Committer::watch_space() {
  const auto now = parts_.clock.monotonic();
  if (now < space_looked_at_ + (is_full() ? space_interval_full : space_interval)) return;
  look_at_space(now);
}

void Committer::look_at_space(std::chrono::nanoseconds now) {
  space_looked_at_ = now;
  const Result<LogSpace> space = parts_.log.space();
  if (!space) return fail(space.error());
  parts_.gate.set_space(*space);
}

std::chrono::nanoseconds Committer::next_look() const noexcept {
  return space_looked_at_ + (is_full() ? space_interval_full : space_interval_idle);
}

std::optional<std::chrono::nanoseconds> Committer::next_step() const {
  std::optional<std::chrono::nanoseconds> due;
  // What a batch left over, because the block was full, was pushed long ago and wakes nobody.
  // A failure that was seen while the engine was made is told by the first step.
  const bool has_news = failure_ && !failure_told_;
  if (backlog_ != nullptr || has_news) return std::chrono::nanoseconds{0};
  if (!failure_) {
    due = parts_.log.next_due();
    const auto held = owed_since_ ? *owed_since_ + parts_.owed_max : delay_.until();
    if (held && (!due || *held < *due)) due = held;
    // As in gather_all(): else a line that may not move would be due for ever.
    const bool may_call = parts_.gate.state() == EngineState::running;
    const auto line = may_call ? parts_.room.next_due() : std::nullopt;
    if (line && (!due || *line < *due)) due = line;
    if (const auto look = next_look(); !due || look < *due) due = look;
  }
  if (const auto expiry = parts_.index.lifetime().next_expiry()) {
    // Not a sum that overflows: the wall clock may have been centuries ahead, or be.
    const auto until = std::clamp<std::chrono::milliseconds>(
        *expiry - parts_.clock.utc(), std::chrono::milliseconds{0}, expiry_wait_max);
    const auto at = parts_.clock.monotonic() + until;
    if (!due || at < *due) due = at;
  }
  return due;
}

Result<void> Committer::close() {
  if (!failure_) {
    if (auto closed = parts_.log.close(); !closed) failure_ = closed.error();
  }
  if (failure_) return *failure_;
  return {};
}

void Committer::publish_stats() noexcept {
  const orderlog::LogWriterStats& stats = parts_.log.stats();
  blocks_total_.store(parts_.log.tail().block, std::memory_order_relaxed);
  commits_.store(stats.blocks, std::memory_order_relaxed);
  commit_ns_total_.store(stats.write_ns_total, std::memory_order_relaxed);
  commit_ns_max_.store(stats.write_ns_max, std::memory_order_relaxed);
}

void Committer::add_stats(EngineStats& stats) const noexcept {
  stats.orders_total = orders_total_.load(std::memory_order_relaxed);
  stats.units_total = units_total_.load(std::memory_order_relaxed);
  stats.blocks_total = blocks_total_.load(std::memory_order_relaxed);
  stats.commits = commits_.load(std::memory_order_relaxed);
  stats.commit_ns_total = commit_ns_total_.load(std::memory_order_relaxed);
  stats.commit_ns_max = commit_ns_max_.load(std::memory_order_relaxed);
}

}  // namespace fluxgate::engine

#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/operation.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "fluxgate/settings.hpp"
#include "fluxgate/stats.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate {

class OrderAwaitable;

/// Runs a completion somewhere else: called with the work, on the thread that has the answer.
using Executor = std::function<void(std::function<void()>)>;
using OrderCallback = std::function<void(const OrderResult&)>;

/// Asks for a page of the order log.
struct OrdersQuery {
  std::string product_id = {};  ///< empty: all products
  RoundNumber round = 0;        ///< 0: all rounds; needs product_id
  Sequence after = 0;           ///< orders with a higher sequence
  std::size_t limit = 100;      ///< 1..1000
};

struct OrdersPage {
  std::vector<OrderRecord> orders;  ///< in order of sequence
  /// The last sequence looked at if there may be more; pass it as `after`. None at the end.
  std::optional<Sequence> next;
};

/// What the log says of one round.
struct Audit {
  std::string product_id;
  RoundNumber round = 0;
  Units quantity = 0;
  std::uint64_t orders_in_log = 0;
  Units units_in_log = 0;
  [[nodiscard]] bool oversold() const noexcept { return units_in_log > quantity; }
};

/// Sells products: takes units from stock, once per key, and answers when the order is durable.
///
/// Problem:    a hundred units, a million buyers, who retry; sell exactly a hundred, to a hundred
///             different orders, and lose none of them.
/// Guarantees: stock is never below zero; a user's key buys at most once while it is remembered;
///             `accepted` is as durable as EngineOptions::durability says; a failed log write
///             stops the selling for ever (only a restart knows what is on disk).
///
/// The order of decisions: arguments, key seen?, product known?, limits, sold out?, pass or rate,
/// take, make durable, answer.
///
/// Threads:  every method from any thread, any number at once, unless it says otherwise.
///           A completion without an executor runs on the thread that settles the commit (or, for
///           a copy of a refused order, on the thread that submitted that one) and must not wait
///           for this engine: a blocking call, step(), next_step() or close() in it aborts.
/// Errors:   answers of the sale are OrderStatus and InitStatus; operating errors are Error. Calls
///           that copy their request throw std::bad_alloc. Short of memory, submit() says
///           `overloaded`; a commit fails as if storage had.
/// Lifetime: the caller owns it. Destroying it closes it; no call may be running then.
///
/// Example:
///     auto engine = fluxgate::Engine::open({.data_dir = "./sale"});
///     if (!engine) return fail(engine.error().message);
///     (*engine)->init({.product_id = "iphone-15", .quantity = 100});
///     auto sale = (*engine)->order({.product_id = "iphone-15", .user_id = "ann", .key = "k-1"});
///     if (sale.status == fluxgate::OrderStatus::accepted) ship(sale.order_id.view());
class Engine {
 public:
  /// Opens the log, checks it, and rebuilds stock and keys from it.
  ///
  /// Errors: invalid_argument, in_use, permission, newer_format, damaged (nothing was touched),
  ///         unavailable.
  [[nodiscard]] static Result<std::unique_ptr<Engine>> open(EngineOptions options);

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  /// close(), if it was not called.
  ~Engine();

  // ---- Ordering -----------------------------------------------------------------------------

  /// Orders and waits for the answer. With commit_threads 0 this call does the committing.
  [[nodiscard]] OrderResult order(const OrderRequest& request);

  /// Orders; `done` is called exactly once: before this returns if nothing needs to be written,
  /// else by the thread that has the answer, or through `executor`. Copies the request.
  void order(const OrderRequest& request, OrderCallback done, Executor executor = nullptr);

  /// Orders; the future is ready when the answer is there. Copies the request.
  [[nodiscard]] std::future<OrderResult> order_future(const OrderRequest& request);

  /// Orders when awaited: `OrderResult r = co_await engine.order_async(request);`. The coroutine
  /// goes on where it is (nothing to write), where the answer is, or through `executor`. The
  /// request's views must stay valid until then. Allocates nothing without an executor.
  [[nodiscard]] OrderAwaitable order_async(const OrderRequest& request,
                                           Executor executor = nullptr);

  /// The form the others are made of: no allocation, no wait.
  [[nodiscard]] Submission submit(OrderOperation& operation, Wake wake = Wake::now) noexcept;
  /// True if the order's key was accepted, or an order under it is in flight: submitted now, it
  /// would be answered from that, and take nothing. The operation's, until it is submitted.
  [[nodiscard]] bool knows_key(OrderOperation& operation) const noexcept;
  /// Lets the committing thread see what was submitted with Wake::later. Cheap if there is nothing.
  void wake() noexcept;

  // ---- Products -----------------------------------------------------------------------------

  /// Creates a product or opens its next round; waits until that is durable.
  [[nodiscard]] InitResult init(const InitRequest& request);
  [[nodiscard]] Submission submit(InitOperation& operation) noexcept;

  [[nodiscard]] std::optional<ProductSnapshot> product(std::string_view product_id) const;
  /// At most `limit` products with ids greater than `after`, in byte order of their ids.
  [[nodiscard]] std::vector<ProductSnapshot> products(std::string_view after,
                                                      std::size_t limit) const;

  // ---- Waiting in line ----------------------------------------------------------------------

  /// Gives a person a place in line, or finds the one he has; waits until it is durable.
  [[nodiscard]] JoinResult join(const JoinRequest& request);
  [[nodiscard]] Submission submit(JoinOperation& operation) noexcept;

  /// How the holder of a ticket stands, who counts as present by asking. None: this engine never
  /// gave such a ticket. Half a microsecond, however long the line is; the first time two.
  [[nodiscard]] std::optional<Place> look(std::string_view ticket);
  /// Whose ticket it is. None: this engine never gave such a ticket.
  [[nodiscard]] std::optional<TicketHolder> ticket_holder(std::string_view ticket) const;

  // ---- Steering the sale ---------------------------------------------------------------------

  /// Changes settings; waits until that is durable and in force.
  [[nodiscard]] SettingsResult change(const SettingsChange& change);
  [[nodiscard]] Submission submit(SettingsOperation& operation) noexcept;
  [[nodiscard]] SaleSettings settings() const;

  // ---- Reading the log; these read from disk and may take long ------------------------------

  /// False: this engine never gave such an id to an order. Asks no disk.
  [[nodiscard]] bool is_order_id(std::string_view order_id) const noexcept;
  /// The order with this id. Errors: not_found, unavailable, damaged.
  [[nodiscard]] Result<OrderRecord> find_order(std::string_view order_id) const;
  /// Errors: invalid_argument, unavailable, damaged. A page looks at 100'000 orders at most.
  [[nodiscard]] Result<OrdersPage> orders(const OrdersQuery& query) const;
  /// Counts a round in the log (`round` 0: the present one). Errors: not_found, unavailable,
  /// damaged.
  [[nodiscard]] Result<Audit> audit(std::string_view product_id, RoundNumber round) const;

  // ---- Running ------------------------------------------------------------------------------

  [[nodiscard]] EngineState state() const noexcept;
  [[nodiscard]] EngineStats stats() const;

  /// Does the committing that is due: gathers, writes, settles. True if it did anything. For hosts
  /// with commit_threads 0; harmless beside the engine's own thread. One step runs at a time;
  /// others wait for it.
  bool step();
  /// When step() is next needed though nothing is submitted (Clock::monotonic), within a second
  /// while it runs; none: never.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> next_step() const;

  /// Refuses new orders with `draining`; what is in flight goes on.
  void drain() noexcept;
  /// drain(), commits what is in flight, syncs the log and its mark, ends the engine's thread.
  /// Orders are answered `draining` from then on; reading goes on. Errors: unavailable.
  Result<void> close();

 private:
  explicit Engine(std::unique_ptr<engine::Core> core);

  std::unique_ptr<engine::Core> core_;
};

/// What Engine::order_async returns. Await it once, where it was made.
class OrderAwaitable final : private CompletionSink {
 public:
  OrderAwaitable(Engine& engine, const OrderRequest& request, Executor executor);

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  /// False: the answer is already there and the coroutine goes on at once.
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) noexcept;
  [[nodiscard]] OrderResult await_resume() const noexcept { return operation_.result; }

 private:
  void deliver(Operation* first) noexcept override;

  Engine& engine_;
  OrderOperation operation_;
  Executor executor_;
  std::coroutine_handle<> waiting_;
};

}  // namespace fluxgate

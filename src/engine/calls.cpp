// The ways to call an engine that are made of submit(): blocking, callback, future, co_await.

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "engine/core.hpp"
#include "fluxgate/engine.hpp"

namespace fluxgate {
namespace {

/// Lets one thread wait for one operation.
///
/// Threads: deliver() from the settling thread, wait() from the caller. The lock is held while
///          notifying, so that wait() cannot return, and the waiter die, before deliver() is done.
class Waiter : public CompletionSink {
 public:
  void deliver(Operation*) noexcept override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_one();
  }

  void wait(engine::Core& core) {
    core.check_may_wait();
    if (!core.steps_itself()) {
      // Another thread may be in step() with our operation: then there is nothing for us to do.
      while (!is_done()) {
        if (!core.step()) std::this_thread::yield();
      }
      return;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

 private:
  bool is_done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;  // guarded by mutex_
};

/// Submits an operation and waits for its result.
template <typename Op, typename Request>
auto call(Engine& engine, engine::Core& core, const Request& request) {
  Waiter waiter;
  Op operation(waiter);
  operation.request = request;
  if (engine.submit(operation) == Submission::pending) waiter.wait(core);
  return std::move(operation.result);
}

/// A copy of a request, an operation and a callback, which delete themselves after the call.
class CallbackCall final : public CompletionSink {
 public:
  CallbackCall(const OrderRequest& request, OrderCallback done, Executor executor)
      : product_id_(request.product_id),
        user_id_(request.user_id),
        key_(request.key),
        pass_(request.pass),
        operation_(*this),
        done_(std::move(done)),
        executor_(std::move(executor)) {
    operation_.request = {product_id_, user_id_, key_, request.quantity, pass_};
  }

  static void start(engine::Core& core, std::unique_ptr<CallbackCall> call) {
    if (core.submit(call->operation_) == Submission::completed) {
      call->done_(call->operation_.result);
    } else {
      static_cast<void>(call.release());  // deliver() owns it, and may have ended it already
    }
  }

 private:
  void deliver(Operation*) noexcept override {
    if (!executor_) {
      finish();
    } else {
      // Out of this object first: the work may run, and delete it, before the executor returns.
      const Executor executor = std::move(executor_);
      executor([this] { finish(); });
    }
  }

  void finish() {
    done_(operation_.result);
    delete this;
  }

  std::string product_id_;
  std::string user_id_;
  std::string key_;
  std::string pass_;
  OrderOperation operation_;
  OrderCallback done_;
  Executor executor_;
};

}  // namespace

OrderResult Engine::order(const OrderRequest& request) {
  return call<OrderOperation>(*this, *core_, request);
}

InitResult Engine::init(const InitRequest& request) {
  return call<InitOperation>(*this, *core_, request);
}

JoinResult Engine::join(const JoinRequest& request) {
  return call<JoinOperation>(*this, *core_, request);
}

SettingsResult Engine::change(const SettingsChange& change) {
  return call<SettingsOperation>(*this, *core_, change);
}

void Engine::order(const OrderRequest& request, OrderCallback done, Executor executor) {
  CallbackCall::start(
      *core_, std::make_unique<CallbackCall>(request, std::move(done), std::move(executor)));
}

std::future<OrderResult> Engine::order_future(const OrderRequest& request) {
  auto promise = std::make_shared<std::promise<OrderResult>>();
  auto future = promise->get_future();
  order(request, [promise](const OrderResult& result) { promise->set_value(result); });
  return future;
}

OrderAwaitable Engine::order_async(const OrderRequest& request, Executor executor) {
  return OrderAwaitable(*this, request, std::move(executor));
}

OrderAwaitable::OrderAwaitable(Engine& engine, const OrderRequest& request, Executor executor)
    : engine_(engine), operation_(*this), executor_(std::move(executor)) {
  operation_.request = request;
}

bool OrderAwaitable::await_suspend(std::coroutine_handle<> waiting) noexcept {
  waiting_ = waiting;
  // Once pending, the coroutine may run and end elsewhere: nothing of this object is touched.
  return engine_.submit(operation_) == Submission::pending;
}

void OrderAwaitable::deliver(Operation*) noexcept {
  if (!executor_) {
    waiting_.resume();
  } else {
    const Executor executor = std::move(executor_);
    executor([waiting = waiting_] { waiting.resume(); });
  }
}

}  // namespace fluxgate

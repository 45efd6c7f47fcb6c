// Sells four tickets inside this program, one by each way of calling the engine.
#include <fluxgate/fluxgate.hpp>

#include <coroutine>
#include <cstdio>
#include <exception>
#include <future>

namespace {

using fluxgate::OrderResult;

void show(const char* how, const OrderResult& result) {
  std::printf("%-13s %s %s\n", how, fluxgate::to_string(result.status),
              result.order_id.str().c_str());
}

// The smallest coroutine type: starts at once, and nobody waits for it.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached order_in_coroutine(fluxgate::Engine& engine, std::promise<OrderResult>& answer) {
  answer.set_value(
      co_await engine.order_async({.product_id = "concert", .user_id = "dora", .key = "dora-1"}));
}

}  // namespace

int main() {
  auto opened = fluxgate::Engine::open({.durability = fluxgate::Durability::memory});
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  fluxgate::Engine& engine = **opened;
  if (engine.init({.product_id = "concert", .quantity = 4}).status != fluxgate::InitStatus::ok) {
    return 1;
  }

  // Blocking: returns when the order is durable.
  show("blocking", engine.order({.product_id = "concert", .user_id = "ann", .key = "ann-1"}));

  // Callback: runs on the thread that committed, or through an executor of yours.
  std::promise<OrderResult> called;
  engine.order({.product_id = "concert", .user_id = "bob", .key = "bob-1"},
               [&](const OrderResult& result) { called.set_value(result); });
  show("callback", called.get_future().get());

  // Future.
  auto future = engine.order_future({.product_id = "concert", .user_id = "cyd", .key = "cyd-1"});
  show("future", future.get());

  // Coroutine.
  std::promise<OrderResult> resumed;
  order_in_coroutine(engine, resumed);
  show("co_await", resumed.get_future().get());

  // The fifth finds nothing; a retry of the first gets the first one's answer.
  show("too late", engine.order({.product_id = "concert", .user_id = "eve", .key = "eve-1"}));
  const auto retry = engine.order({.product_id = "concert", .user_id = "ann", .key = "ann-1"});
  show("retry", retry);

  const auto left = engine.product("concert");
  std::printf("accepted %llu, stock %llu\n", static_cast<unsigned long long>(left->accepted),
              static_cast<unsigned long long>(left->stock));
  return left->accepted == 4 && left->stock == 0 && retry.replayed ? 0 : 1;
}

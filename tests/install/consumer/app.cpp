// Embeds the engine: one unit, two buyers.
#include <cstdio>
#include <fluxgate/fluxgate.hpp>
#include <utility>

int main() {
  fluxgate::EngineOptions options;
  options.durability = fluxgate::Durability::memory;
  auto engine = fluxgate::Engine::open(std::move(options));
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().message.c_str());
    return 1;
  }
  fluxgate::InitRequest init;
  init.product_id = "iphone-15";
  init.quantity = 1;
  if ((*engine)->init(init).status != fluxgate::InitStatus::ok) return 1;

  fluxgate::OrderRequest order;
  order.product_id = "iphone-15";
  order.user_id = "ann";
  order.key = "k-1";
  const fluxgate::OrderStatus first = (*engine)->order(order).status;
  order.user_id = "bob";
  const fluxgate::OrderStatus second = (*engine)->order(order).status;
  std::printf("%s, %s\n", fluxgate::to_string(first), fluxgate::to_string(second));
  return (*engine)->close() ? 0 : 1;
}

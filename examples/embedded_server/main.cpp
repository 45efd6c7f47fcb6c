// Runs the HTTP service inside a program that also sells by itself, from the same stock.
#include <fluxgate/fluxgate.hpp>
#include <fluxgate/server.hpp>

#include <cstdio>

int main() {
  auto engine = fluxgate::Engine::open({.durability = fluxgate::Durability::memory});
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().message.c_str());
    return 1;
  }
  auto server = fluxgate::Server::start(**engine, {.port = 0, .threads = 1});
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("serving on http://localhost:%u\n", unsigned{(*server)->port()});

  static_cast<void>((*engine)->init({.product_id = "poster", .quantity = 10}));
  const auto sale =
      (*engine)->order({.product_id = "poster", .user_id = "till-3", .key = "receipt-17"});
  std::printf("sold at the till: %s\n", fluxgate::to_string(sale.status));

  // A real program serves until it is told to end; this one has shown what it can.
  const bool drained = (*server)->stop();
  return sale.status == fluxgate::OrderStatus::accepted && drained ? 0 : 1;
}

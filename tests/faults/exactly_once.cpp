#include "faults/exactly_once.hpp"

#include <chrono>
#include <string>

#include "faults/sale.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {

Figures order_exactly_once(const OnceShape& shape) {
  constexpr std::chrono::seconds life_deadline{60};
  const TempDir folder;
  const std::filesystem::path data_dir = folder / "data";
  const ServerProcessOptions options = faults_server(data_dir, {"--threads", "2"});
  Sale sale(shape.seed, {.buyers = 4, .depth = 128, .retry_percent = 50});
  Figures figures;
  const std::uint64_t answers_per_life =
      shape.requests / static_cast<std::uint64_t>(shape.kills) + 1;
  for (int life = 0; sale.journal().tries() < shape.requests; ++life) {
    ServerProcess server(options);
    if (life == 0) sale.open(server.port());
    sale.retry(server.port(), 0);
    const auto began = std::chrono::steady_clock::now();
    sale.start(server.port());
    const bool came = sale.journal().wait_answers(answers_per_life, life_deadline);
    sale.expect_end();
    server.crash();
    sale.end();
    require(came, "too few answers in time");
    const auto took = std::chrono::steady_clock::now() - began;
    figures.add("load_ms", static_cast<std::uint64_t>(took / std::chrono::milliseconds{1}));
    figures.add("kills");
  }
  ServerProcess server(options);
  sale.retry(server.port(), Sale::everybody);
  sale.check(server.port(), data_dir);
  require(server.terminate().exit_code == 0, "the server did not end with 0");
  figures.add("requests", sale.journal().tries());
  figures.add("retries", sale.journal().tries() - sale.journal().size());
  figures.add("orders", sale.logged());
  return figures;
}

}  // namespace fluxgate::testing

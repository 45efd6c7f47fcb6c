// Runs the HTTP service over an engine of its own.
#include <cstdio>
#include <fluxgate/fluxgate.hpp>
#include <fluxgate/server.hpp>
#include <utility>

int main() {
  fluxgate::EngineOptions engine_options;
  engine_options.durability = fluxgate::Durability::memory;
  auto engine = fluxgate::Engine::open(std::move(engine_options));
  if (!engine) return 1;
  fluxgate::ServerOptions server_options;
  server_options.host = "127.0.0.1";
  server_options.port = 0;
  server_options.threads = 1;
  auto server = fluxgate::Server::start(**engine, std::move(server_options));
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  const bool has_port = (*server)->port() != 0;
  std::printf("%s\n", has_port && (*server)->stop() ? "served" : "failed");
  return 0;
}

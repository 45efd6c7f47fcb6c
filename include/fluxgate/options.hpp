#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "fluxgate/clock.hpp"
#include "fluxgate/entropy.hpp"

namespace fluxgate {

class LogStorage;

/// When an accepted order is answered.
enum class Durability : std::uint8_t {
  sync = 0,    ///< after its log write is fsynced: survives a power cut
  os = 1,      ///< after it is in the kernel: survives the process; synced within a second
  memory = 2,  ///< at once: the log is kept in memory, nothing is written
};

enum class LogLevel : std::uint8_t { debug = 0, info = 1, warning = 2, error = 3 };

/// Takes one line for people, without a line end. Any thread; must not call the engine.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// 100 years: the longest life of a key that still ends.
inline constexpr std::chrono::seconds idempotency_ttl_max{3'153'600'000};

/// How to open an Engine.
struct EngineOptions {
  // ---- What changes behaviour -------------------------------------------------------------

  /// Directory of the order log; made, with mode 0700, if missing. Unused with `memory`.
  std::string data_dir = "./fluxgate-data";
  Durability durability = Durability::sync;
  /// Admissions per second, all products together; 0: no limit. At most 1'000'000'000.
  std::uint64_t rate_limit = 0;
  /// Admissions that may come at once after a quiet time; 0: as many as `rate_limit`.
  std::uint64_t rate_burst = 0;
  /// How long an accepted key is remembered, from its order's acceptedAt; 0: for ever; at most
  /// idempotency_ttl_max. The system's clock decides, so a jump of it moves the end. A key lives
  /// up to a tenth of a second longer than this. A longer life costs memory: about 50 bytes a key.
  std::chrono::seconds idempotency_ttl{86'400};

  // ---- What changes performance -----------------------------------------------------------

  /// 1: a thread of the engine commits. 0: none does; the host calls Engine::step().
  unsigned commit_threads = 1;
  /// How long the commit thread may hold orders that come thinly, so that one write serves several:
  /// 0..100'000 us; 0: not at all; only with `sync`. It costs them this time and saves the others
  /// the CPU time of a write. A client by himself, who waits for each answer, is held once in 64
  /// orders. Only with the system's clock: another might stand still, and with it whoever is held.
  std::chrono::microseconds commit_delay_max{1'000};
  /// RocksDB's background threads (flush and compaction), 1..16. They belong to the process:
  /// several engines share them.
  unsigned storage_threads = 1;
  /// Orders that may await their commit, 1..1'000'000; one more is `overloaded`. Each costs its
  /// caller's OrderOperation; together they bound how long an order can wait.
  std::size_t pending_orders_max = 65'536;

  // ---- Edges ------------------------------------------------------------------------------

  const Clock* clock = nullptr;   ///< null: system_clock(); must outlive the engine
  Entropy* entropy = nullptr;     ///< null: system_entropy(); must outlive the engine
  LogStorage* storage = nullptr;  ///< null: by `durability`; else used instead, outlives engine
  LogSink log = {};               ///< empty: silent
  /// Called once, from the committing thread, when storage has failed and every waiting order
  /// has been answered. Must not call the engine.
  std::function<void(std::string_view why)> on_storage_failure = {};
};

/// How to run a Server (fluxgate::server).
struct ServerOptions {
  // ---- What changes behaviour -------------------------------------------------------------

  /// "localhost" listens on 127.0.0.1 and, where IPv6 exists, ::1; else one address or name.
  std::string host = "localhost";
  /// 0 picks a free port; Server::port() tells which.
  std::uint16_t port = 3000;
  /// Where a 302 points; `productId` is appended as a query parameter.
  std::string waiting_room_url = "/waiting-room";
  /// Mustache template of the waiting room's page, and JSON that replaces its texts and colours
  /// (docs/WAITING_ROOM.md); empty: what is built in.
  std::string waiting_room_template = {};
  std::string waiting_room_texts = {};
  /// Bearer token of the admin routes; empty: only direct loopback callers may use them.
  std::string admin_token = {};
  /// Address or network (CIDR) whose X-Forwarded-For is believed; empty: nobody's.
  std::string trusted_proxy = {};
  /// Open connections, whole server, 1..1'000'000. One more is answered 503 and closed.
  std::size_t max_connections = 16'384;
  /// Open connections of one peer address; 0: no limit. One more is answered 429 and closed.
  std::size_t max_connections_per_address = 0;
  /// Requests after which a connection is closed; 0: no limit.
  std::uint64_t max_requests_per_connection = 0;
  /// Requests per second of one client's address, at most 1'000'000; 0: no limit. One more is
  /// answered 429. /healthz, /readyz and /metrics are not counted.
  std::uint64_t client_rate = 0;
  /// Requests of an address that may come at once after a quiet time, at most 1'000'000; 0: as many
  /// as `client_rate`.
  std::uint64_t client_burst = 0;
  /// The same for orders of one user.
  std::uint64_t user_rate = 0;
  std::uint64_t user_burst = 0;

  /// Event streams of the waiting room open at one time, 1..1'000'000. One more is answered 503,
  /// and its page polls.
  std::size_t max_streams = 4'096;

  // ---- What changes performance -----------------------------------------------------------

  /// HTTP shards: threads with one io_context and one listener each. 0: one per core.
  unsigned threads = 0;
  /// Threads that read the log for /orders and /audit, so that no shard waits for a disk: 1..16.
  unsigned read_threads = 1;

  // ---- Deadlines, each for the whole of what it names; resolution one second --------------

  std::chrono::seconds header_timeout{10};
  std::chrono::seconds body_timeout{10};
  std::chrono::seconds write_timeout{10};
  std::chrono::seconds idle_timeout{75};
  /// How long stop() waits for answers in flight.
  std::chrono::seconds drain_timeout{10};

  // ---- Edges ------------------------------------------------------------------------------

  const Clock* clock = nullptr;  ///< of the limits per client; null: system_clock()
  Entropy* entropy = nullptr;  ///< of hashes and guests' ids; null: system_entropy(); at start only
  LogSink log = {};            ///< empty: silent
};

}  // namespace fluxgate

#pragma once

#include <cstdint>

#include "fluxgate/settings.hpp"

namespace fluxgate {

/// Whether the engine takes orders.
enum class EngineState : std::uint8_t {
  running = 0,
  draining = 1,  ///< drain() was called
  full = 2,      ///< space is low: replays and reads go on
  failed = 3,    ///< a log write failed: only a restart helps
};

/// Counts since open, except where said. Each is exact when nothing is under way; together they
/// are not one instant's.
struct EngineStats {
  EngineState state = EngineState::running;
  SaleSettings settings = {};          ///< in force now
  std::uint64_t products = 0;          ///< known now
  std::uint64_t orders_total = 0;      ///< in the log, since it began
  std::uint64_t units_total = 0;       ///< in those orders
  std::uint64_t keys = 0;              ///< remembered now, accepted and in flight
  std::uint64_t key_bytes = 0;         ///< memory of the key index, bytes
  std::uint64_t pending_orders = 0;    ///< await their commit now
  std::uint64_t line_waiting = 0;      ///< people in line now
  std::uint64_t line_bytes = 0;        ///< memory of the line, bytes
  std::uint64_t tickets_total = 0;     ///< since the log began
  std::uint64_t admissions_total = 0;  ///< passes issued since open
  std::uint64_t blocks_total = 0;      ///< in the log
  std::uint64_t commits = 0;           ///< log writes since open
  std::uint64_t commit_ns_total = 0;   ///< time in those writes, ns
  std::uint64_t commit_ns_max = 0;     ///< the longest of them, ns
};

}  // namespace fluxgate

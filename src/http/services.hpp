#pragma once

#include <string>
#include <vector>

#include "fluxgate/engine.hpp"
#include "fluxgate/options.hpp"
#include "http/admin_rule.hpp"
#include "http/answers.hpp"
#include "http/client_limits.hpp"
#include "http/counters.hpp"
#include "http/guest_ids.hpp"
#include "http/pages.hpp"
#include "http/place_stream.hpp"
#include "http/read_pool.hpp"
#include "http/waiting_room_page.hpp"

namespace fluxgate::http {

/// What all shards share: the engine, what is fixed at start, and the reader threads.
///
/// Threads: made before the shards run, then read by all; `engine`, `clients`, `guests`,
///          `reads` and `streams` are theirs to call.
struct Services {
  Services(Engine& engine_to_serve, const ServerOptions& server_options, AdminRule rule,
           WaitingRoomPage page);

  Engine& engine;
  const ServerOptions options;
  const AdminRule admin;
  ClientLimits clients;
  const Answers answers;
  const Page home;
  const Page waiting;
  const WaitingRoomPage waiting_room;
  GuestIds guests;
  /// Location of a 302, up to the product.
  const std::string waiting_location;
  std::vector<const ShardCounters*> counters;  ///< of each shard
  ReadPool reads;
  StreamCount streams;
};

}  // namespace fluxgate::http

#pragma once

#include <boost/asio/ip/address.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/answers.hpp"
#include "http/calls.hpp"
#include "http/counters.hpp"
#include "http/json_read.hpp"
#include "http/place_stream.hpp"
#include "http/request.hpp"
#include "http/room_request.hpp"
#include "http/router.hpp"
#include "http/services.hpp"
#include "http/uri.hpp"

namespace fluxgate::http {

/// What became of a request when handle() returned.
enum class Handled {
  answered,   ///< the answer is in the output
  called,     ///< the engine has a call; finish_call() when it is back
  reading,    ///< `read` wants to run on a reader thread; finish_read() with what it returned
  streaming,  ///< the answer has begun; `stream` says what follows
  ending,     ///< the answer is in the output, and the last of its connection
};

/// One request and its answer: what a handler works with.
///
/// Threads:  the session's shard.
/// Lifetime: one per session, used again for each request. `request`, `body`, and with them the
///           calls' views, are good until the answer is written.
struct Exchange {
  Exchange(Services& shared, ShardCounters& shard_counters, JsonReader& shard_json,
           AnswerWriter writer, CompletionSink& completions, Session* owner) noexcept
      : services(shared),
        counters(shard_counters),
        json(shard_json),
        out(writer),
        sink(completions),
        session(owner),
        order(completions, owner) {}

  Services& services;
  ShardCounters& counters;
  JsonReader& json;
  AnswerWriter out;
  CompletionSink& sink;
  Session* session;
  bool is_loopback_peer = false;
  boost::asio::ip::address peer;

  // The present request.
  const Request* request = nullptr;
  char* body = nullptr;
  Route route = Route::none;
  Target target;
  std::string decoded;  ///< holds parts of the target that had escapes

  // What it waits for.
  OrderCall order;
  std::unique_ptr<InitCall> init;          ///< made for the first /init of a connection
  std::unique_ptr<JoinCall> join;          ///< made for the first join of a connection
  std::unique_ptr<SettingsCall> settings;  ///< made for the first change of a connection
  Operation::Kind awaited = Operation::Kind::order;
  ReadJob read;
  std::unique_ptr<RoomRequest> room;  ///< of who is on the waiting room's page

  PlaceStream stream;
};

/// Answers `exchange.request`, or starts what will. The order of checks is that of the contract:
/// limit of the address → route → method → admin rule → content type → key → JSON → fields.
[[nodiscard]] Handled handle(Exchange& exchange);

/// Writes the answer of the call that came back.
void finish_call(Exchange& exchange);
/// Writes the answer of the read that came back.
void finish_read(Exchange& exchange, const Reading& reading);

}  // namespace fluxgate::http

// What an order's request costs before it is decided: its header and its body, the common way and
// the way for everything else.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "http/json_read.hpp"
#include "http/limits.hpp"
#include "http/order_body.hpp"
#include "http/request_reader.hpp"

namespace fluxgate::http {
namespace {

const std::string common_body =
    R"({"productId":"iphone-15","userId":"0f8fad5b-d9cb-469f-a165-70867728950e"})";
// A space makes the shape another one.
const std::string other_body =
    R"({"productId": "iphone-15","userId":"0f8fad5b-d9cb-469f-a165-70867728950e"})";

std::string order_with(const std::string& body, const std::string& more_headers) {
  return "POST /order HTTP/1.1\r\nHost: localhost:3000\r\nUser-Agent: k6/1.8.1 (https://k6.io/)\r\n"
         "Content-Length: " +
         std::to_string(body.size()) +
         "\r\nContent-Type: application/json\r\n"
         "x-idempotency-key: 7c9e6679-7425-40de-944b-e07fc1f90ae7\r\nAccept-Encoding: gzip\r\n" +
         more_headers + "\r\n" + body;
}

// Reads two requests in turns.
void read_requests(benchmark::State& state, const std::string& one, const std::string& other) {
  BufferPool buffers;
  HeaderMemo memo;
  RequestReader reader(buffers, memo);
  bool is_other = false;
  for (auto _ : state) {
    const std::string& bytes = is_other ? other : one;
    is_other = !is_other;
    std::memcpy(reader.room().data(), bytes.data(), bytes.size());
    reader.commit(bytes.size());
    if (reader.next() != RequestReader::State::request) std::abort();
    benchmark::DoNotOptimize(reader.request());
    reader.consume();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(one.size()) * state.iterations());
}

// A client that sends the same header each time, but for the key.
void BM_Request_same_header(benchmark::State& state) {
  const std::string one = order_with(common_body, "");
  std::string other = one;
  other[other.find("7c9e6679")] = '8';
  read_requests(state, one, other);
}

void BM_Request_common_header(benchmark::State& state) {
  read_requests(state, order_with(common_body, ""), order_with(common_body, "DNT: 1\r\n"));
}

// A Connection line goes through Beast's parser.
void BM_Request_other_header(benchmark::State& state) {
  const std::string request = order_with(common_body, "Connection: keep-alive\r\n");
  read_requests(state, request, request);
}

void BM_Body_common(benchmark::State& state) {
  const std::string padded = common_body + std::string(input_padding_bytes, '\0');
  OrderBody order;
  for (auto _ : state) {
    const std::string_view body(padded.data(), common_body.size());
    if (!read_common_order(body, order)) std::abort();
    benchmark::DoNotOptimize(order);
  }
}

void BM_Body_other(benchmark::State& state) {
  std::string padded = other_body + std::string(input_padding_bytes, '\0');
  JsonReader reader;
  for (auto _ : state) {
    std::array<JsonField, 3> fields{{
        {.name = "productId", .kind = JsonField::Kind::id, .is_required = true},
        {.name = "userId", .kind = JsonField::Kind::id, .is_required = true},
        {.name = "quantity", .kind = JsonField::Kind::integer, .min = 1},
    }};
    if (reader.read(padded.data(), other_body.size(), fields)) std::abort();
    benchmark::DoNotOptimize(fields);
  }
}

BENCHMARK(BM_Request_same_header);
BENCHMARK(BM_Request_common_header);
BENCHMARK(BM_Request_other_header);
BENCHMARK(BM_Body_common);
BENCHMARK(BM_Body_other);

}  // namespace
}  // namespace fluxgate::http

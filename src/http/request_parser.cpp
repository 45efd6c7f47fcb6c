#include "http/request_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <limits>

#include "http/ascii.hpp"
#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

namespace beast = boost::beast;
using Field = beast::http::field;
using ErrorCodeOut = beast::error_code;
using BeastView = beast::string_view;

std::string_view view(BeastView text) noexcept {
  return {text.data(), text.size()};
}

std::optional<Method> method_of(beast::http::verb verb) noexcept {
  switch (verb) {
    case beast::http::verb::get:
      return Method::get;
    case beast::http::verb::head:
      return Method::head;
    case beast::http::verb::post:
      return Method::post;
    case beast::http::verb::patch:
      return Method::patch;
    case beast::http::verb::put:
    case beast::http::verb::delete_:
    case beast::http::verb::options:
    case beast::http::verb::trace:
    case beast::http::verb::connect:
      return Method::other;
    default:
      return std::nullopt;
  }
}

class HeaderParser final : public beast::http::basic_parser<true> {
 public:
  explicit HeaderParser(Request& request) noexcept : request_(request) {
    // The scan has checked both already; Beast's own bounds would only hide its answers.
    header_limit(std::numeric_limits<std::uint32_t>::max());
    body_limit(boost::none);
  }

  [[nodiscard]] std::optional<Problem> read(std::string_view header) {
    ErrorCodeOut error;
    put(boost::asio::const_buffer(header.data(), header.size()), error);
    if (problem_) return problem_;
    if (error || !is_header_done()) return Problem::malformed_request;
    if (hosts_ != 1 && !request_.http_1_0) return Problem::malformed_request;
    // A coding in HTTP/1.0 may have passed a proxy that did not understand it (RFC 9112, 6.1).
    if (request_.is_chunked && request_.http_1_0) return Problem::malformed_request;
    request_.keep_alive = keep_alive();
    return std::nullopt;
  }

 private:
  void on_request_impl(beast::http::verb verb, BeastView, BeastView target, int version,
                       ErrorCodeOut& error) override {
    const std::optional<Method> method = method_of(verb);
    if (!method) return fail(Problem::not_implemented, error);
    request_.method = *method;
    request_.target = view(target);
    request_.http_1_0 = version == 10;
  }

  void on_field_impl(Field field, BeastView name, BeastView beast_value,
                     ErrorCodeOut& error) override {
    const std::string_view value = view(beast_value);
    switch (field) {
      case Field::host:
        if (++hosts_ > 1 || !is_host(value)) return fail(Problem::malformed_request, error);
        request_.host = value;
        return;
      case Field::content_length:
        return take_content_length(value, error);
      case Field::transfer_encoding:
        return take_transfer_encoding(value, error);
      case Field::content_type:
        if (request_.has_content_type) return fail(Problem::malformed_request, error);
        request_.has_content_type = true;
        request_.content_type = value;
        return;
      case Field::authorization:
        if (has_authorization_) return fail(Problem::malformed_request, error);
        has_authorization_ = true;
        request_.authorization = value;
        return;
      case Field::expect:
        if (equals_any_case(value, "100-continue")) request_.expects_continue = true;
        return;
      case Field::accept:
        request_.accepts_json |= value.find("application/json") != std::string_view::npos;
        return;
      case Field::accept_language:
        if (request_.accept_language.empty()) request_.accept_language = value;
        return;
      case Field::cookie:
        if (request_.cookie.empty()) request_.cookie = value;
        return;
      case Field::via:
      case Field::origin:
      case Field::forwarded:
        request_.came_by_detour = true;
        return;
      default:
        return take_other(view(name), value, error);
    }
  }

  void take_content_length(std::string_view value, ErrorCodeOut& error) {
    const bool decimal = !value.empty() && std::all_of(value.begin(), value.end(),
                                                       [](char c) { return c >= '0' && c <= '9'; });
    if (has_length_ || has_coding_ || !decimal) return fail(Problem::malformed_request, error);
    has_length_ = true;
    std::uint64_t length = 0;
    for (const char c : value) {
      length = length * 10 + static_cast<std::uint64_t>(c - '0');
      if (length > body_bytes_max) return fail(Problem::body_too_large, error);
    }
    request_.content_length = static_cast<std::size_t>(length);
  }

  void take_transfer_encoding(std::string_view value, ErrorCodeOut& error) {
    if (has_coding_ || has_length_) return fail(Problem::malformed_request, error);
    has_coding_ = true;
    if (!equals_any_case(value, "chunked")) return fail(Problem::not_implemented, error);
    request_.is_chunked = true;
  }

  // The fields Beast has no number for. Ordered by first letter: most requests bring a few of them.
  void take_other(std::string_view name, std::string_view value, ErrorCodeOut& error) {
    if (equals_any_case(name, "x-idempotency-key")) {
      take_key(value, key_lines_);
    } else if (equals_any_case(name, "idempotency-key")) {
      take_key(value, standard_key_lines_);
    } else if (equals_any_case(name, "x-admission-pass")) {
      if (has_pass_) return fail(Problem::malformed_request, error);
      has_pass_ = true;
      request_.pass = value;
    } else if (starts_with_any_case(name, "x-forwarded-") || equals_any_case(name, "x-real-ip")) {
      request_.came_by_detour = true;
      if (equals_any_case(name, "x-forwarded-for")) take_forwarded_for(value);
    } else if (equals_any_case(name, "sec-fetch-site")) {
      request_.came_by_detour |= equals_any_case(value, "cross-site");
    }
  }

  // The header lies in one piece, its request line first. An empty line says nothing.
  void take_forwarded_for(std::string_view value) noexcept {
    static_assert(target_bytes_max + header_bytes_max + 1024 <= UINT16_MAX);
    if (value.empty()) return;
    const auto begin = static_cast<std::uint16_t>(value.data() - request_.target.data());
    if (request_.forwarded_bytes == 0) request_.forwarded_begin = begin;
    request_.forwarded_bytes =
        static_cast<std::uint16_t>(begin + value.size() - request_.forwarded_begin);
  }

  void take_key(std::string_view value, unsigned& lines) noexcept {
    const bool differs = request_.has_key && request_.key != value;
    request_.has_key_conflict |= ++lines > 1 || differs;
    request_.has_key = true;
    request_.key = value;
  }

  void fail(Problem problem, ErrorCodeOut& error) {
    problem_ = problem;
    error = beast::http::error::bad_value;
  }

  // A body is never given to Beast, so these are never called.
  void on_response_impl(int, BeastView, int, ErrorCodeOut&) override {}
  void on_header_impl(ErrorCodeOut&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCodeOut&) override {}
  std::size_t on_body_impl(BeastView, ErrorCodeOut&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCodeOut&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView, ErrorCodeOut&) override { return 0; }
  void on_finish_impl(ErrorCodeOut&) override {}

  Request& request_;
  std::optional<Problem> problem_;
  unsigned hosts_ = 0;
  unsigned key_lines_ = 0;
  unsigned standard_key_lines_ = 0;
  bool has_length_ = false;
  bool has_coding_ = false;
  bool has_authorization_ = false;
  bool has_pass_ = false;
};

}  // namespace

// The authority of a URI holds none of these.
bool is_host(std::string_view host) noexcept {
  return host.find_first_of(" \t,@/\\?#\"<>") == std::string_view::npos;
}

std::optional<Problem> parse_header(std::string_view header, Request& request) {
  request = Request();
  return HeaderParser(request).read(header);
}

}  // namespace fluxgate::http

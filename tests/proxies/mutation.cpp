#include "proxies/mutation.hpp"

#include <array>
#include <cstdio>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace fluxgate::testing {
namespace {

using namespace std::string_view_literals;

constexpr std::array codings{
    "Transfer-Encoding: chunked"sv,
    "transfer-encoding:chunked"sv,
    "Transfer-Encoding: Chunked"sv,
    "Transfer-Encoding:\tchunked"sv,
    "Transfer-Encoding: chunked "sv,
    "Transfer-Encoding : chunked"sv,
    "Transfer-Encoding\t: chunked"sv,
    "Transfer-Encoding: xchunked"sv,
    "Transfer-Encoding: chunkedx"sv,
    "Transfer-Encoding: x chunked"sv,
    "Transfer-Encoding: chunked, identity"sv,
    "Transfer-Encoding: identity, chunked"sv,
    "Transfer-Encoding: identity"sv,
    "Transfer-Encoding: gzip, chunked"sv,
    "Transfer-Encoding: chunked, chunked"sv,
    "Transfer-Encoding: ,chunked"sv,
    "Transfer-Encoding: chunked;q=1"sv,
    "Transfer-Encoding: \"chunked\""sv,
    "Transfer-Encoding: 'chunked'"sv,
    "Transfer-Encoding:\r\n chunked"sv,
    "Transfer-Encoding: identity\r\n , chunked"sv,
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"sv,
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"sv,
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"sv,
    "X: y\rTransfer-Encoding: chunked"sv,
    "X: y\nTransfer-Encoding: chunked"sv,
    "Transfer-Encoding: chunked\n"sv,
    "Transfer_Encoding: chunked"sv,
    "Transfer-Encoding: \vchunked"sv,
    "Transfer-Encoding: chunked\v"sv,
    "Transfer-Encoding: \0chunked"sv,
    "Transfer-Encoding: chun\xc4\xb1ked"sv,
    " Transfer-Encoding: chunked"sv,
    "Transfer-Encoding"sv,
    "Transfer-Encoding:"sv,
    "TE: chunked"sv,
    "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked"sv,
};

// "N": the length; "L": another.
constexpr std::array lengths{
    "Content-Length: N"sv,
    "content-length:N"sv,
    "Content-Length: L"sv,
    "Content-Length: 0"sv,
    "Content-Length: +N"sv,
    "Content-Length: -N"sv,
    "Content-Length: 0N"sv,
    "Content-Length: 0xN"sv,
    "Content-Length: N_0"sv,
    "Content-Length: N.0"sv,
    "Content-Length: N, N"sv,
    "Content-Length: N, L"sv,
    "Content-Length: L, N"sv,
    "Content-Length: N,"sv,
    "Content-Length: \"N\""sv,
    "Content-Length: N L"sv,
    "Content-Length : N"sv,
    "Content-Length: N\v"sv,
    "Content-Length: \fN"sv,
    "Content-Length: N\0"sv,
    "Content-Length:\r\n N"sv,
    "Content-Length: 0\r\n N"sv,
    "Content-Length: N\r\nContent-Length: N"sv,
    "Content-Length: N\r\nContent-Length: L"sv,
    "Content-Length: L\r\nContent-Length: N"sv,
    "Content-Length: 0\r\nContent-Length: N"sv,
    "Content-Length: N\nX: y"sv,
    "X: y\rContent-Length: N"sv,
    "Content_Length: N"sv,
    "Content-Length: 1844674407370955161N"sv,
    "Content-Length:"sv,
    "Connection: Content-Length\r\nContent-Length: N"sv,
    "Connection: close, Content-Length\r\nContent-Length: N"sv,
};

// "N": the size in hexadecimal.
constexpr std::array sizes{
    "N"sv,      "0N"sv,   "0xN"sv,   "+N"sv,        "-N"sv,
    " N"sv,     "N "sv,   "N\t"sv,   "N;a=b"sv,     "N;a\nb"sv,
    "N;a\rb"sv, "N ;a"sv, "N;\"a"sv, "N_"sv,        "N,"sv,
    "N\v"sv,    "N\0"sv,  "Nh"sv,    "00000000N"sv, "1000000000000000N"sv,
    "\nN"sv,    ""sv,     "N;"sv,
};
constexpr std::array chunk_ends{"\r\n"sv, "\r\n"sv, "\r\n"sv, "\n"sv,
                                "\r"sv,   "XX"sv,   ""sv,     "\r\r\n"sv};
constexpr std::array last_chunks{
    "0\r\n\r\n"sv,     "0\r\n\r\n"sv,  "0\r\n\r\n"sv,         "00\r\n\r\n"sv,
    "0;a=b\r\n\r\n"sv, "0\n\n"sv,      "0\r\n\n"sv,           "0\n\r\n"sv,
    "0\r\r"sv,         "0 \r\n\r\n"sv, "0\r\nX: y\r\n\r\n"sv, "0\r\nContent-Length: 50\r\n\r\n"sv,
    "0\r\n\r\r\n"sv,   ""sv,
};
constexpr std::array line_ends{"\n"sv,    "\r"sv,    "\r\r\n"sv, "\n\r"sv,
                               "\r\n "sv, " \r\n"sv, "\r\n\t"sv};
constexpr std::array odd_fields{
    "Host: other"sv,
    "Host: localhost"sv,
    "host : localhost"sv,
    "X: a\0b"sv,
    "X : y"sv,
    "X\ty: z"sv,
    "X"sv,
    ": x"sv,
    "X: a\r\n b"sv,
    "X: a\r\n\tb"sv,
    "X: a\rb"sv,
    "X: a\nb"sv,
    "X: a\x7f\x01"sv,
    "\xff: x"sv,
    "Connection: close"sv,
    "Connection: keep-alive, Host"sv,
    "Connection: Authorization"sv,
    "Connection: Upgrade\r\nUpgrade: websocket"sv,
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"sv,
    "Upgrade: h2c"sv,
    "Expect: 100-continue"sv,
    "Expect: 100-continue, x"sv,
    "Expect: x"sv,
    "Trailer: Content-Length"sv,
    "Max-Forwards: 0"sv,
    "Keep-Alive: timeout=1"sv,
    "Proxy-Connection: close"sv,
    "Authorization: Bearer x"sv,
    "X-HTTP-Method-Override: GET"sv,
};
// "!": the method; "@": the target.
constexpr std::array request_lines{
    "! @ HTTP/1.0"sv,
    "! @ HTTP/1.0"sv,
    "! @ HTTP/1.2"sv,
    "! @ HTTP/2.0"sv,
    "! @ HTTP/0.9"sv,
    "! @"sv,
    "!  @ HTTP/1.1"sv,
    "! @  HTTP/1.1"sv,
    "!\t@\tHTTP/1.1"sv,
    "! @ HTTP/1.1 "sv,
    " ! @ HTTP/1.1"sv,
    "! @ http/1.1"sv,
    "! @ HTTP/1.10"sv,
    "! @ HTTP/01.1"sv,
    "\r\n! @ HTTP/1.1"sv,
    "\n! @ HTTP/1.1"sv,
    "! http://localhost@ HTTP/1.1"sv,
    "! http://other@ HTTP/1.1"sv,
    "! //other@ HTTP/1.1"sv,
    "! @\0 HTTP/1.1"sv,
    "! @#x HTTP/1.1"sv,
    "! @%0d%0aX:%20y HTTP/1.1"sv,
    "! @? HTTP/1.1 HTTP/1.1"sv,
    "! @\x80 HTTP/1.1"sv,
    "! @\\ HTTP/1.1"sv,
    "! @/%2e%2e/mut HTTP/1.1"sv,
    "get @ HTTP/1.1"sv,
    "! * HTTP/1.1"sv,
};

std::string with(std::string_view text, char letter, std::string_view value) {
  std::string result;
  for (const char c : text) {
    if (c == letter) {
      result += value;
    } else {
      result += c;
    }
  }
  return result;
}

// A letter that stands alone: "N" in "Content-Length: N", not the one in a name.
std::string with_numbers(std::string_view text, std::size_t bytes, std::size_t other) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char before = i == 0 ? ' ' : text[i - 1];
    const bool is_alone = before == 'x' || (before != '-' && (before < 'A' || before > 'z'));
    if (is_alone && text[i] == 'N') {
      result += std::to_string(bytes);
    } else if (is_alone && text[i] == 'L') {
      result += std::to_string(other);
    } else {
      result += text[i];
    }
  }
  return result;
}

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::string make() {
    hidden_ = "GET " + std::string(hidden_target) + " HTTP/1.1\r\nHost: localhost\r\n";
    hidden_ += one_in(2) ? "\r\n" : "X: ";
    choose_shape();
    while (one_in(6)) fields_.emplace_back(pick(odd_fields));
    if (one_in(8)) {
      request_line_ = with(with(pick(request_lines), '!', method_), '@', target_);
    } else {
      request_line_ = method_ + " " + target_ + " HTTP/1.1";
    }
    return text();
  }

 private:
  [[nodiscard]] bool one_in(unsigned n) { return random_() % n == 0; }
  [[nodiscard]] std::string_view pick(std::span<const std::string_view> values) {
    return values[random_() % values.size()];
  }
  // One of the first `plain`, which nobody refuses, as often as any.
  [[nodiscard]] std::string_view pick(std::span<const std::string_view> values, std::size_t plain) {
    return one_in(2) ? pick(values.first(plain)) : pick(values);
  }
  void be(std::string method, std::string target) {
    method_ = std::move(method);
    target_ = std::move(target);
  }

  void choose_shape() {
    static constexpr std::array methods{"GET"sv, "HEAD"sv, "OPTIONS"sv, "DELETE"sv, "PUT"sv};
    if (one_in(2)) {
      be("POST", "/order");
    } else {
      be(std::string(pick(methods)), "/products/mut");
    }
    switch (random_() % 6) {
      case 0:  // fields only
        fields_.emplace_back(pick(odd_fields));
        break;
      case 1:  // a length, and a hidden request as the body
        body_ = hidden_;
        add_length(pick(lengths, 2));
        break;
      case 2:  // chunks
        body_ = chunks();
        fields_.emplace_back(pick(codings, 5));
        break;
      case 3:  // both: who believes the coding finds the hidden request behind the end
        body_ = "0\r\n\r\n" + hidden_;
        add_length(pick(lengths, 2));
        fields_.emplace_back(pick(codings, 5));
        break;
      case 4:  // both: who believes the length finds it behind the first chunk's size
        body_ = chunks();
        fields_.emplace_back(pick(codings, 5));
        add_length("Content-Length: L");
        break;
      default:  // a coding of chunks that end and hide
        body_ = std::string(pick(last_chunks, 5)) + hidden_;
        fields_.emplace_back(pick(codings, 5));
        break;
    }
  }

  void add_length(std::string_view form) {
    const std::size_t other = one_in(2) ? 4 : body_.size() + 1 - random_() % 3;
    fields_.push_back(with_numbers(form, body_.size(), other));
  }

  std::string chunks() {
    std::array<char, 20> digits{};
    std::snprintf(digits.data(), digits.size(), "%zx", hidden_.size());
    std::string result = with(pick(sizes, 2), 'N', digits.data());
    result += one_in(8) ? pick(chunk_ends) : "\r\n"sv;
    result += hidden_;
    result += pick(chunk_ends, 3);
    result += pick(last_chunks, 5);
    return result;
  }

  std::string text() {
    std::vector<std::string> lines{request_line_};
    if (!one_in(40)) lines.emplace_back("Host: localhost");
    for (std::string& field : fields_) lines.push_back(std::move(field));
    lines.emplace_back("Content-Type: application/json");
    lines.emplace_back("");
    const std::size_t odd_line = one_in(16) ? random_() % lines.size() : lines.size();
    std::string result;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      result += lines[i];
      result += i == odd_line ? pick(line_ends) : "\r\n"sv;
    }
    return result + body_;
  }

  std::mt19937_64 random_;
  std::string hidden_;
  std::string method_;
  std::string target_;
  std::string request_line_;
  std::vector<std::string> fields_;
  std::string body_;
};

}  // namespace

std::string make_mutation(std::uint64_t seed) {
  return Maker(seed).make();
}

}  // namespace fluxgate::testing

#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "http/json_grammar.hpp"

namespace fluxgate::fuzz {

inline bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

/// One answer.
struct Answer {
  int status = 0;
  std::string text;  ///< all of it but what differs from time to time: dates and metrics
  std::string body;
  bool is_last = false;  ///< says that the connection ends
};

/// Takes answers off the front of what a client got. What is no answer, or holds a byte a client
/// could break a line with, ends the process.
class AnswerParser {
 public:
  AnswerParser(std::string_view output, bool may_be_head)
      : rest_(output), may_be_head_(may_be_head) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  /// None: it was a 100 Continue.
  std::optional<Answer> next() {
    std::string_view line = take_line();
    FLUXGATE_CHECK(line.size() > 13 && line.starts_with("HTTP/1.1 ") && line[12] == ' ');
    const std::string_view status = line.substr(9, 3);
    FLUXGATE_CHECK(status >= "100" && status <= "599");
    if (status == "100") {
      FLUXGATE_CHECK(take_line().empty());
      return std::nullopt;
    }
    Answer answer;
    answer.status = std::stoi(std::string(status));
    answer.text = line;
    Fields fields;
    while (!(line = take_line()).empty()) take_field(line, fields, answer);
    take_body(status, fields, answer);
    return answer;
  }

 private:
  struct Fields {
    std::optional<std::size_t> length;
    std::string_view type;
  };

  std::string_view take_line() {
    const std::size_t end = rest_.find("\r\n");
    FLUXGATE_CHECK(end != std::string_view::npos);
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    // Nothing a client sent can end a line or hide in one.
    for (const char c : line) FLUXGATE_CHECK(c >= 0x20 && c < 0x7F);
    return line;
  }

  static void take_field(std::string_view line, Fields& fields, Answer& answer) {
    const std::size_t colon = line.find(": ");
    FLUXGATE_CHECK(colon != std::string_view::npos && is_token(line.substr(0, colon)));
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (name == "Date") return;
    if (name == "Content-Length") {
      FLUXGATE_CHECK(!fields.length && !value.empty() && value.size() < 9);
      for (const char c : value) FLUXGATE_CHECK(c >= '0' && c <= '9');
      fields.length = std::stoul(std::string(value));
      // Its figures depend on how the bytes came.
      if (fields.type.starts_with("text/plain")) return;
    }
    if (name == "Content-Type") {
      FLUXGATE_CHECK(fields.type.empty());
      fields.type = value;
    }
    if (line == "Connection: close") answer.is_last = true;
    answer.text += '\n';
    answer.text += line;
  }

  void take_body(std::string_view status, const Fields& fields, Answer& answer) {
    if (fields.type == "text/event-stream") {
      answer.text += rest_;
      answer.is_last = true;
      rest_ = {};
      return;
    }
    if (status == "304" || status == "204") return;
    FLUXGATE_CHECK(fields.length.has_value());
    // An answer to HEAD; no body of ours begins like an answer.
    if (rest_.empty() || rest_.starts_with("HTTP/1.1 ")) {
      FLUXGATE_CHECK(*fields.length == 0 || may_be_head_);
      return;
    }
    FLUXGATE_CHECK(rest_.size() >= *fields.length);
    const std::string_view body = rest_.substr(0, *fields.length);
    rest_.remove_prefix(body.size());
    if (fields.type.starts_with("application/json")) {
      FLUXGATE_CHECK(http::JsonGrammar(body).accepts(64));
    }
    answer.body = body;
    if (!fields.type.starts_with("text/plain")) answer.text += body;
  }

  std::string_view rest_;
  bool may_be_head_;
};

/// All answers in what a client got on one connection; none may follow the last.
inline std::vector<Answer> answers_of(std::string_view output, bool may_be_head) {
  AnswerParser parser(output, may_be_head);
  std::vector<Answer> answers;
  while (!parser.at_end()) {
    FLUXGATE_CHECK(answers.empty() || !answers.back().is_last);
    std::optional<Answer> answer = parser.next();
    if (answer) answers.push_back(*std::move(answer));
  }
  return answers;
}

}  // namespace fluxgate::fuzz

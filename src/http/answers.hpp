#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/status_map.hpp"

namespace fluxgate::http {

/// The text of a Date header, made once a second.
class DateText {
 public:
  static constexpr std::size_t size = 29;  ///< "Sun, 06 Nov 1994 08:49:37 GMT"

  void set(std::chrono::milliseconds since_epoch);
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size}; }

 private:
  std::array<char, size> text_{};
};

/// What an answer says about its connection.
enum class Connection : std::uint8_t {
  keep,           ///< nothing: HTTP/1.1 goes on
  close,          ///< Connection: close
  keep_explicit,  ///< Connection: keep-alive, which an HTTP/1.0 client needs to hear
};
inline constexpr std::size_t connection_count = 3;

/// An answer whose every byte but the date is known at start.
struct FixedAnswer {
  struct Form {
    std::string bytes;
    std::size_t date_begin = 0;
    std::size_t head_bytes = 0;  ///< up to and with the empty line
  };

  unsigned status = 0;
  std::array<Form, connection_count> forms;
};

/// All fixed answers. Built once; read by every shard.
class Answers {
 public:
  Answers();

  [[nodiscard]] const FixedAnswer& of(Problem problem) const noexcept {
    return problems_[static_cast<std::size_t>(problem)];
  }
  [[nodiscard]] const FixedAnswer& sold_out() const noexcept { return sold_out_; }
  [[nodiscard]] const FixedAnswer& healthy() const noexcept { return healthy_; }

 private:
  std::array<FixedAnswer, problem_count> problems_;
  FixedAnswer sold_out_;
  FixedAnswer healthy_;
};

/// Body of the answer to who must wait, and of the waiting room's JSON form.
inline constexpr std::string_view waiting_body =
    R"({"status":"waiting","msg":"Many people are ordering: please wait and try again"})";
/// Body of a 409.
inline constexpr std::string_view sold_out_body =
    R"({"status":"sold_out","msg":"Inventory empty"})";

inline constexpr std::string_view type_json = "application/json";
inline constexpr std::string_view type_html = "text/html; charset=utf-8";

/// Writes the answers of one connection, one after the other, into its output.
///
/// Threads:  one at a time.
/// Lifetime: keeps references to what it was made with.
class AnswerWriter {
 public:
  AnswerWriter(const Answers& answers, const DateText& date, std::string& output) noexcept
      : answers_(answers), date_(date), output_(output) {}

  /// How the next answer is to be written.
  void begin(Connection connection, bool is_head) noexcept {
    connection_ = connection;
    is_head_ = is_head;
    status_ = 0;
    body_bytes_ = 0;
  }

  /// Two copies of memory: the answer and the date.
  void fixed(const FixedAnswer& answer);
  void problem(Problem problem) { fixed(answers_.of(problem)); }
  /// The same with another message.
  void problem(Problem problem, std::string_view message) { this->problem(problem, message, {}); }
  /// The same with headers of its own, each with its line end.
  void problem(Problem problem, std::string_view message, std::string_view more_headers);

  struct Variable {
    unsigned status = 200;
    std::string_view type = type_json;
    std::string_view headers = "Cache-Control: no-store\r\n";  ///< each with its line end
    std::string_view more_headers = {};
    std::string_view body;
  };
  void variable(const Variable& answer);

  /// Bytes as they are, head and all: of an answer that tells its end by closing.
  void raw(unsigned status, std::string_view bytes) {
    output_.append(bytes);
    status_ = status;
  }

  [[nodiscard]] const Answers& answers() const noexcept { return answers_; }
  /// Bytes of the body made since begin(), whether it was written or not.
  [[nodiscard]] std::size_t body_bytes() const noexcept { return body_bytes_; }
  /// Status of the answer written since begin(); 0: none.
  [[nodiscard]] unsigned status() const noexcept { return status_; }

 private:
  const Answers& answers_;
  const DateText& date_;
  std::string& output_;
  Connection connection_ = Connection::keep;
  bool is_head_ = false;
  unsigned status_ = 0;
  std::size_t body_bytes_ = 0;
};

}  // namespace fluxgate::http

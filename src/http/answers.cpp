#include "http/answers.hpp"

#include <fmt/format.h>

#include <ctime>

#include "http/json_write.hpp"

namespace fluxgate::http {
namespace {

constexpr std::string_view connection_line(Connection connection) noexcept {
  switch (connection) {
    case Connection::close:
      return "Connection: close\r\n";
    case Connection::keep_explicit:
      return "Connection: keep-alive\r\n";
    case Connection::keep:
      break;
  }
  return "";
}

// Appends a whole head. Returns where its date begins.
std::size_t append_head(std::string& output, const AnswerWriter::Variable& answer,
                        std::string_view date, Connection connection) {
  output.append("HTTP/1.1 ");
  append_number(output, answer.status);
  output.push_back(' ');
  output.append(reason(answer.status));
  output.append("\r\nDate: ");
  const std::size_t date_begin = output.size();
  output.append(date);
  output.append("\r\nContent-Type: ");
  output.append(answer.type);
  output.append("\r\nContent-Length: ");
  append_number(output, answer.body.size());
  output.append("\r\n");
  output.append(answer.headers);
  output.append(answer.more_headers);
  output.append(connection_line(connection));
  output.append("\r\n");
  return date_begin;
}

FixedAnswer make_fixed(const AnswerWriter::Variable& answer) {
  FixedAnswer fixed;
  fixed.status = answer.status;
  const std::string no_date(DateText::size, ' ');
  for (std::size_t i = 0; i < connection_count; ++i) {
    FixedAnswer::Form& form = fixed.forms[i];
    form.date_begin = append_head(form.bytes, answer, no_date, static_cast<Connection>(i));
    form.head_bytes = form.bytes.size();
    form.bytes.append(answer.body);
  }
  return fixed;
}

}  // namespace

void DateText::set(std::chrono::milliseconds since_epoch) {
  static constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = std::chrono::floor<std::chrono::seconds>(since_epoch).count();
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  fmt::format_to_n(text_.data(), size, "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                   days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                   months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                   parts.tm_hour, parts.tm_min, parts.tm_sec);
}

Answers::Answers() {
  for (std::size_t i = 0; i < problem_count; ++i) {
    const ProblemFacts& known = facts(static_cast<Problem>(i));
    std::string body;
    append_error(body, known.code, known.message);
    problems_[i] =
        make_fixed({.status = known.status, .more_headers = known.headers, .body = body});
  }
  sold_out_ = make_fixed({.status = 409, .body = sold_out_body});
  healthy_ = make_fixed({.status = 200, .body = R"({"status":"ok"})"});
}

void AnswerWriter::fixed(const FixedAnswer& answer) {
  const FixedAnswer::Form& form = answer.forms[static_cast<std::size_t>(connection_)];
  const std::size_t begin = output_.size();
  output_.append(form.bytes, 0, is_head_ ? form.head_bytes : form.bytes.size());
  date_.view().copy(output_.data() + begin + form.date_begin, DateText::size);
  status_ = answer.status;
  body_bytes_ = form.bytes.size() - form.head_bytes;
}

void AnswerWriter::problem(Problem problem, std::string_view message,
                           std::string_view more_headers) {
  const ProblemFacts& known = facts(problem);
  std::string body;
  append_error(body, known.code, message);
  const std::string headers = std::string(known.headers).append(more_headers);
  variable({.status = known.status, .more_headers = headers, .body = body});
}

void AnswerWriter::variable(const Variable& answer) {
  append_head(output_, answer, date_.view(), connection_);
  if (!is_head_) output_.append(answer.body);
  body_bytes_ = answer.body.size();
  status_ = answer.status;
}

}  // namespace fluxgate::http

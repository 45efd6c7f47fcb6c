#include "http/conformance/case_file.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

namespace fluxgate::http::conformance {
namespace {

using Names = std::map<std::string, std::string, std::less<>>;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The part up to `end`, which is taken away with it; all of it if there is none.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

// Where the "${" before `begin` ends, "${" inside it counted.
std::size_t find_end(std::string_view text, std::size_t begin) {
  int depth = 1;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  throw std::runtime_error("a ${ without its }");
}

char escaped(std::string_view text, std::size_t& i) {
  const char c = text.at(++i);
  switch (c) {
    case 'r':
      return '\r';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '0':
      return '\0';
    case 'x':
      i += 2;
      return static_cast<char>(std::stoi(std::string(text.substr(i - 1, 2)), nullptr, 16));
    default:
      return c;
  }
}

std::string bytes_of(std::string_view text, const Names& names) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '^') {
      bytes += "\r\n";
    } else if (text[i] == '\\') {
      bytes += escaped(text, i);
    } else if (text.substr(i).starts_with("${")) {
      const std::size_t end = find_end(text, i + 2);
      const std::string_view inner = text.substr(i + 2, end - i - 2);
      i = end;
      if (const auto found = names.find(inner); found != names.end()) {
        bytes += found->second;
        continue;
      }
      const std::size_t star = inner.rfind('*');
      if (star == std::string_view::npos) throw std::runtime_error("no such name");
      const std::string part = bytes_of(inner.substr(0, star), names);
      for (int left = std::stoi(std::string(inner.substr(star + 1))); left > 0; --left) {
        bytes += part;
      }
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

void read_answer(std::string_view text, std::vector<WantedAnswer>& answers) {
  WantedAnswer answer;
  std::string_view verdict = trimmed(take_until(text, '('));
  while (!text.empty()) {
    answer.headers.emplace_back(take_until(text, ')'));
    static_cast<void>(take_until(text, '('));
  }
  int count = 1;
  if (const std::size_t star = verdict.find('*'); star != std::string_view::npos) {
    count = std::stoi(std::string(verdict.substr(star + 1)));
    verdict = verdict.substr(0, star);
  }
  answer.is_head = verdict.starts_with("HEAD ");
  if (answer.is_head) verdict.remove_prefix(5);
  answer.verdict = verdict;
  answers.insert(answers.end(), static_cast<std::size_t>(count), answer);
}

void read_wanted(std::string_view text, Case& present) {
  while (!text.empty()) {
    // A value may hold a ';'.
    std::size_t end = 0;
    for (bool is_inside = false; end < text.size() && (is_inside || text[end] != ';'); ++end) {
      if (text[end] == '(' || text[end] == ')') is_inside = text[end] == '(';
    }
    const std::string_view item = trimmed(text.substr(0, end));
    text.remove_prefix(end == text.size() ? end : end + 1);
    if (!text.empty()) {
      read_answer(item, present.answers);
    } else if (item == "kept" || item == "closed" || item == "silent") {
      present.ending = item == "kept"     ? Ending::kept
                       : item == "closed" ? Ending::closed
                                          : Ending::silent;
    } else {
      throw std::runtime_error("no such ending");
    }
  }
}

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  void take(std::string_view line) {
    if (line.empty() || line.starts_with('#')) return;
    if (line.starts_with("let ")) {
      line.remove_prefix(4);
      const std::string name(trimmed(take_until(line, '=')));
      names_[name] = bytes_of(line.substr(1), names_);
    } else if (line.starts_with("server ")) {
      server_ = line.substr(7);
    } else if (line.starts_with("  > ")) {
      present_.bytes += bytes_of(line.substr(4), names_);
    } else if (line.starts_with("  body ")) {
      const std::string body = bytes_of(line.substr(7), names_);
      present_.bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    } else if (line.starts_with("  -> ")) {
      read_wanted(line.substr(5), present_);
      present_.file = file_;
      present_.server = server_;
      cases_.push_back(std::exchange(present_, {}));
    } else if (!line.starts_with(' ') && present_.name.empty()) {
      present_.name = line;
    } else {
      throw std::runtime_error("not understood");
    }
  }

  std::vector<Case> finish() {
    if (!present_.name.empty()) throw std::runtime_error("a case without its answers");
    return std::move(cases_);
  }

 private:
  const std::string file_;
  Names names_;
  std::string server_;
  Case present_;
  std::vector<Case> cases_;
};

}  // namespace

std::vector<Case> read_cases(const std::filesystem::path& file) {
  std::ifstream input(file);
  if (!input) throw std::runtime_error("cannot read " + file.string());
  Reader reader(file.filename().string());
  std::string line;
  for (int number = 1; std::getline(input, line); ++number) {
    try {
      reader.take(line);
    } catch (const std::exception& failure) {
      throw std::runtime_error(file.string() + ":" + std::to_string(number) + ": " +
                               failure.what() + ": " + line);
    }
  }
  return reader.finish();
}

}  // namespace fluxgate::http::conformance

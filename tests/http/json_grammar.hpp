#pragma once

#include <cstddef>
#include <string_view>

namespace fluxgate::http {

/// A second opinion on what JSON is: RFC 8259 as a recursive descent, written for comparison with
/// JsonReader and with nothing in common with it. UTF-8 is not checked.
class JsonGrammar {
 public:
  explicit JsonGrammar(std::string_view text) : rest_(text) {}

  /// True if all of the text is one JSON value of at most `depth` levels.
  bool accepts(std::size_t depth) {
    space();
    if (!value(depth)) return false;
    space();
    return rest_.empty();
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void space() {
    while (take(' ') || take('\t') || take('\r') || take('\n')) {
    }
  }
  bool word(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  bool digit() {
    if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool digits() {
    if (!digit()) return false;
    while (digit()) {
    }
    return true;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }
  bool hex() {
    static constexpr std::string_view all = "0123456789abcdefABCDEF";
    if (rest_.empty() || all.find(rest_[0]) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool escape() {
    if (take('u')) return hex() && hex() && hex() && hex();
    for (const char c : std::string_view("\"\\/bfnrt")) {
      if (take(c)) return true;
    }
    return false;
  }
  bool string() {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      if (take('"')) return true;
      if (take('\\')) {
        if (!escape()) return false;
      } else {
        if (static_cast<unsigned char>(rest_[0]) < 0x20) return false;
        rest_.remove_prefix(1);
      }
    }
    return false;
  }
  bool array(std::size_t depth) {
    space();
    if (take(']')) return true;
    do {
      space();
      if (!value(depth)) return false;
      space();
    } while (take(','));
    return take(']');
  }
  bool object(std::size_t depth) {
    space();
    if (take('}')) return true;
    do {
      space();
      if (!string()) return false;
      space();
      if (!take(':')) return false;
      space();
      if (!value(depth)) return false;
      space();
    } while (take(','));
    return take('}');
  }
  bool value(std::size_t depth) {
    if (depth == 0) return false;
    if (take('{')) return object(depth - 1);
    if (take('[')) return array(depth - 1);
    if (!rest_.empty() && rest_[0] == '"') return string();
    return word("true") || word("false") || word("null") || number();
  }

  std::string_view rest_;
};

}  // namespace fluxgate::http

#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fluxgate::http::conformance {

/// What one answer must be.
struct WantedAnswer {
  std::string verdict;  ///< "409 sold_out"; a status alone leaves the word open
  bool is_head = false;
  std::vector<std::string> headers{};  ///< "Name: value", "Name", or "!Name": it is not there
};

/// What must become of the connection behind the last answer.
enum class Ending {
  kept,    ///< the next request is answered
  closed,  ///< the last answer says so, and nothing follows
  silent,  ///< no more is said to a client that ends there
};

struct Case {
  std::string file;
  std::string name;
  std::string server;  ///< which one it is for; empty: the usual one
  std::string bytes;
  std::vector<WantedAnswer> answers{};
  Ending ending = Ending::kept;
};

/// Reads a file of cases. A case is
///
///     Its name
///       > bytes that are sent
///       body bytes that are sent behind their Content-Length and an empty line
///       -> answer; answer; kept
///
/// with as many lines of bytes as it takes. In bytes `^` is CR LF; `\r \n \t \0 \xHH` are what they
/// are in C++, `\` and another character is that character; `${NAME}` is what `let NAME = bytes`
/// said before, `${bytes*7}` seven times the bytes. An answer is a status and its word, "409
/// sold_out", or a status alone; "HEAD 200": it has no body; behind it in parentheses what its
/// header must have: (Name: value), (Name), or (!Name) what it must not; "200 ok*16": sixteen of
/// them. `server NAME` says which server the cases that follow are for. `#` begins a comment.
///
/// Errors: throws std::runtime_error with the place.
[[nodiscard]] std::vector<Case> read_cases(const std::filesystem::path& file);

}  // namespace fluxgate::http::conformance

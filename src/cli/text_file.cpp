#include "cli/text_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace fluxgate::cli {

Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
  const auto fail = [](const std::string& why) {
    return Error{ErrorCode::invalid_argument, "cannot be read: " + why};
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  if (!file) return fail(std::generic_category().message(errno));
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    text.append(buffer.data(), count);
    if (text.size() > bytes_max) return fail("more than " + std::to_string(bytes_max) + " bytes");
  }
  if (std::ferror(file.get()) != 0) return fail(std::generic_category().message(errno));
  return text;
}

}  // namespace fluxgate::cli

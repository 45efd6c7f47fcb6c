#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "orderlog/block.hpp"

namespace fluxgate::orderlog {

/// 36 bytes, as a UUID has.
inline std::string id36(char kind, unsigned long long number) {
  char text[40];
  std::snprintf(text, sizeof text, "%c-%034llu", kind, number);
  return text;
}

/// Adds `orders` orders with ids of the load test's length.
inline void gather(BlockBuilder& block, std::size_t orders) {
  static const std::string user = id36('u', 1);
  static const std::string key = id36('k', 1);
  for (std::size_t i = 0; i < orders; ++i) block.add(OrderEntry{7, 1, 1, user, key, 0});
}

/// A directory under $TMPDIR that goes with the scope. The disk it is on is what is measured.
class BenchDirectory {
 public:
  BenchDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "fluxgate-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  BenchDirectory(const BenchDirectory&) = delete;
  BenchDirectory& operator=(const BenchDirectory&) = delete;
  ~BenchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace fluxgate::orderlog

#include "orderlog/rocksdb_logger.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace fluxgate::orderlog {

RocksdbLogger::RocksdbLogger(LogSink sink)
    : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), sink_(std::move(sink)) {}

void RocksdbLogger::Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (!sink_ || level < GetInfoLogLevel() || level >= rocksdb::InfoLogLevel::HEADER_LEVEL) return;
  std::array<char, 1024> line;  // longer lines are cut
  const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
  if (size <= 0) return;
  std::string_view text(line.data(), std::min(static_cast<std::size_t>(size), line.size() - 1));
  while (text.ends_with('\n')) text.remove_suffix(1);
  const bool is_error = level >= rocksdb::InfoLogLevel::ERROR_LEVEL;
  sink_(is_error ? LogLevel::error : LogLevel::warning, "RocksDB: " + std::string(text));
}

}  // namespace fluxgate::orderlog

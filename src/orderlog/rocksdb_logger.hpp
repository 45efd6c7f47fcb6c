#pragma once

#include <rocksdb/env.h>

#include <cstdarg>

#include "fluxgate/options.hpp"

namespace fluxgate::orderlog {

/// Passes RocksDB's warnings and errors on, cut to a kilobyte. There is no LOG file: on a full disk
/// its writer fails an assertion of Debian's library and ends the process before the failed append
/// is reported.
///
/// Threads: any at once, as far as the sink allows.
class RocksdbLogger final : public rocksdb::Logger {
 public:
  /// `sink` may be empty.
  explicit RocksdbLogger(LogSink sink);

  using rocksdb::Logger::Logv;
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
  void Logv(const char*, va_list) override {}  // without a level: nothing below a warning
  void LogHeader(const char*, va_list) override {}

 private:
  const LogSink sink_;
};

}  // namespace fluxgate::orderlog

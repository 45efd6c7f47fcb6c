#include "orderlog/prezeroed_files.hpp"

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace fluxgate::orderlog {
namespace {

using rocksdb::DataVerificationInfo;
using rocksdb::FSRandomRWFile;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// A write-ahead log. Knows its own end, because the file's is that of the zeros.
class PrezeroedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  PrezeroedFile(std::unique_ptr<FSWritableFile> file, std::unique_ptr<FSRandomRWFile> zeroing)
      : FSWritableFileOwnerWrapper(std::move(file)), zeroing_(std::move(zeroing)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return note(data, target()->Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo& info,
                  IODebugContext* debug) override {
    return note(data, target()->Append(data, options, info, debug));
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    // Closing the file below cuts only what was allocated, which it may not have been.
    if (zeroed_to_ > end_) {
      IOStatus cut = target()->Truncate(end_, options, debug);
      if (!cut.ok()) return cut;
    }
    return target()->Close(options, debug);
  }

 private:
  IOStatus note(const Slice& data, IOStatus appended) {
    if (!appended.ok()) return appended;
    end_ += data.size();
    if (end_ > zeroed_to_ && zeroing_ != nullptr) zero_ahead();
    return appended;
  }

  // Behind the append, not before it: what it wrote is not to be written twice.
  void zero_ahead() {
    static const std::string zeros(zeros_ahead_bytes, '\0');
    zeroed_to_ = end_ + zeros.size();  // also if only a part gets there: it is cut when closed
    if (!zeroing_->Write(end_, zeros, {}, nullptr).ok()) zeroing_.reset();
  }

  std::unique_ptr<FSRandomRWFile> zeroing_;  // the same file; none: no more zeros
  std::uint64_t end_ = 0;
  std::uint64_t zeroed_to_ = 0;
};

class PrezeroedFiles final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  [[nodiscard]] const char* Name() const override { return "PrezeroedFiles"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    IOStatus made = target()->NewWritableFile(name, options, file, debug);
    if (!made.ok() || !name.ends_with(".log")) return made;
    std::unique_ptr<FSRandomRWFile> zeroing;
    if (!target()->NewRandomRWFile(name, options, &zeroing, debug).ok()) zeroing.reset();
    *file = std::make_unique<PrezeroedFile>(std::move(*file), std::move(zeroing));
    return made;
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> prezeroed_files(
    const std::shared_ptr<rocksdb::FileSystem>& files) {
  return std::make_shared<PrezeroedFiles>(files);
}

}  // namespace fluxgate::orderlog

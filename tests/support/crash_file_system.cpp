#include "support/crash_file_system.hpp"

#include <rocksdb/env.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace fluxgate::testing {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// As RocksDB's own file system tells errno.
IOStatus to_status(int number, const std::string& path) {
  if (number == 0) return IOStatus::OK();
  const std::string why = std::generic_category().message(number);
  if (number == ENOENT) return IOStatus::PathNotFound(path, why);
  if (number != ENOSPC) return IOStatus::IOError(path, why);
  IOStatus full = IOStatus::NoSpace(path, why);
  full.SetRetryable(true);
  return full;
}

/// What all open files share.
struct OpenNode {
  CrashDisk* disk;
  CrashDisk::NodePtr node;
  std::string path;

  IOStatus read(std::uint64_t offset, std::size_t size, Slice* result, char* to) const {
    std::size_t got = 0;
    const int error = disk->read(*node, offset, size, to, &got);
    *result = Slice(to, got);
    return to_status(error, path);
  }
  IOStatus write(std::uint64_t offset, const Slice& data, std::size_t* written) const {
    return to_status(disk->write(*node, offset, {data.data(), data.size()}, written), path);
  }
  IOStatus sync() const { return to_status(disk->sync(*node), path); }
};

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(OpenNode file) : file_(std::move(file)) {}
  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* to, IODebugContext*) override {
    IOStatus got = file_.read(at_, n, result, to);
    at_ += result->size();
    return got;
  }
  IOStatus Skip(uint64_t n) override {
    at_ += n;
    return IOStatus::OK();
  }

 private:
  OpenNode file_;
  std::uint64_t at_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(OpenNode file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* to,
                IODebugContext*) const override {
    return file_.read(offset, n, result, to);
  }

 private:
  OpenNode file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(OpenNode file, std::uint64_t at) : file_(std::move(file)), at_(at) {}
  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    std::size_t written = 0;
    IOStatus appended = file_.write(at_, data, &written);
    at_ += written;
    return appended;
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return to_status(file_.disk->truncate(*file_.node, size), file_.path);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return file_.sync(); }
  [[nodiscard]] bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return at_; }

 private:
  OpenNode file_;
  std::uint64_t at_;
};

class RandomRwFile final : public rocksdb::FSRandomRWFile {
 public:
  explicit RandomRwFile(OpenNode file) : file_(std::move(file)) {}
  IOStatus Write(uint64_t offset, const Slice& data, const IOOptions&, IODebugContext*) override {
    std::size_t written = 0;
    return file_.write(offset, data, &written);
  }
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* to,
                IODebugContext*) const override {
    return file_.read(offset, n, result, to);
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return file_.sync(); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  OpenNode file_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(CrashDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return to_status(disk_.sync_names(path_), path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  CrashDisk& disk_;
  std::string path_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::string locked) : path(std::move(locked)) {}
  const std::string path;
};

class CrashFileSystem final : public rocksdb::FileSystem {
 public:
  explicit CrashFileSystem(CrashDisk& disk) : disk_(disk) {}

  [[nodiscard]] const char* Name() const override { return "CrashFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext*) override {
    return open<SequentialFile>(path, CrashDisk::Open::existing, file);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext*) override {
    return open<RandomAccessFile>(path, CrashDisk::Open::existing, file);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext*) override {
    return open<WritableFile>(path, CrashDisk::Open::empty, file, std::uint64_t{0});
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* debug) override {
    uint64_t size = 0;
    if (!GetFileSize(path, {}, &size, debug).ok()) size = 0;
    return open<WritableFile>(path, CrashDisk::Open::existing_or_new, file, size);
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                           IODebugContext*) override {
    return open<RandomRwFile>(path, CrashDisk::Open::existing, file);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext*) override {
    bool is_directory = false;
    std::size_t bytes = 0;
    if (const int error = disk_.look(path, &is_directory, &bytes)) return to_status(error, path);
    *directory = std::make_unique<Directory>(disk_, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    bool is_directory = false;
    std::size_t bytes = 0;
    const int error = disk_.look(path, &is_directory, &bytes);
    return error == ENOENT ? IOStatus::NotFound() : to_status(error, path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    const int error = disk_.names(path, names);
    return error == ENOENT ? IOStatus::NotFound() : to_status(error, path);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_status(disk_.remove(path), path);
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&,
                    IODebugContext*) override {
    CrashDisk::NodePtr node;
    int error = disk_.open(path, CrashDisk::Open::existing, &node);
    if (error == 0) error = disk_.truncate(*node, size);
    return to_status(error, path);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_status(disk_.make_directory(path), path);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    const int error = disk_.make_directory(path);
    return to_status(error == EEXIST ? 0 : error, path);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_status(disk_.remove(path), path);
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    bool is_directory = false;
    std::size_t bytes = 0;
    const int error = disk_.look(path, &is_directory, &bytes);
    *size = bytes;
    return to_status(error, path);
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return to_status(disk_.rename(from, to), from);
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    CrashDisk::NodePtr node;
    int error = disk_.open(path, CrashDisk::Open::existing_or_new, &node);
    if (error == 0) error = disk_.lock(path);
    *lock = error == 0 ? new Lock(path) : nullptr;
    return to_status(error, path);
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<Lock> owned(static_cast<Lock*>(lock));
    return to_status(disk_.unlock(owned->path), owned->path);
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("GetTestDirectory");
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute,
                           IODebugContext*) override {
    *absolute = path;
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    std::size_t bytes = 0;
    return to_status(disk_.look(path, is_directory, &bytes), path);
  }

 private:
  template <typename Made, typename Base, typename... More>
  IOStatus open(const std::string& path, CrashDisk::Open how, std::unique_ptr<Base>* file,
                More... more) {
    CrashDisk::NodePtr node;
    if (const int error = disk_.open(path, how, &node)) return to_status(error, path);
    *file = std::make_unique<Made>(OpenNode{&disk_, std::move(node), path}, more...);
    return IOStatus::OK();
  }

  CrashDisk& disk_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> crash_file_system(CrashDisk& disk) {
  return std::make_shared<CrashFileSystem>(disk);
}

}  // namespace fluxgate::testing

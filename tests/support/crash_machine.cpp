#include "support/crash_machine.hpp"

#include <rocksdb/env.h>

#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "orderlog/files.hpp"
#include "support/crash_file_system.hpp"

namespace fluxgate::testing {
namespace {

using orderlog::system_error;

class CrashFile final : public orderlog::OpenFile {
 public:
  CrashFile(CrashDisk& disk, CrashDisk::NodePtr node, std::string path, bool is_locked)
      : disk_(disk), node_(std::move(node)), path_(std::move(path)), is_locked_(is_locked) {}
  CrashFile(const CrashFile&) = delete;
  CrashFile& operator=(const CrashFile&) = delete;
  ~CrashFile() override {
    if (is_locked_) disk_.unlock(path_);
  }

  Result<std::size_t> read(char* to, std::size_t size, std::size_t offset) override {
    std::size_t got = 0;
    if (const int error = disk_.read(*node_, offset, size, to, &got)) {
      return system_error(error, "cannot read " + path_);
    }
    return got;
  }
  Result<std::size_t> write(std::string_view bytes, std::size_t offset) override {
    std::size_t written = 0;
    const int error = disk_.write(*node_, offset, bytes, &written);
    // As pwrite(): a part is no error yet.
    if (error == 0 || (written > 0 && written < bytes.size())) return written;
    return system_error(error, "cannot write " + path_);
  }
  Result<void> sync() override {
    if (const int error = disk_.sync(*node_)) return system_error(error, "cannot sync " + path_);
    return {};
  }

 private:
  CrashDisk& disk_;
  CrashDisk::NodePtr node_;
  std::string path_;
  bool is_locked_;
};

class CrashFiles final : public orderlog::Files {
 public:
  explicit CrashFiles(CrashDisk& disk) : disk_(disk) {}

  Result<std::unique_ptr<orderlog::OpenFile>> open(const std::string& path,
                                                   orderlog::Access access) override {
    const bool is_fresh = access == orderlog::Access::fresh;
    return open(path, is_fresh ? CrashDisk::Open::empty : CrashDisk::Open::existing, false);
  }
  Result<std::unique_ptr<orderlog::OpenFile>> lock(const std::string& path) override {
    if (disk_.lock(path) != 0) return Error{ErrorCode::in_use, path + " is locked"};
    auto file = open(path, CrashDisk::Open::existing_or_new, true);
    if (!file) disk_.unlock(path);
    return file;
  }
  Result<bool> make_directory(const std::string& path) override {
    const int error = disk_.make_directory(path);
    if (error == 0) return true;
    if (error == EEXIST) return false;
    return system_error(error, "cannot make the directory " + path);
  }
  Result<void> sync_directory(const std::string& path) override {
    return told(disk_.sync_names(path), "cannot sync " + path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return told(disk_.rename(from, to), "cannot rename " + from);
  }
  Result<bool> exists(const std::string& path) override {
    bool is_directory = false;
    std::size_t bytes = 0;
    const int error = disk_.look(path, &is_directory, &bytes);
    if (error == 0) return true;
    if (error == ENOENT) return false;
    return system_error(error, "cannot look at " + path);
  }
  Result<std::vector<std::string>> names(const std::string& path) override {
    std::vector<std::string> names;
    if (const int error = disk_.names(path, &names)) {
      return system_error(error, "cannot read the directory " + path);
    }
    return names;
  }
  Result<void> check_access(const std::string& path, bool) override {
    bool is_directory = false;
    std::size_t bytes = 0;
    return told(disk_.look(path, &is_directory, &bytes), "cannot use " + path);
  }
  Result<void> remove(const std::string& path) override {
    return told(disk_.remove(path), "cannot remove " + path);
  }
  /// So small that the reserve is (64 KiB, in memory), but never full: that is what faults are for.
  Result<orderlog::VolumeSizes> volume(const std::string&) override {
    return orderlog::VolumeSizes{.whole = std::uint64_t{1} << 18, .left = UINT64_MAX};
  }
  Result<std::uint64_t> size(const std::string& path) override {
    bool is_directory = false;
    std::size_t bytes = 0;
    if (const int error = disk_.look(path, &is_directory, &bytes)) {
      return system_error(error, "cannot look at " + path);
    }
    return std::uint64_t{bytes};
  }
  Result<void> allocate(const std::string& path, std::uint64_t bytes) override {
    CrashDisk::NodePtr node;
    int error = disk_.open(path, CrashDisk::Open::existing_or_new, &node);
    if (error == 0) error = disk_.truncate(*node, bytes);
    return told(error, "cannot allocate " + path);
  }
  Result<void> empty(const std::string& path) override {
    CrashDisk::NodePtr node;
    return told(disk_.open(path, CrashDisk::Open::empty, &node), "cannot empty " + path);
  }

 private:
  static Result<void> told(int error, const std::string& what) {
    if (error == 0) return {};
    return system_error(error, what);
  }
  Result<std::unique_ptr<orderlog::OpenFile>> open(const std::string& path, CrashDisk::Open how,
                                                   bool is_locked) {
    CrashDisk::NodePtr node;
    if (const int error = disk_.open(path, how, &node)) {
      return system_error(error, "cannot open " + path);
    }
    return std::unique_ptr<orderlog::OpenFile>(
        std::make_unique<CrashFile>(disk_, std::move(node), path, is_locked));
  }

  CrashDisk& disk_;
};

/// Files of the disk, threads of the process; knows when RocksDB's work is done.
class CrashEnvironment final : public rocksdb::EnvWrapper {
 public:
  explicit CrashEnvironment(CrashDisk& disk)
      : EnvWrapper(rocksdb::NewCompositeEnv(crash_file_system(disk))) {}

  void Schedule(void (*work)(void*), void* argument, Priority priority, void* tag,
                void (*cancelled)(void*)) override {
    {
      const std::lock_guard lock(mutex_);
      ++jobs_;
    }
    EnvWrapper::Schedule(&Job::run, new Job{this, work, cancelled, argument}, priority, tag,
                         &Job::cancel);
  }

  void wait_until_idle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return jobs_ == 0; });
  }

 private:
  struct Job {
    CrashEnvironment* environment;
    void (*work)(void*);
    void (*cancelled)(void*);
    void* argument;

    static void run(void* self) {
      const std::unique_ptr<Job> job(static_cast<Job*>(self));
      job->work(job->argument);
      job->environment->done();
    }
    static void cancel(void* self) {
      const std::unique_ptr<Job> job(static_cast<Job*>(self));
      if (job->cancelled != nullptr) job->cancelled(job->argument);
      job->environment->done();
    }
  };

  void done() {
    const std::lock_guard lock(mutex_);
    --jobs_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int jobs_ = 0;  // guarded by mutex_
};

}  // namespace

struct CrashMachine::Parts {
  explicit Parts(CrashDisk& disk) : files(disk), environment(disk) {}

  CrashFiles files;
  CrashEnvironment environment;
  orderlog::StorageDisk view{files, environment};
};

CrashMachine::CrashMachine(std::unique_ptr<CrashDisk> disk)
    : disk_(std::move(disk)), parts_(std::make_unique<Parts>(*disk_)) {}
CrashMachine::~CrashMachine() {
  wait_until_idle();
}

const orderlog::StorageDisk& CrashMachine::storage_disk() const noexcept {
  return parts_->view;
}

void CrashMachine::wait_until_idle() {
  parts_->environment.wait_until_idle();
}

}  // namespace fluxgate::testing

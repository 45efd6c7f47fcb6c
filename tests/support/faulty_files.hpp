#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fluxgate/result.hpp"
#include "orderlog/files.hpp"

namespace fluxgate::testing {

/// Passes everything to other files, but notes each call, and fails one on demand.
///
/// A call is its name and path: "exists /a/b", "write /a/b". One that fails does nothing, and says
/// "injected: exists /a/b".
///
/// Threads:  one at a time.
/// Lifetime: the other files must outlive it, and it all that it opened.
class FaultyFiles : public orderlog::Files {
 public:
  explicit FaultyFiles(orderlog::Files& inner) : inner_(inner) {}

  // ---- What a test does ---------------------------------------------------------------------

  /// The nth call from now on fails, 1 is the next one; 0: none. Forgets the calls until now.
  void fail(std::uint64_t nth, ErrorCode code = ErrorCode::unavailable) {
    calls_.clear();
    fails_at_ = nth;
    code_ = code;
  }

  /// Calls since the last fail(), that which failed included.
  [[nodiscard]] const std::vector<std::string>& calls() const noexcept { return calls_; }

  // ---- Files --------------------------------------------------------------------------------

  Result<std::unique_ptr<orderlog::OpenFile>> open(const std::string& path,
                                                   orderlog::Access access) override {
    if (Result<void> begun = begin("open", path); !begun) return begun.error();
    return noting(path, inner_.open(path, access));
  }
  Result<std::unique_ptr<orderlog::OpenFile>> lock(const std::string& path) override {
    if (Result<void> begun = begin("lock", path); !begun) return begun.error();
    return noting(path, inner_.lock(path));
  }
  Result<bool> make_directory(const std::string& path) override {
    if (Result<void> begun = begin("make_directory", path); !begun) return begun.error();
    return inner_.make_directory(path);
  }
  Result<void> sync_directory(const std::string& path) override {
    if (Result<void> begun = begin("sync_directory", path); !begun) return begun;
    return inner_.sync_directory(path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (Result<void> begun = begin("rename", from); !begun) return begun;
    return inner_.rename(from, to);
  }
  Result<void> remove(const std::string& path) override {
    if (Result<void> begun = begin("remove", path); !begun) return begun;
    return inner_.remove(path);
  }
  Result<bool> exists(const std::string& path) override {
    if (Result<void> begun = begin("exists", path); !begun) return begun.error();
    return inner_.exists(path);
  }
  Result<std::vector<std::string>> names(const std::string& path) override {
    if (Result<void> begun = begin("names", path); !begun) return begun.error();
    return inner_.names(path);
  }
  Result<void> check_access(const std::string& path, bool writable) override {
    if (Result<void> begun = begin("check_access", path); !begun) return begun;
    return inner_.check_access(path, writable);
  }
  Result<orderlog::VolumeSizes> volume(const std::string& path) override {
    if (Result<void> begun = begin("volume", path); !begun) return begun.error();
    return inner_.volume(path);
  }
  Result<std::uint64_t> size(const std::string& path) override {
    if (Result<void> begun = begin("size", path); !begun) return begun.error();
    return inner_.size(path);
  }
  Result<void> allocate(const std::string& path, std::uint64_t bytes) override {
    if (Result<void> begun = begin("allocate", path); !begun) return begun;
    return inner_.allocate(path, bytes);
  }
  Result<void> empty(const std::string& path) override {
    if (Result<void> begun = begin("empty", path); !begun) return begun;
    return inner_.empty(path);
  }

 protected:
  /// Notes a call. Errors: it is the one that fails.
  [[nodiscard]] Result<void> begin(std::string_view call, const std::string& path) {
    calls_.push_back(std::string(call) + " " + path);
    if (calls_.size() != fails_at_) return {};
    return Error{code_, "injected: " + calls_.back()};
  }

 private:
  class NotingFile final : public orderlog::OpenFile {
   public:
    NotingFile(FaultyFiles& files, std::string path, std::unique_ptr<orderlog::OpenFile> inner)
        : files_(files), path_(std::move(path)), inner_(std::move(inner)) {}

    Result<std::size_t> read(char* to, std::size_t size, std::size_t offset) override {
      if (Result<void> begun = files_.begin("read", path_); !begun) return begun.error();
      return inner_->read(to, size, offset);
    }
    Result<std::size_t> write(std::string_view bytes, std::size_t offset) override {
      if (Result<void> begun = files_.begin("write", path_); !begun) return begun.error();
      return inner_->write(bytes, offset);
    }
    Result<void> sync() override {
      if (Result<void> begun = files_.begin("sync", path_); !begun) return begun;
      return inner_->sync();
    }

   private:
    FaultyFiles& files_;
    std::string path_;
    std::unique_ptr<orderlog::OpenFile> inner_;
  };

  Result<std::unique_ptr<orderlog::OpenFile>> noting(
      const std::string& path, Result<std::unique_ptr<orderlog::OpenFile>> opened) {
    if (!opened) return opened;
    return std::unique_ptr<orderlog::OpenFile>(
        std::make_unique<NotingFile>(*this, path, std::move(*opened)));
  }

  orderlog::Files& inner_;
  std::vector<std::string> calls_;
  std::uint64_t fails_at_ = 0;
  ErrorCode code_ = ErrorCode::unavailable;
};

}  // namespace fluxgate::testing

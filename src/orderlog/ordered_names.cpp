#include "orderlog/ordered_names.hpp"

#include <rocksdb/file_system.h>

#include <string>

namespace fluxgate::orderlog {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class OrderedNames final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  [[nodiscard]] const char* Name() const override { return "OrderedNames"; }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (to.ends_with("/CURRENT")) {
      std::unique_ptr<rocksdb::FSDirectory> directory;
      const std::string path = to.substr(0, to.find_last_of('/'));
      IOStatus synced = target()->NewDirectory(path, options, &directory, debug);
      if (synced.ok()) synced = directory->Fsync(options, debug);
      if (!synced.ok()) return synced;
    }
    return target()->RenameFile(from, to, options, debug);
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> ordered_names(
    const std::shared_ptr<rocksdb::FileSystem>& files) {
  return std::make_shared<OrderedNames>(files);
}

}  // namespace fluxgate::orderlog

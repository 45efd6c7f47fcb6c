#include "orderlog/beside.hpp"

#include <memory>

#include "orderlog/rocksdb_storage.hpp"

namespace fluxgate::orderlog {
namespace {

Result<LogPosition> attempt(const std::string& directory,
                            const std::function<LogVisitor&()>& fresh_visitor,
                            const LookOptions& look) {
  LogVisitor& visitor = fresh_visitor();
  // The mark is read before the blocks are opened: what it names must then be there.
  Result<std::unique_ptr<RocksdbStorage>> storage = RocksdbStorage::open_beside(directory, look);
  if (!storage) return storage.error();
  Result<LogPosition> mark = (*storage)->mark();
  if (!mark) return mark.error();
  return walk(**storage, 0, visitor, look.ignores_mark ? nullptr : &*mark);
}

}  // namespace

Result<LogPosition> walk_beside_writer(const std::string& directory,
                                       const std::function<LogVisitor&()>& fresh_visitor,
                                       const LookOptions& look) {
  for (int opens = 1;; ++opens) {
    Result<LogPosition> end = attempt(directory, fresh_visitor, look);
    if (end || opens == beside_opens_max) return end;
    const ErrorCode code = end.error().code;
    if (code != ErrorCode::damaged && code != ErrorCode::unavailable) return end;
  }
}

}  // namespace fluxgate::orderlog

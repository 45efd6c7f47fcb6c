#pragma once

#include <functional>
#include <string>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/data_directory.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::orderlog {

/// Opens of a log beside its writer before it is called damaged.
inline constexpr int beside_opens_max = 10;

/// Walks the log in `directory` from its beginning while a server may be writing it.
///
/// RocksDB's reader can miss blocks that are just moving from one file to another. So the mark is
/// read first, then the blocks, and a walk that finds a hole, a missing file or an end before the
/// mark is done again on a fresh reader, beside_opens_max times at most.
///
/// `fresh_visitor` is called once per attempt and returns a visitor that knows of no attempt
/// before; the caller owns it. (What an earlier one was told is true, only not all of it.)
/// Nothing is written to the directory.
///
/// Example:
///     std::optional<OrderCounter> counter;
///     auto end = walk_beside_writer(dir, [&]() -> LogVisitor& { return counter.emplace(); });
///
/// Returns:  the end of the log as walked: at or behind the mark at the time of the call.
/// Errors:   not_found, permission, newer_format, damaged, unavailable.
[[nodiscard]] Result<LogPosition> walk_beside_writer(
    const std::string& directory, const std::function<LogVisitor&()>& fresh_visitor,
    const LookOptions& look = {});

}  // namespace fluxgate::orderlog

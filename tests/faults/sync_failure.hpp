#pragma once

#include <cstdint>
#include <string>

#include "faults/figures.hpp"

namespace fluxgate::testing {

/// A system call that is made to fail.
struct CallFault {
  std::string call;       ///< for example "fdatasync"
  std::string error;      ///< for example "EIO"
  std::uint64_t nth = 1;  ///< the call that fails, from the server's start
  bool for_ever = false;  ///< and all after it
};

/// One server, one person who orders, one call that fails by strace; then the power is cut, so that
/// only what was really synced is left, and all that was acknowledged must be there.
///
/// Returns: `hits` (the call came), `ends_75`; after a failed sync also `failed_syncs`, of them
///          `failed_log_syncs` (of the write-ahead log), `acks_after_failure` (answers 200 that
///          went out after it), beside these `acks_of_synced_blocks` (one may go out where another
///          file's sync failed: its block was synced before), `exit_ms_max` from it to the end.
/// Errors:  throws std::runtime_error with what was lost, or if a restart finds damage.
[[nodiscard]] Figures fail_a_call(const CallFault& fault, std::uint64_t seed);

/// The fault of a seed, so that a campaign has them all.
[[nodiscard]] CallFault call_fault_of(std::uint64_t seed);

/// Fails by the disk itself: the image of the file system lies on a tmpfs that fills up under load,
/// so that writing back fails with EIO, once, as with a broken disk.
///
/// Returns: `ends_75`, `exit_ms_max` from the first storage_unavailable.
[[nodiscard]] Figures fail_the_disk(std::uint64_t seed);

/// Why fail_a_call() cannot work here; empty if it can.
[[nodiscard]] std::string why_no_strace();

}  // namespace fluxgate::testing

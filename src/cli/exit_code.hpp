#pragma once

namespace fluxgate::cli {

/// What the program tells its parent. Scripts and service managers rely on the numbers.
enum class ExitCode : int {
  ok = 0,
  failure = 1,           ///< port taken, directory in use or not writable, newer log format
  usage = 2,             ///< a flag, variable or key that is unknown or malformed
  broken_invariant = 3,  ///< `verify` found books that do not balance
  storage_failed = 75,   ///< storage failed; all that was acknowledged is safe: restart
  log_damaged = 78,      ///< the log is damaged or ends too early; nothing was touched
};

}  // namespace fluxgate::cli

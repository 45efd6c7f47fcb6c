#include "cli/backup.hpp"

#include "cli/say.hpp"
#include "cli/verify.hpp"
#include "engine/backup.hpp"
#include "fluxgate/clock.hpp"

namespace fluxgate::cli {

ExitCode backup(const Settings& settings) {
  say_warnings(settings);
  const engine::BackupRequest request{
      .from = settings.engine.data_dir, .to = settings.backup.to, .upto = settings.backup.upto};
  const Result<engine::Verification> copied = engine::back_up(request, system_clock());
  const std::string failed = "no backup in " + request.to + ": ";
  if (!copied) return fail(ExitCode::failure, failed + copied.error().message);
  if (copied->fault) return fail(ExitCode::broken_invariant, failed + copied->fault->what);
  return print(describe(request.to, *copied, false)) ? ExitCode::ok : ExitCode::failure;
}

}  // namespace fluxgate::cli

#include "cli/verify.hpp"

#include <fmt/format.h>

#include <optional>

#include "cli/escape.hpp"
#include "cli/say.hpp"
#include "fluxgate/clock.hpp"

namespace fluxgate::cli {
namespace {

using engine::LogFault;
using engine::LogReport;
using engine::Verification;

std::string json_number(std::optional<std::uint64_t> number) {
  return number ? std::to_string(*number) : "null";
}

std::string fault_json(const LogFault& fault) {
  std::optional<std::uint64_t> block;
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> sequence;
  if (fault.place) {
    block = fault.place->block.block;
    first = fault.place->block.first_sequence;
    if (fault.place->order != 0) sequence = fault.place->order;
  }
  return fmt::format(R"({{"block":{},"firstOrder":{},"sequence":{},"what":"{}"}})",
                     json_number(block), json_number(first), json_number(sequence),
                     escape_json(fault.what));
}

std::string describe_json(const std::string& directory, const Verification& verified) {
  const LogReport& read = verified.read;
  const std::string mark = read.mark ? fmt::format(R"({{"block":{},"sequence":{}}})",
                                                   read.mark->block, read.mark->sequence)
                                     : "null";
  return fmt::format(
      R"({{"ok":{},"dataDir":"{}","blocks":{},"bytes":{},"orders":{},"units":{},"products":{},)"
      R"("rounds":{},"tickets":{},"admissions":{},"lastSequence":{},"keysCompared":{},)"
      R"("mark":{},"fault":{}}})"
      "\n",
      !verified.fault.has_value(), escape_json(directory), read.blocks, read.bytes, read.orders,
      read.units, read.products, read.rounds, read.tickets, read.admissions, read.orders,
      read.knows_key_life, mark, verified.fault ? fault_json(*verified.fault) : "null");
}

}  // namespace

std::string describe(const std::string& directory, const Verification& verified, bool as_json) {
  if (as_json) return describe_json(directory, verified);
  const LogReport& read = verified.read;
  std::string text = escape_line(directory) + (verified.fault ? ": FAULT\n" : ": all is well\n");
  const auto line = [&text](const char* name, const std::string& value) {
    text += fmt::format("  {:<14}{}\n", name, value);
  };
  line("blocks", std::to_string(read.blocks));
  line("bytes", std::to_string(read.bytes));
  line("orders", std::to_string(read.orders));
  line("units", std::to_string(read.units));
  line("products", std::to_string(read.products));
  line("rounds", std::to_string(read.rounds));
  line("tickets", std::to_string(read.tickets));
  line("admissions", std::to_string(read.admissions));
  line("last order", std::to_string(read.orders));
  line("mark", read.mark ? fmt::format("order {}, block {}", read.mark->sequence, read.mark->block)
                         : std::string("not read"));
  if (!read.knows_key_life && read.orders != 0) {
    line("keys", "not compared: the log does not say how long they lived");
  }
  if (verified.fault) line("first fault", escape_line(verified.fault->what));
  return text;
}

ExitCode verify(const Settings& settings) {
  say_warnings(settings);
  const std::string& directory = settings.engine.data_dir;
  const Result<Verification> verified = engine::verify_log(directory, system_clock());
  if (!verified) return fail(ExitCode::failure, verified.error().message);
  if (!print(describe(directory, *verified, settings.json))) return ExitCode::failure;
  if (!verified->fault) return ExitCode::ok;
  return fail(ExitCode::broken_invariant, verified->fault->what);
}

}  // namespace fluxgate::cli

// A sale that was closed in good order, of which one file is damaged: every order is there, or the
// start is refused and changes nothing.

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>

#include "crash/campaign.hpp"
#include "crash/crash_sale.hpp"

namespace fluxgate::testing {
namespace {

enum class Damage { flip, zero, cut, swap, lose };
constexpr std::array<const char*, 5> damage_names = {"flipped", "zeroed", "cut", "swapped", "lost"};
constexpr std::size_t sector = CrashDisk::sector_bytes;

/// A sale of a kind, closed; told by its number.
std::unique_ptr<CrashSale> closed_sale(std::uint64_t number, std::string* broken) {
  constexpr std::array<std::size_t, 3> buffers = {2u << 10, 10u << 10, 4u << 20};
  SaleShape shape;
  shape.write_buffer_bytes = buffers[number % buffers.size()];
  shape.durability = number % 4 == 3 ? Durability::os : Durability::sync;
  auto sale = std::make_unique<CrashSale>(number, shape);
  for (int life = 0; life < 2; ++life) {
    Result<void> done = sale->start();
    if (done) sale->work(15);
    if (done) done = sale->stop();
    if (!done) *broken = "no sale to damage: " + done.error().message;
  }
  return sale;
}

/// A place of a sector, any of its bytes for those that need one.
std::size_t some_sector(const std::string& bytes, std::mt19937_64& random) {
  return random() % ((bytes.size() + sector - 1) / sector) * sector;
}

void spoil(CrashDisk& disk, const std::string& path, Damage damage, std::mt19937_64& random) {
  std::string bytes = disk.content(path);
  switch (damage) {
    case Damage::flip: {
      char& byte = bytes[random() % bytes.size()];
      byte = static_cast<char>(byte ^ static_cast<char>(1 + random() % 255));
      break;
    }
    case Damage::zero: {
      const std::size_t at = some_sector(bytes, random);
      const std::size_t end = std::min(bytes.size(), at + sector * (1 + random() % 8));
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                bytes.begin() + static_cast<std::ptrdiff_t>(end), '\0');
      break;
    }
    case Damage::cut:
      bytes.resize(random() % bytes.size());
      break;
    case Damage::swap: {
      const std::size_t one = some_sector(bytes, random);
      const std::size_t other = some_sector(bytes, random);
      for (std::size_t i = 0; i < sector && std::max(one, other) + i < bytes.size(); ++i) {
        std::swap(bytes[one + i], bytes[other + i]);
      }
      break;
    }
    case Damage::lose:
      disk.remove(path);
      return;
  }
  disk.damage(path, std::move(bytes));
}

std::string contents(const CrashDisk& disk) {
  std::string all;
  for (const std::string& path : disk.files()) {
    if (!path.ends_with("/lock") && !path.ends_with("/LOCK")) {
      all += path + "\n" + disk.content(path) + "\n";
    }
  }
  return all;
}

/// Started in spite of it: all orders are there, now and after the next life.
std::string go_on(CrashSale& sale) {
  std::string broken = sale.check();
  if (!broken.empty()) return broken;
  sale.work(5);
  if (sale.has_failed()) return "the engine failed";
  if (Result<void> stopped = sale.stop(); !stopped) return "no stop: " + stopped.error().message;
  if (Result<void> started = sale.start(); !started) {
    return "the start after the next was refused: " + started.error().message;
  }
  return sale.check();
}

}  // namespace

Tally run_damage(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tally tally;
  const std::unique_ptr<CrashSale> sale = closed_sale(random() % 24, &tally.broken);
  if (!tally.broken.empty()) return tally;
  auto disk = sale->disk().copy();
  std::vector<std::string> paths = disk->files();
  std::erase_if(paths, [&](const std::string& path) { return disk->content(path).empty(); });
  const std::string path = paths[random() % paths.size()];
  const auto damage = static_cast<Damage>(random() % damage_names.size());
  spoil(*disk, path, damage, random);
  const std::string before = contents(*disk);
  sale->replace_disk(std::move(disk));

  const Result<void> started = sale->start();
  if (started) {
    ++tally.counts["harmless"];
    tally.broken = go_on(*sale);
  } else {
    ++tally.counts["refused"];
    const ErrorCode code = started.error().code;
    const bool is_clear = code == ErrorCode::damaged || code == ErrorCode::unavailable ||
                          code == ErrorCode::newer_format;
    if (!is_clear) tally.broken = "refused, but as " + started.error().message;
    sale->abandon();
    if (contents(sale->disk()) != before) tally.broken = "refused, but files were changed";
    if (!tally.broken.empty()) tally.broken += " (" + started.error().message + ")";
  }
  if (!tally.broken.empty()) {
    tally.broken =
        path + " " + damage_names[static_cast<std::size_t>(damage)] + ": " + tally.broken;
  }
  return tally;
}

}  // namespace fluxgate::testing

// Runs a fuzz target over saved inputs: the files named, and those in the folders named.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/target.hpp"

namespace {

std::vector<std::filesystem::path> inputs_of(const std::filesystem::path& place) {
  if (!std::filesystem::is_directory(place)) return {place};
  std::vector<std::filesystem::path> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(place)) {
    if (entry.is_regular_file()) inputs.push_back(entry.path());
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

void replay(const std::filesystem::path& path) {
  // Said first: a target that finds something does not come back.
  std::fprintf(stderr, "%s\n", path.c_str());
  std::ifstream file(path, std::ios::binary);
  file.exceptions(std::ios::badbit);
  if (!file) throw std::runtime_error("cannot be read");
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  // Exactly its size, so that a sanitizer sees a read past its end.
  const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
  std::memcpy(exact.get(), bytes.data(), bytes.size());
  LLVMFuzzerTestOneInput(exact.get(), bytes.size());
}

}  // namespace

int main(int count, char** words) {
  try {
    std::size_t replayed = 0;
    for (int i = 1; i < count; ++i) {
      for (const auto& path : inputs_of(words[i])) {
        replay(path);
        ++replayed;
      }
    }
    std::printf("%zu inputs replayed\n", replayed);
    return replayed == 0 ? 1 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fuzz replay: %s\n", error.what());
    return 1;
  }
}

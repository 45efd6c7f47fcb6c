#include "orderlog/checksum.hpp"

#define XXH_INLINE_ALL  // the state on the stack, and no call per block into a library
#include <xxhash.h>

namespace fluxgate::orderlog {

std::uint64_t checksum(std::string_view first, std::string_view second) noexcept {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  // These report an error only for null pointers with a length.
  (void)XXH3_64bits_reset(&state);
  (void)XXH3_64bits_update(&state, first.data(), first.size());
  (void)XXH3_64bits_update(&state, second.data(), second.size());
  return XXH3_64bits_digest(&state);
}

}  // namespace fluxgate::orderlog

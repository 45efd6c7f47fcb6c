#include "base/lazy_pointers.hpp"

#include <sys/mman.h>

#include "base/check.hpp"

namespace fluxgate::base {

ZeroPages::ZeroPages(std::size_t bytes)
    : bytes_(bytes),
      data_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
  FLUXGATE_CHECK(data_ != MAP_FAILED);
}

ZeroPages::~ZeroPages() {
  ::munmap(data_, bytes_);
}

}  // namespace fluxgate::base

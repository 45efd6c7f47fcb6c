#pragma once

#include <atomic>
#include <cstddef>

namespace fluxgate::base {

/// A fixed number of zero-filled pages, whose memory the kernel gives when they are first written.
///
/// Lifetime: unmaps them at its end. Aborts if the kernel refuses the address space.
class ZeroPages {
 public:
  explicit ZeroPages(std::size_t bytes);
  ZeroPages(const ZeroPages&) = delete;
  ZeroPages& operator=(const ZeroPages&) = delete;
  ~ZeroPages();

  [[nodiscard]] void* data() const noexcept { return data_; }

 private:
  std::size_t bytes_;
  void* data_;
};

/// A fixed array of pointers, all null at first, that costs memory only where it was written.
///
/// Threads:  load() any thread; store() any thread, one per index at a time.
/// Memory:   store() releases and load() acquires: who finds a pointer sees what it points to.
template <typename T>
class LazyPointers {
 public:
  explicit LazyPointers(std::size_t size)
      : size_(size), pages_(size * sizeof(T*)), slots_(static_cast<T**>(pages_.data())) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  [[nodiscard]] T* load(std::size_t index) const noexcept {
    return std::atomic_ref<T*>(slots_[index]).load(std::memory_order_acquire);
  }

  void store(std::size_t index, T* pointer) noexcept {
    std::atomic_ref<T*>(slots_[index]).store(pointer, std::memory_order_release);
  }

 private:
  static_assert(std::atomic_ref<T*>::is_always_lock_free);

  std::size_t size_;
  ZeroPages pages_;
  T** slots_;  // in pages_; plain pointers begin to live in raw memory, std::atomic does not
};

}  // namespace fluxgate::base

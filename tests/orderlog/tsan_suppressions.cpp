// RocksDB comes from the system and is not instrumented: the thread sanitizer sees its accesses to
// memory (memcpy, memcmp, new) but not the atomics that order them. Reports with RocksDB's code on
// one of the stacks are suppressed. Ours are not: storage orders its own accesses with an atomic of
// its own.

#ifdef __SANITIZE_THREAD__
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:librocksdb.so\n";
}
#endif

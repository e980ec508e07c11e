// Counts calls of malloc and its relatives. All libraries, the Swift runtime included, call the
// program's own definitions, which call glibc's functions, so memory is freed as usual.
//
// https://sourceware.org/glibc/manual/latest/html_node/Replacing-malloc.html lists the functions.

#include "AllocationCounter.h"

#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local unsigned long calls;

unsigned long allocation_count(void) { return calls; }

void *malloc(size_t size) {
  calls++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  calls++;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  calls++;
  return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
  calls++;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  int before = errno;
  void *found = memalign(alignment, size);
  errno = before;
  if (found == NULL) return ENOMEM;
  *memory = found;
  return 0;
}

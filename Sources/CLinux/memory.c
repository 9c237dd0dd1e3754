#include "CLinux.h"

#include <malloc.h>

void clinux_settle_memory(void) {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 64 << 10);
  mallopt(M_TRIM_THRESHOLD, 64 << 10);
}

void clinux_trim_memory(void) { malloc_trim(0); }

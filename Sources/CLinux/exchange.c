#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/vfs.h>

int clinux_exchange(const char *one, const char *other) {
  return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

long long clinux_file_system(const char *path) {
  struct statfs found;
  return statfs(path, &found) == 0 ? (long long)(unsigned int)found.f_type : -1;
}

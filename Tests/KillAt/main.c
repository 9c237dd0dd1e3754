// Runs a program and kills it at the entry of its N-th call that changes a file system: `KillAt N LOG PROGRAM [ARGUMENT]…`.
//
// Calls are counted over all threads of the program in the order in which the kernel reports them; strace's `inject`
// counts each thread by itself, so it cannot reach every point. The N-th call is not done. Programs that it started are
// not traced; they are waited for after its end, so that nothing of it runs on when this program returns. With N = 0 it
// only counts. LOG gets a line for each counted call; when the program was killed, the last one is the call that was not done.
// The last line on standard error is the number of calls. Exits as the program did, 137 when it was killed, 99 when
// something that it started is still there after a while, 98 when it cannot be traced.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum kind {
  one_path,        // the first argument is a path
  two_paths,       // the first two are paths
  at_path,         // the second is a path
  link_at_path,    // the first and the third are paths
  two_at_paths,    // the second and the fourth are paths
  on_descriptor,   // the first is a descriptor
  to_regular,      // the first is a descriptor, and the call counts when it is a regular file
  to_regular_third,  // the same for the third
  opening,         // a path, then flags
  opening_at,      // a descriptor, a path, then flags
  opening_how,     // a descriptor, a path, then a structure that begins with the flags
};

struct call {
  long number;
  enum kind kind;
  const char *name;
};

#define CALL(name, kind) {__NR_##name, kind, #name}
static const struct call calls[] = {
#ifdef __NR_open
    CALL(open, opening), CALL(creat, one_path), CALL(rename, two_paths), CALL(symlink, two_paths), CALL(link, two_paths),
    CALL(unlink, one_path), CALL(rmdir, one_path), CALL(mkdir, one_path), CALL(mknod, one_path), CALL(chmod, one_path),
    CALL(chown, one_path), CALL(lchown, one_path),
#endif
#ifdef __NR_renameat
    CALL(renameat, two_at_paths),
#endif
    CALL(renameat2, two_at_paths), CALL(symlinkat, link_at_path), CALL(linkat, two_at_paths), CALL(unlinkat, at_path),
    CALL(mkdirat, at_path), CALL(mknodat, at_path), CALL(fchmodat, at_path), CALL(fchownat, at_path),
    CALL(utimensat, at_path), CALL(openat, opening_at), CALL(openat2, opening_how), CALL(truncate, one_path),
    CALL(ftruncate, on_descriptor), CALL(fallocate, on_descriptor), CALL(fsync, on_descriptor),
    CALL(fdatasync, on_descriptor), CALL(fchmod, on_descriptor), CALL(fchown, on_descriptor), CALL(write, to_regular),
    CALL(pwrite64, to_regular), CALL(writev, to_regular), CALL(pwritev, to_regular), CALL(pwritev2, to_regular),
    CALL(sendfile, to_regular), CALL(copy_file_range, to_regular_third), CALL(setxattr, one_path),
    CALL(lsetxattr, one_path), CALL(fsetxattr, on_descriptor), CALL(removexattr, one_path), CALL(lremovexattr, one_path),
    CALL(fremovexattr, on_descriptor),
};

static void fail(const char *what) {
  fprintf(stderr, "KillAt: %s: %s\n", what, strerror(errno));
  exit(98);
}

static int is_regular(pid_t pid, int descriptor) {
  char path[64];
  struct stat found;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, descriptor);
  return stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

static ssize_t peek(pid_t pid, uint64_t address, void *into, size_t size) {
  struct iovec here = {into, size}, there = {(void *)(uintptr_t)address, size};
  return process_vm_readv(pid, &here, 1, &there, 1, 0);
}

// The text at an address; a page at a time, since what lies behind its end need not be readable.
static void text(pid_t pid, uint64_t address, char *into, size_t size) {
  size_t filled = 0;
  into[0] = 0;
  while (filled + 1 < size) {
    size_t part = 4096 - (address + filled) % 4096;
    if (part > size - 1 - filled) part = size - 1 - filled;
    ssize_t count = peek(pid, address + filled, into + filled, part);
    if (count <= 0) break;
    filled += (size_t)count;
    into[filled] = 0;
    if (memchr(into + filled - count, 0, (size_t)count)) return;
  }
}

static void descriptor_name(pid_t pid, int descriptor, char *into, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, descriptor);
  ssize_t count = readlink(path, into, size - 1);
  into[count < 0 ? 0 : count] = 0;
}

static int makes(uint64_t flags) { return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

// Says whether a call changes something, and describes it.
static int changes(pid_t pid, const struct __ptrace_syscall_info *info, char *into, size_t size) {
  const struct call *call = NULL;
  for (size_t index = 0; index < sizeof calls / sizeof *calls; index++) {
    if (calls[index].number == (long)info->entry.nr) call = &calls[index];
  }
  if (call == NULL) return 0;
  const __typeof__(info->entry.args[0]) *arguments = info->entry.args;
  char first[PATH_MAX] = "", second[PATH_MAX] = "";
  uint64_t flags = 0;
  switch (call->kind) {
    case one_path: text(pid, arguments[0], first, sizeof first); break;
    case two_paths:
      text(pid, arguments[0], first, sizeof first);
      text(pid, arguments[1], second, sizeof second);
      break;
    case at_path: text(pid, arguments[1], first, sizeof first); break;
    case link_at_path:
      text(pid, arguments[0], first, sizeof first);
      text(pid, arguments[2], second, sizeof second);
      break;
    case two_at_paths:
      text(pid, arguments[1], first, sizeof first);
      text(pid, arguments[3], second, sizeof second);
      break;
    case on_descriptor: descriptor_name(pid, (int)arguments[0], first, sizeof first); break;
    case to_regular:
      if (!is_regular(pid, (int)arguments[0])) return 0;
      descriptor_name(pid, (int)arguments[0], first, sizeof first);
      break;
    case to_regular_third:
      if (!is_regular(pid, (int)arguments[2])) return 0;
      descriptor_name(pid, (int)arguments[2], first, sizeof first);
      break;
    case opening:
      if (!makes(arguments[1])) return 0;
      text(pid, arguments[0], first, sizeof first);
      break;
    case opening_at:
      if (!makes(arguments[2])) return 0;
      text(pid, arguments[1], first, sizeof first);
      break;
    case opening_how:
      if (peek(pid, arguments[2], &flags, sizeof flags) != sizeof flags || !makes(flags)) return 0;
      text(pid, arguments[1], first, sizeof first);
      break;
  }
  snprintf(into, size, "%s %s %s", call->name, first, second);
  return 1;
}

static pid_t start(char **arguments) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) fail("pipe");
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    char go;
    if (read(gate[0], &go, 1) != 1) _exit(98);
    execv(arguments[0], arguments);
    fail(arguments[0]);
  }
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SEIZE, pid, 0, options) != 0) fail("ptrace");
  if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0) fail("ptrace");
  if (waitpid(pid, NULL, __WALL) != pid) fail("waitpid");
  if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0) fail("ptrace");
  if (write(gate[1], "", 1) != 1) fail("write");
  close(gate[0]);
  close(gate[1]);
  return pid;
}

// Waits for what the program had started and left behind; says whether all of it has ended.
static int alone(void) {
  for (int tries = 0; tries < 1000; tries++) {
    pid_t found;
    while ((found = waitpid(-1, NULL, WNOHANG | __WALL)) > 0) {}
    if (found < 0) return 1;
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: KillAt N LOG PROGRAM [ARGUMENT]...\n");
    return 98;
  }
  long wanted = atol(arguments[1]), seen = 0;
  FILE *log = fopen(arguments[2], "we");
  if (log == NULL) fail(arguments[2]);
  // What outlives the program comes to this one, and can be waited for.
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl");
  pid_t pid = start(arguments + 3);
  int killed = 0, result = 98;
  while (1) {
    int status;
    pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (!WIFSTOPPED(status)) {
      if (thread != pid) continue;
      result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    int stop = WSTOPSIG(status), event = status >> 16, handed = 0;
    if (stop == (SIGTRAP | 0x80)) {
      struct __ptrace_syscall_info info;
      char line[2 * PATH_MAX + 64];
      if (!killed && ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) > 0
          && info.op == PTRACE_SYSCALL_INFO_ENTRY && changes(pid, &info, line, sizeof line)) {
        fprintf(log, "%ld %s\n", ++seen, line);
        if (seen == wanted) {
          killed = 1;
          kill(pid, SIGKILL);
          continue;
        }
      }
    } else if (event == PTRACE_EVENT_STOP) {
      if (stop != SIGTRAP) {
        ptrace(PTRACE_LISTEN, thread, 0, 0);
        continue;
      }
    } else if (event == 0) {
      handed = stop;
    }
    ptrace(PTRACE_SYSCALL, thread, 0, handed);
  }
  fclose(log);
  int ended = alone();
  fprintf(stderr, "%ld\n", seen);
  return ended ? result : 99;
}

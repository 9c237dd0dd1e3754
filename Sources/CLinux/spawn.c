#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// In the child, between fork and exec: only calls that signal-safety(7) allows. Gives errno.
static int become(
    pid_t parent, const char *path, char *const argv[], char *const envp[], const char *directory, const int streams[3],
    uint64_t memory, uint64_t file) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
  // The child does not outlive the program, however that ends: what is half done is gone over by the next one alone.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (getppid() != parent) return ESRCH;
  // A new session is a new process group too. It has no terminal, so a program that wants to ask for a password there
  // fails at once; in a mere background group it would be stopped until its deadline.
  if (setsid() < 0) return errno;
  if (directory != NULL && chdir(directory) != 0) return errno;
  for (int number = 0; number < 3; number++) {
    if (dup2(streams[number], number) < 0) return errno;
  }
  // Private writable memory, as the kernel counts it: a program may reserve addresses beyond it, but not use them.
  struct rlimit bound = {.rlim_cur = memory, .rlim_max = memory};
  if (memory != 0 && setrlimit(RLIMIT_DATA, &bound) != 0) return errno;
  struct rlimit size = {.rlim_cur = file, .rlim_max = file};
  if (file != 0 && setrlimit(RLIMIT_FSIZE, &size) != 0) return errno;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(path, argv, envp);
  return errno;
}

int clinux_spawn(
    pid_t *pid, const char *path, char *const argv[], char *const envp[], const char *directory, int in, int out,
    int err, uint64_t memory, uint64_t file) {
  int ends[2];
  // Above the three streams, so that none of them can be overwritten before it is used.
  int low[2], streams[3] = {in, out, err};
  if (pipe2(low, O_CLOEXEC) != 0) return errno;
  for (int number = 0; number < 2; number++) {
    ends[number] = fcntl(low[number], F_DUPFD_CLOEXEC, 3);
    close(low[number]);
  }
  sigset_t every, before;
  sigfillset(&every);
  pthread_sigmask(SIG_BLOCK, &every, &before);
  pid_t parent = getpid();
  *pid = fork();
  if (*pid == 0) {
    // Everything from 3 on is closed by the exec.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    int copies[3];
    for (int number = 0; number < 3; number++) copies[number] = fcntl(streams[number], F_DUPFD_CLOEXEC, 3);
    int error = become(parent, path, argv, envp, directory, copies, memory, file);
    ssize_t written = write(ends[1], &error, sizeof error);
    _exit(written == sizeof error ? 127 : 126);
  }
  int error = *pid < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (error == 0) {
    ssize_t count;
    do { count = read(ends[0], &error, sizeof error); } while (count < 0 && errno == EINTR);
    if (count == sizeof error) waitpid(*pid, NULL, 0);
    else error = 0;
  }
  close(ends[0]);
  return error;
}

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_sockets(int ends[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }

int clinux_pidfd_open(pid_t pid) { return pidfd_open(pid, 0); }

int clinux_reap(int pidfd, int *status, int *signalled) {
  siginfo_t info = {.si_pid = 0};
  if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) != 0) return -1;
  if (info.si_pid == 0) return 0;
  *status = info.si_status;
  *signalled = info.si_code != CLD_EXITED;
  return 1;
}

void clinux_keep_exited_children(void) {
  struct sigaction action;
  if (sigaction(SIGCHLD, NULL, &action) != 0) return;
  if (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0) {
    if (action.sa_handler == SIG_IGN) action.sa_handler = SIG_DFL;
    action.sa_flags &= ~SA_NOCLDWAIT;
    sigaction(SIGCHLD, &action, NULL);
  }
}

void clinux_block_broken_pipe_signal(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

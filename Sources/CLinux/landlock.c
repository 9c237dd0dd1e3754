#define _GNU_SOURCE
#include "CLinux.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_RESTRICT_SELF_TSYNC
#define LANDLOCK_RESTRICT_SELF_TSYNC (1U << 3)
#endif

// libdispatch's workers block nearly every signal; this one they leave open (_dispatch_sigmask), and nobody sends it.
static const int request = SIGSYS;

static const long long nanoseconds = 1000000000;

// What one thread was asked, and what it said: -1 until it has, 0 when it is restricted, else an error number.
struct answer {
  struct answer *next;
  pid_t thread;
  _Atomic int error;
};

static _Atomic int ruleset = -1;
static sem_t answered;

int clinux_landlock_abi(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) return 0;
  return (int)version;
}

static unsigned long long write_rights(int abi) {
  unsigned long long rights =
      LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
      LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
      LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
      LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
  return rights;
}

int clinux_landlock_ruleset(int abi) {
  struct landlock_ruleset_attr attributes = {.handled_access_fs = write_rights(abi)};
  return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
}

static int allow(int rules, int abi, int beneath) {
  struct stat status;
  if (fstat(beneath, &status) != 0) return -1;
  unsigned long long rights = write_rights(abi);
  // A rule for anything but a directory must not name rights that only directories have.
  if (!S_ISDIR(status.st_mode)) rights &= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
  struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = beneath};
  return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int clinux_landlock_allow(int rules, int abi, const char *path) {
  int beneath = open(path, O_PATH | O_CLOEXEC);
  if (beneath < 0) return -1;
  int result = allow(rules, abi, beneath), error = errno;
  close(beneath);
  errno = error;
  return result;
}

static int restrict_thread(unsigned flags) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  if (syscall(SYS_landlock_restrict_self, atomic_load(&ruleset), flags) != 0) return errno;
  return 0;
}

// Runs in each of the other threads: only calls that signal-safety(7) allows.
static void answer_request(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  if (info->si_code != SI_QUEUE || info->si_pid != getpid()) return;
  int before = errno;
  struct answer *answer = info->si_value.sival_ptr;
  atomic_store(&answer->error, restrict_thread(0));
  sem_post(&answered);
  errno = before;
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * nanoseconds + time.tv_nsec;
}

// Reads what the kernel says about a thread; see proc_pid_status(5). Empty when the thread is gone.
static void read_status(pid_t thread, char text[static 4096]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
  text[0] = '\0';
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, text, 4095);
  // Only a thread that is not there any more is gone.
  if (length >= 0) text[length] = '\0';
  else if (errno != ENOENT && errno != ESRCH) strcpy(text, "?");
  if (file >= 0) close(file);
}

static long number_in(const char *text, const char *field) {
  const char *found = strstr(text, field);
  return found == NULL ? -1 : strtol(found + strlen(field), NULL, 10);
}

static long count_threads(void) {
  char text[4096];
  read_status(gettid(), text);
  return number_in(text, "\nThreads:\t");
}

static int gains_no_privileges(pid_t thread) {
  char text[4096];
  read_status(thread, text);
  return number_in(text, "\nNoNewPrivs:\t") == 1;
}

// Whether a thread will never run again: a main thread that has exited stays listed for as long as others run.
static int is_gone(pid_t thread) {
  char text[4096];
  read_status(thread, text);
  return text[0] == '\0' || strstr(text, "\nState:\tZ") != NULL || strstr(text, "\nState:\tX") != NULL;
}

static int ask(struct answer *answer) {
  siginfo_t info = {.si_signo = request, .si_code = SI_QUEUE};
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_ptr = answer;
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), answer->thread, request, &info) == 0) return 0;
  if (errno != ESRCH) return errno;
  atomic_store(&answer->error, 0);
  return 0;
}

// Waits until each thread has answered or is gone; gives the first error number.
static int await_answers(struct answer *answers, long long deadline) {
  int error = 0;
  for (struct answer *answer = answers; answer != NULL; answer = answer->next) {
    while (atomic_load(&answer->error) < 0) {
      long long time = now();
      if (time > deadline) return ETIMEDOUT;
      long long wake = time + nanoseconds / 1000;
      struct timespec until = {.tv_sec = wake / nanoseconds, .tv_nsec = wake % nanoseconds};
      if (sem_clockwait(&answered, CLOCK_MONOTONIC, &until) != 0 && errno == ETIMEDOUT && is_gone(answer->thread)) {
        atomic_store(&answer->error, 0);
      }
    }
    if (error == 0) error = atomic_load(&answer->error);
  }
  return error;
}

static struct answer *add(struct answer **answers, pid_t thread, int error) {
  struct answer *answer = malloc(sizeof *answer);
  if (answer == NULL) return NULL;
  *answer = (struct answer){.next = *answers, .thread = thread, .error = error};
  *answers = answer;
  return answer;
}

static int is_known(const struct answer *answers, pid_t thread) {
  while (answers != NULL && answers->thread != thread) answers = answers->next;
  return answers != NULL;
}

// Gives the next thread of a listing, or 0 at its end.
static pid_t next_thread(DIR *threads) {
  struct dirent *entry;
  while ((entry = readdir(threads)) != NULL) {
    if (isdigit((unsigned char)entry->d_name[0])) return atoi(entry->d_name);
  }
  return 0;
}

// Whether PR_SET_NO_NEW_PRIVS, which a thread inherits together with the restriction, will tell who is restricted.
static int is_telling(void) {
  DIR *threads = opendir("/proc/self/task");
  if (threads == NULL) return 0;
  int telling = 1;
  for (pid_t thread; telling && (thread = next_thread(threads)) != 0;) telling = !gains_no_privileges(thread);
  closedir(threads);
  return telling;
}

// Asks every thread that is not among the answers yet, and sets `complete` when there was none.
//
// All listed threads were restricted before the pass began, and they were as many as the process had then: so they were
// all that it had, and what they have started since has inherited the restriction. The count matters, since a listing
// ends early when a thread exits under it.
static int pass(struct answer **answers, int telling, long long deadline, int *complete) {
  long count = count_threads(), listed = 0;
  int error = 0, news = 0;
  DIR *threads = opendir("/proc/self/task");
  if (threads == NULL) return errno;
  for (pid_t thread; error == 0 && (thread = next_thread(threads)) != 0; listed++) {
    if (is_known(*answers, thread)) continue;
    news = 1;
    // Asked all the same, one that was started since would be restricted twice; and a thread that starts others when it
    // is interrupted would keep this going.
    int inherited = telling && gains_no_privileges(thread);
    struct answer *answer = add(answers, thread, inherited ? 0 : -1);
    if (answer == NULL) error = ENOMEM;
    else if (!inherited) error = ask(answer);
  }
  closedir(threads);
  if (error == 0) error = await_answers(*answers, deadline);
  *complete = !news && listed == count;
  return error;
}

static void forget(struct answer *answers) {
  while (answers != NULL) {
    struct answer *next = answers->next;
    free(answers);
    answers = next;
  }
}

static int restrict_all_threads(long long deadline) {
  static int prepared = 0;
  if (!prepared && sem_init(&answered, 0, 0) != 0) return errno;
  prepared = 1;
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART}, former;
  action.sa_sigaction = answer_request;
  sigfillset(&action.sa_mask);
  int telling = is_telling();
  int error = restrict_thread(0);
  if (error != 0) return error;
  struct answer *answers = NULL;
  if (add(&answers, gettid(), 0) == NULL) return ENOMEM;
  if (sigaction(request, &action, &former) != 0) {
    error = errno;
    forget(answers);
    return error;
  }
  int complete = 0;
  while (error == 0 && !complete) {
    error = pass(&answers, telling, deadline, &complete);
    if (error == 0 && !complete && now() > deadline) error = ETIMEDOUT;
  }
  // A thread may still answer later. Its answer must find what it writes to, and without the function that takes it the
  // signal would end the process.
  if (error != 0) return error;
  sigaction(request, &former, NULL);
  forget(answers);
  return 0;
}

int clinux_landlock_restrict(int rules, int abi, long long patience) {
  static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&one);
  atomic_store(&ruleset, rules);
  int error = abi >= 8 ? restrict_thread(LANDLOCK_RESTRICT_SELF_TSYNC) : restrict_all_threads(now() + patience);
  atomic_store(&ruleset, -1);
  pthread_mutex_unlock(&one);
  return error;
}

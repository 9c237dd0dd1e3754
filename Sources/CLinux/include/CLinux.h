#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/types.h>

/// Starts a program in a session and process group of its own.
///
/// The child gets `in`, `out` and `err` as descriptors 0, 1 and 2 and no others, an empty signal mask and default
/// signal dispositions. `directory` may be NULL: the caller's own. The three descriptors must be above 2. `memory` bounds
/// the bytes of private writable memory of the child and of each program that it starts, 0 for no bound; see RLIMIT_DATA in
/// setrlimit(2). `file` bounds the bytes of each file that they write, 0 for no bound; see RLIMIT_FSIZE there.
/// Returns 0, or an error number; see posix_spawn(3).
int clinux_spawn(
    pid_t *pid, const char *path, char *const argv[], char *const envp[], const char *directory, int in, int out,
    int err, uint64_t memory, uint64_t file);

/// Makes a pipe whose ends no other program inherits; `ends` are the reading and the writing one. Returns -1 when it fails;
/// see pipe2(2).
int clinux_pipe(int ends[2]);

/// Makes two connected sockets that no other program inherits. Returns -1 when it fails; see socketpair(2).
int clinux_sockets(int ends[2]);

/// Opens a descriptor that becomes readable when the child `pid` exits, or returns -1; see pidfd_open(2).
int clinux_pidfd_open(pid_t pid);

/// Reaps the exited child behind `pidfd` without waiting.
///
/// Returns 1 and sets `status` and `signalled` (status is then the signal's number), 0 when it still runs, or -1; see
/// waitid(2).
int clinux_reap(int pidfd, int *status, int *signalled);

/// Makes sure that exited children stay to be waited for, also when the parent of this process ignored SIGCHLD.
void clinux_keep_exited_children(void);

/// Blocks SIGPIPE in the calling thread, so that writing to a closed pipe fails with EPIPE and ends nothing.
void clinux_block_broken_pipe_signal(void);

/// Returns the version of Landlock that the kernel offers, 0 when it offers none, or -1; see
/// landlock_create_ruleset(2).
int clinux_landlock_abi(void);

/// Makes a set of rules that knows every right of `abi` to change the file system, and allows none yet.
///
/// Returns its descriptor, or -1; see landlock_create_ruleset(2).
int clinux_landlock_ruleset(int abi);

/// Allows changes to a file, or to a directory and all below it.
///
/// Returns 0, or -1; see landlock_add_rule(2).
int clinux_landlock_allow(int rules, int abi, const char *path);

/// Puts every thread of the process under the rules, and with them all threads and programs that they start from then
/// on.
///
/// Nor can they gain privileges by exec any more; see PR_SET_NO_NEW_PRIVS(2const). Returns 0, or an error number after
/// which some threads may be restricted and some not: ETIMEDOUT when a thread, one that blocks SIGSYS perhaps, has not
/// obeyed after `patience` nanoseconds. From version 8 on the kernel restricts all threads at once, and waits for each
/// that cannot be interrupted; see landlock_restrict_self(2).
int clinux_landlock_restrict(int rules, int abi, long long patience);

/// Lets two entries of one file system change places in one step. Returns 0, or -1; see RENAME_EXCHANGE in renameat2(2).
int clinux_exchange(const char *one, const char *other);

/// Gives the magic number of the file system that a path is in, or -1; see statfs(2).
long long clinux_file_system(const char *path);

/// Makes malloc keep little of what was freed; see mallopt(3).
void clinux_settle_memory(void);

/// Gives freed memory back to the system; see malloc_trim(3).
void clinux_trim_memory(void);

/// Takes code and constants that were read from files out of the process's resident memory; they come back when used.
void clinux_drop_code(void);

/// Keeps the process's memory out of core dumps, and from other processes of the same user; see PR_SET_DUMPABLE(2const).
void clinux_forbid_dumps(void);

/// Says whether the kernel calls its clock synchronised: 1, 0, or -1 when it may not be asked; see adjtimex(2).
int clinux_clock_is_synchronised(void);

#endif

/*
 * Processes that call and wait, for the tests of interrupts and locks.  Functions with a void
 * pointer fit harness_fork() and harness_as(): the argument is a path, the result an errno value.
 */
#ifndef INTEGRATION_CALLERS_H
#define INTEGRATION_CALLERS_H

#include "daemon.h"

/* The signal ends system calls of this process with EINTR from now on. */
void callers_catch(int number);

/* fcntl(2) with a lock on the whole file: 0 or an errno value. */
int callers_lock(int fd, int cmd, short type);

/* Opens it, waits for a write lock (SIGUSR1 interrupts) or only tries to get one, and exits with
 * it. */
int callers_wait_for_lock(void *path);
int callers_try_lock(void *path);

/* Does a dump of the daemon's requests in flight show this? */
bool callers_dump_has(const struct daemon *d, const char *text);

/* Returns once a request with this opcode is in flight. */
void callers_wait_until_waiting(const struct daemon *d, const char *op);

#endif

/*
 * The call stacks of all threads of this process, with symbol names: the tool for a file system
 * that hangs.  Takes no lock but its own, so it works whatever is stuck.
 */
#ifndef DAEMON_STACKS_H
#define DAEMON_STACKS_H

#include "err.h"

/* Installs the handler of the signal (SIGRTMIN + 1) that asks a thread for its stack, unblocks it
 * in the caller, and loads the unwinder, so that nothing is allocated later.  Before threads are
 * started. */
int stacks_open(struct err *err);

/*
 * Logs (log_asked) each thread's number, name and stack, the caller's too; a thread that does not
 * answer within a moment is said so, with what the kernel tells about it.  Any thread; one at a
 * time: a second caller waits.  System calls of other threads go on after it, except those that
 * never do after a signal: poll, nanosleep, io_uring_enter and their like return EINTR.
 */
void stacks_log(void);

#endif

/*
 * The threads of this process as the kernel sees them; takes no lock and allocates nothing.
 */
#ifndef DAEMON_THREADS_H
#define DAEMON_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A walk over all threads. */
struct threads {
	int fd;
	size_t at, end;
	_Alignas(8) char buf[4096];
};

/* 0 or a negative errno. */
int threads_open(struct threads *t);
/* The next thread's number; 0: there are no more.  One that starts meanwhile may be left out. */
pid_t threads_next(struct threads *t);
void threads_close(struct threads *t);

struct thread_info {
	char name[32];
	char state[32];            /* as "S (sleeping)" */
	uint64_t pending, blocked; /* signals: bit 0 is number 1; pending: for this thread alone */
};

/* false: there is no such thread (any more); *info says "?". */
bool threads_read(pid_t tid, struct thread_info *info);

/* Where it is in the kernel, as ", in futex_do_wait, system call 202", as far as it is told (else
 * empty); *pc: where it will go on, NULL if that is not known. */
void threads_where(pid_t tid, char *buf, size_t size, const void **pc);

#endif

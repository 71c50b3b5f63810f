/*
 * The inside of one process that runs operations on one side: its handles, its view of paths, where
 * results go. Knows nothing of the other side.
 */
#ifndef DIFF_WORKER_H
#define DIFF_WORKER_H

#include "op.h"
#include "stream.h"

enum { CHURN_MAX = 4096 };

/* Names that operations may have changed, newest at (count - 1) % CHURN_MAX: what a directory
 * stream may miss. */
struct churn {
	uint64_t count;
	uint64_t name[CHURN_MAX]; /* hashes */
};

/* Memory that all processes of a run share.  The coordinator writes op; one worker at a time writes
 * its side's rest. */
struct shared {
	struct op op;
	struct result res[2];
	pid_t pid[PROCS_MAX][2];
	struct churn churn;
	char note[2][PATH_BYTES]; /* the janitor's explanation of a failure */
	unsigned char data[2][DATA_MAX] __attribute__((aligned(4096))); /* for direct I/O */
};

struct handle {
	int fd; /* -1: closed */
	unsigned char *map;
	size_t map_len;
	int64_t map_off;
	struct stream stream;
};

struct worker {
	int side; /* 0 is A, 1 is B */
	int proc;
	int root;     /* the janitor's open of the directory of the current epoch */
	int proc_fds; /* /proc/self/fd, which is outside of what it sees */
	struct shared *shm;
	struct handle handle[HANDLES];
	char path[OP_STRS][PATH_BYTES]; /* the operation's paths, expanded */
	char value[VALUE_BYTES];
};

/* The descriptor of a handle, -1 when it is closed. */
int worker_fd(const struct worker *w, int64_t h);
/* Where path argument i starts: AT_FDCWD, a handle's descriptor, or -1. */
int worker_base(const struct worker *w, const struct op *op, int i);
/* Takes over fd (which may be -1) as handle h, closing what was there, and records the outcome in
 * r. */
void worker_install(struct worker *w, int64_t h, int fd, struct result *r);
/* Unmaps and closes a handle; the result of close(2). */
int worker_close(struct worker *w, int64_t h);
/* Records a call's result: ret, and errno if ret is negative. */
void worker_done(struct result *r, int64_t ret);
/* Appends text to the side's data, which are compared. */
void worker_say(struct worker *w, struct result *r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Expands an expression into w->value; its length, or -1 with EINVAL. */
long worker_value(struct worker *w, const char *expr);
/* The side's data area. */
unsigned char *worker_data(struct worker *w);

/* Takes the snapshots before the operation. */
void worker_prepare(struct worker *w, const struct op *op, struct result *r);
/* Expands paths, runs the row's exec, takes snapshots unless the operation is marked unseen. */
void worker_run(struct worker *w, const struct op *op, struct result *r);
void worker_init(struct worker *w, int side, int proc, struct shared *shm);

#endif

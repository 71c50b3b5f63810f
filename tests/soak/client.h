/*
 * What the operations of a client see: its directories, its files and what is expected of them.
 * Knows nothing of the supervisor.
 */
#ifndef SOAK_CLIENT_H
#define SOAK_CLIENT_H

#include "soak.h"

#include <setjmp.h>

struct me {
	struct shared *shm;
	struct client *c;
	int index;
	unsigned epoch;
	struct rng rng;
	int dir[DIRS];      /* its own */
	int crowd;          /* the directory of all */
	int held[SLOTS];    /* files that stay open, or -1 */
	unsigned char *buf; /* FILE_MAX bytes, page-aligned */
	void *map;          /* what the operation has mapped, or NULL */
	size_t map_len;
	sigjmp_buf out; /* away from a mount that is disturbed */
};

/* Whether anything may fail by now. */
bool is_disturbed(const struct me *m);
/*
 * Something is not as it must be: leaves by the jump if the epoch is disturbed, else reports it
 * (with the error number, unless 0) and ends the process.
 */
void fail(struct me *m, int error, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* A system call's result: a failure if it is negative. */
long must(struct me *m, long ret, const char *what);

/* A slot in that state; NULL if there is none. */
struct slot *slot_any(struct me *m, enum slot_state state);
int slot_index(const struct me *m, const struct slot *s);
void slot_name(const struct slot *s, char name[32]);
/* An absent slot gets a directory and a name that was never used. */
void slot_name_new(struct me *m, struct slot *s);
/* The open file, read and write; it may be one that was opened long ago. */
int slot_open(struct me *m, struct slot *s);
/* Closes it or, now and then, keeps it open. */
void slot_done(struct me *m, struct slot *s, int fd);
/* Closes what is held. */
void slot_let_go(struct me *m, struct slot *s);
/* Size and bytes, by that descriptor. */
void slot_check(struct me *m, const struct slot *s, int fd);
/* Makes the file, with random bytes. */
void slot_fill(struct me *m, struct slot *s, int fd);
/*
 * What is done to a file stands between these two: somebody may kill the client meanwhile.  The
 * numbers, as offset and length, are told with a later failure.
 */
void slot_begin(struct me *m, struct slot *s, size_t at, size_t len);
void slot_end(struct slot *s);
/* It is gone: nothing is expected of it any more. */
void slot_forget(struct slot *s);

struct soak_op {
	const char *name;
	unsigned weight;
	void (*run)(struct me *m);
};

/* Each ends with a row without a name. */
extern const struct soak_op data_ops[], name_ops[], crowd_ops[];

#endif

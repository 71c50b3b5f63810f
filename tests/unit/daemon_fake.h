/*
 * A backend that does nothing but keep what it was asked and answer what it was told to.
 */
#ifndef TESTS_DAEMON_FAKE_H
#define TESTS_DAEMON_FAKE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <llfused/backend.h>

#define FAKE_FORGETS 512

/* One process runs one test, so there is one of these. */
struct fake {
	/* what ops answer */
	int answer;
	int (*hook)(struct llfused_ctx *ctx); /* asked instead of `answer` when set */
	struct llfused_entry entry;           /* preset: regular files, no nodeid */
	struct llfused_attr_out attr;
	struct llfused_open open;
	struct llfused_statfs statfs;
	struct llfused_lock lock_out;
	const char *bytes; /* read, readlink, xattr values, ioctl */
	size_t nbytes;
	uint64_t number; /* write, bmap, poll, lseek, copy_file_range, ioctl's result */
	int (*fill)(struct llfused_dirents *dirents); /* readdir */

	/* what the last op was asked */
	const char *op;
	struct llfused_ctx ctx;
	uint64_t node, node2, fh, fh2, offset, offset2, size, wakeup;
	uint32_t mode, flags, flags2, events;
	bool has_fh;
	char name[256], name2[256];
	size_t data_size;
	unsigned char data[64]; /* the first of data_size bytes */
	size_t cap;
	struct llfused_setattr set;
	struct llfused_lock lock_in;
	struct llfused_ioctl ioctl;

	atomic_uint calls;
	void (*forget_hook)(struct llfused_ctx *ctx);
	struct llfused_forget forgot[FAKE_FORGETS];
	size_t nforgot;
	size_t forget_sizes[16];
	unsigned forget_calls;
	_Atomic unsigned interrupts;
	_Atomic llfused_pending told; /* by interrupt() */
	atomic_int inside, most_inside;
};

extern struct fake fake;

extern const struct llfused_backend fake_backend;            /* every op, serialized */
extern const struct llfused_backend fake_concurrent_backend; /* every op */
extern const struct llfused_backend fake_split_backend;      /* every op */
extern const struct llfused_backend fake_poor_backend;       /* lookup and getattr */
extern const struct llfused_backend fake_locking_backend;    /* these, getlk and setlk */

#endif

/*
 * What a bare FUSE server answers: constants, from nothing that it keeps.  It must not know how
 * messages travel.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/fuse.h>

/* Bytes of a payload: the longest READ and WRITE. */
#define BARE_PAYLOAD (1u << 20)

struct bare_style {
	bool forever;   /* names and attributes are valid for ever, else not at all */
	bool open_free; /* OPEN, OPENDIR and CREATE are answered ENOSYS: the kernel opens by itself
			 */
	bool xattrs;    /* there are none, but the kernel may ask */
	unsigned names; /* the root has so many files e0, e1, ... beside f */
};

/*
 * The reply to one request: its op's struct is at `op_in`, everything else at `payload`, where the
 * reply's body is put.  Any thread.  Returns the body's size, or a negative errno.
 */
int bare_answer(const struct bare_style *style, const struct fuse_in_header *in, const void *op_in,
		unsigned char *payload);

#endif

/*
 * Which file system stands at a path: asked of it, or looked up without asking.
 */
#ifndef DAEMON_PLACE_H
#define DAEMON_PLACE_H

#include <stdint.h>
#include <sys/types.h>

struct place {
	dev_t dev;
	mode_t mode;
	uint64_t id; /* of the mount, never used again; 0: the kernel does not tell (before 6.8) */
};

/* Asks the file system, past every cache: a dead FUSE mount answers -ENOTCONN.  May block. */
int place_ask(const char *path, struct place *out);

/* Asks nobody, so that a daemon may look at its own mount; `mode` is not filled. */
int place_look(const char *path, struct place *out);

#endif

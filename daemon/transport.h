/*
 * How requests come and replies go.  Two transports are meant to stand behind this interface; this
 * release has `dev`, which reads and writes /dev/fuse.
 */
#ifndef DAEMON_TRANSPORT_H
#define DAEMON_TRANSPORT_H

#include <stddef.h>
#include <sys/uio.h>

#include "err.h"

struct session;

struct transport {
	const char *name;
	/* Makes slots and workers and lets them run; `how` gets a few words for the start line. */
	int (*start)(struct session *s, char *how, size_t how_size, struct err *err);
	/* Ends the workers, whatever the kernel still has open, and frees them. */
	void (*stop)(struct session *s);
	/* Writes one reply to the descriptor that its request came from, or a notification; any
	 * thread.  0 or a negative errno: -ENOENT means that nobody waits for it any more. */
	int (*commit)(int fd, const struct iovec *iov, int iovcnt);
};

extern const struct transport transport_dev;

#endif

/*
 * How requests come and replies go.  Two transports stand behind this interface: `dev` reads and
 * writes /dev/fuse, `uring` is FUSE over io_uring.
 */
#ifndef DAEMON_TRANSPORT_H
#define DAEMON_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "err.h"

struct session;
struct stats;

struct transport {
	const char *name;
	/* Makes slots and workers and lets them run; `how` gets a few words for the start line.
	 * After a failure stop() is called, too. */
	int (*start)(struct session *s, char *how, size_t how_size, struct err *err);
	/* Ends the workers, whatever the kernel still has open, and frees them.  0, or -ETIMEDOUT
	 * when one is in a handler that has not returned after `timeout` ns: nothing is freed then,
	 * and it may be called again. */
	int (*stop)(struct session *s, uint64_t timeout);
	/* Answers EIO to the requests that nobody has read yet.  Any thread; never waits. */
	void (*refuse)(struct session *s);
	/* Adds what the workers have counted. */
	void (*count)(struct session *s, struct stats *sum);
	/* Writes one reply to the descriptor that its request came from, or a notification; any
	 * thread.  0 or a negative errno: -ENOENT means that nobody waits for it any more. */
	int (*commit)(struct session *s, int fd, const struct iovec *iov, int iovcnt);
	/* Any thread: the data of the request that came from there are not read any more.  For
	 * slots that hold such data; NULL where none do. */
	void (*release)(struct session *s, int fd);
};

extern const struct transport transport_dev;
extern const struct transport transport_uring;

#endif

/*
 * The io_uring that a queue of FUSE over io_uring needs: making one, and doing without.
 */
#ifndef DAEMON_RING_SETUP_H
#define DAEMON_RING_SETUP_H

struct io_uring;

/* By the thread that uses it.  0 or a negative errno. */
int ring_setup_make(struct io_uring *ring);

/* Can this process make one?  0 or a negative errno. */
int ring_setup_probe(void);

/* Makes the kernel send requests to /dev/fuse after all, as long as not all queues are served.  0
 * or a negative errno. */
int ring_setup_decline(int fuse_fd);

#endif

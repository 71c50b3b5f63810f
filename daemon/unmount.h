/*
 * Unmounting without being held up: the last unmount of a file system waits in the kernel for
 * whoever asks it something, and the answer may be ours to give.
 */
#ifndef DAEMON_UNMOUNT_H
#define DAEMON_UNMOUNT_H

#include <stdint.h>

/*
 * Calls detach(path) in a thread of its own and waits for it, at most `patience` ns.  Its result,
 * or -EINPROGRESS: it is still under way, and goes on; it is not to be asked for again.
 */
int unmount_aside(int (*detach)(const char *path), const char *path, uint64_t patience);

#endif

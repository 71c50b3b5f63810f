/*
 * What /proc tells of a request's caller.
 */
#ifndef DAEMON_CALLER_H
#define DAEMON_CALLER_H

#include <stdint.h>

/* The file-system uid of the thread `pid`, as we see it, or a negative errno.  Only as good as the
 * caller's waiting: once it is gone the number may be another's. */
int caller_uid(uint32_t pid, uint32_t *uid);

#endif

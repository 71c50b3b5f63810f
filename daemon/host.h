/*
 * What the daemon offers to backends (llfused_*), bound to the one session of the process.
 */
#ifndef DAEMON_HOST_H
#define DAEMON_HOST_H

#include <stdint.h>

struct session;

/* From here on the functions of the public header act on this session; NULL: on none. */
void host_bind(struct session *s);

/* The backend's cookie of a NOTIFY_REPLY, from the unique that the kernel sends back. */
uint64_t host_cookie_of(uint64_t unique);

#endif

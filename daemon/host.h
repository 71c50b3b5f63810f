/*
 * What the daemon offers to backends (llfused_*), bound to the one session of the process.
 */
#ifndef DAEMON_HOST_H
#define DAEMON_HOST_H

#include <stdint.h>

struct lock;
struct session;

/* From here on the functions of the public header act on this session; NULL: on none. */
void host_bind(struct session *s);
struct session *host_session(void);

/*
 * Around what uses the mounted descriptor at once: the end of the session waits for those in
 * between.  0, or -ENOTCONN: not mounted yet, or any more (`s` may be NULL); there is nothing to
 * leave then.
 */
int host_enter(struct session *s);
void host_leave(struct session *s);

/* And on this global lock: from before load() to after destroy(). */
void host_bind_lock(struct lock *l);

/* What llfused_fatal() was told first; NULL: it was not called. */
const char *host_fatal_text(void);

/* The backend's cookie of a NOTIFY_REPLY, from the unique that the kernel sends back. */
uint64_t host_cookie_of(uint64_t unique);

#endif

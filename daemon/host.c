/*
 * The functions of the public header that a backend calls: the request at hand, the global lock,
 * fatal errors.  One process serves one session; this file holds the pointer to it.
 */
#include "host.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "dispatch.h"
#include "log.h"
#include "session_impl.h"

static struct session *_Atomic bound;
static struct lock *_Atomic bound_lock;

/* The first fatal error; written once, under the mutex. */
static struct {
	pthread_mutex_t mutex;
	atomic_bool said;
	char text[256];
} fatal = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void host_bind(struct session *s)
{
	atomic_store(&bound, s);
}

struct session *host_session(void)
{
	return atomic_load(&bound);
}

int host_enter(struct session *s)
{
	if (!s)
		return -ENOTCONN;
	pthread_rwlock_rdlock(&s->sending);
	if (s->reachable)
		return 0;
	pthread_rwlock_unlock(&s->sending);
	return -ENOTCONN;
}

void host_leave(struct session *s)
{
	pthread_rwlock_unlock(&s->sending);
}

void host_bind_lock(struct lock *l)
{
	atomic_store(&bound_lock, l);
}

LLFUSED_EXPORT llfused_pending llfused_pend(struct llfused_ctx *ctx)
{
	struct slot *slot = slot_of(ctx);

	/* forget() and its like are not answered, so there is nothing to wait for */
	if (!slot->request.op || !dispatch_wants_reply(slot->request.op))
		return 0;
	if (slot->pending == 0)
		slot->pending = pending_add(&slot->session->pending, slot);
	return slot->pending;
}

LLFUSED_EXPORT int llfused_interrupted(const struct llfused_ctx *ctx)
{
	struct slot *slot = slot_of(ctx);
	uint64_t unique = atomic_load(&slot->interrupted);

	return unique != 0 && unique == slot->request.head.unique;
}

LLFUSED_EXPORT void llfused_setattr_now(struct llfused_setattr *set)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (set->valid & LLFUSED_SET_ATIME_NOW)
		set->atime = now;
	if (set->valid & LLFUSED_SET_MTIME_NOW)
		set->mtime = now;
	set->valid &= ~(LLFUSED_SET_ATIME_NOW | LLFUSED_SET_MTIME_NOW);
}

/* ---- the global lock ---- */

/* Before the daemon has one there is one thread only, and nothing to exclude. */
LLFUSED_EXPORT int llfused_lock_acquire(uint64_t timeout)
{
	struct lock *l = atomic_load(&bound_lock);

	return l ? lock_acquire(l, timeout) : -ENOTCONN;
}

LLFUSED_EXPORT int llfused_lock_release(void)
{
	struct lock *l = atomic_load(&bound_lock);

	return l ? lock_release(l) : -EPERM;
}

LLFUSED_EXPORT int llfused_lock_yield(unsigned count)
{
	struct lock *l = atomic_load(&bound_lock);

	return l ? lock_yield(l, count) : -EPERM;
}

/* ---- fatal errors ---- */

LLFUSED_EXPORT int llfused_fatal(const char *format, ...)
{
	struct session *s = atomic_load(&bound);
	char text[sizeof(fatal.text)];
	bool first;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&fatal.mutex);
	first = !atomic_load(&fatal.said);
	if (first) {
		snprintf(fatal.text, sizeof(fatal.text), "%s", text);
		atomic_store(&fatal.said, true);
	}
	pthread_mutex_unlock(&fatal.mutex);
	if (!first)
		log_error("another fatal error of the backend: %s", text);
	if (s) {
		atomic_store(&s->broken, true);
		session_finish(s, SESSION_FATAL);
	}
	return -EIO;
}

const char *host_fatal_text(void)
{
	return atomic_load(&fatal.said) ? fatal.text : NULL;
}

/*
 * The insides of dispatch, for the files that make it up.
 */
#ifndef DAEMON_DISPATCH_IMPL_H
#define DAEMON_DISPATCH_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "dispatch.h"
#include "session_impl.h"

/* Around a call of the backend, for one that wants the global lock.  The pool hands the lock over
 * together with the request; a worker takes it here. */
void dispatch_lock(struct slot *slot);
void dispatch_unlock(struct slot *slot);

/* After llfused_fatal() no handler is called: looked at with the lock held, since waiting for it
 * may have taken its time. */
static inline bool dispatch_is_broken(const struct session *s)
{
	return atomic_load_explicit(&s->broken, memory_order_relaxed);
}

/* dispatch_special.c: requests that are not one op of the backend */

/* Does the backend have a part in this one?  If not, `error` is the answer. */
bool special_receive(struct slot *slot, int *error);
void special_run(struct slot *slot);

/* The backend hears that the caller of this pending request got a signal. */
void special_tell_interrupt(struct slot *slot, llfused_pending id);

/* The call stacks of our threads are asked for by an extended attribute of the root: answered in
 * the reading thread and without the global lock, since that may be what hangs. */
bool special_is_stacks(const struct slot *slot);
int special_stacks(const struct slot *slot);

#endif

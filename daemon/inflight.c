/*
 * The in-flight list (the slots themselves) and the interrupts that have no request yet.
 * It knows nothing of pending requests or backends.
 */
#include "inflight.h"

#include <time.h>

/* A request that was read is registered within microseconds; what waits longer came too late. */
#define ORPHAN_LIFE UINT64_C(1000000000)

uint64_t inflight_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void inflight_init(struct inflight *in, struct slot *slots, unsigned nslots)
{
	*in = (struct inflight){.slots = slots, .nslots = nslots};
	pthread_mutex_init(&in->lock, NULL);
}

void inflight_free(struct inflight *in)
{
	pthread_mutex_destroy(&in->lock);
}

/* Removes the orphan `unique` and those that are too old; true when it was there.  Lock held. */
static bool orphan_take(struct inflight *in, uint64_t unique)
{
	uint64_t now = inflight_now();
	bool found = false;

	for (unsigned i = 0; i < INFLIGHT_ORPHANS; i++) {
		uint64_t u = in->orphan[i].unique;

		if (u == 0 || (u != unique && now - in->orphan[i].since < ORPHAN_LIFE))
			continue;
		found |= u == unique;
		in->orphan[i].unique = 0;
		atomic_fetch_sub(&in->norphans, 1);
	}
	return found;
}

/* Lock held.  When the table is full, the oldest goes. */
static void orphan_put(struct inflight *in, uint64_t unique)
{
	unsigned at = 0;

	for (unsigned i = 0; i < INFLIGHT_ORPHANS; i++) {
		if (in->orphan[i].unique == 0) {
			at = i;
			break;
		}
		if (in->orphan[i].since < in->orphan[at].since)
			at = i;
	}
	if (in->orphan[at].unique == 0)
		atomic_fetch_add(&in->norphans, 1);
	in->orphan[at].unique = unique;
	in->orphan[at].since = inflight_now();
}

void inflight_enter(struct inflight *in, struct slot *slot)
{
	const struct fuse_in_header *head = &slot->request.head;

	atomic_store_explicit(&slot->nodeid, head->nodeid, memory_order_relaxed);
	atomic_store_explicit(&slot->opcode, head->opcode, memory_order_relaxed);
	atomic_store_explicit(&slot->pid, head->pid, memory_order_relaxed);
	atomic_store_explicit(&slot->since, inflight_now(), memory_order_relaxed);
	/* First show the request, then look for its interrupt; the other side first leaves the
	 * interrupt, then looks for the request.  One of the two sees the other. */
	atomic_store(&slot->unique, head->unique);
	if (atomic_load(&in->norphans) == 0)
		return;
	pthread_mutex_lock(&in->lock);
	if (orphan_take(in, head->unique))
		atomic_store(&slot->interrupted, head->unique);
	pthread_mutex_unlock(&in->lock);
}

void inflight_leave(struct slot *slot)
{
	atomic_store_explicit(&slot->unique, 0, memory_order_release);
}

struct slot *inflight_interrupt(struct inflight *in, uint64_t unique)
{
	struct slot *found = NULL;

	if (unique == 0) /* no request has that one: it stands for idle and free */
		return NULL;
	pthread_mutex_lock(&in->lock);
	orphan_put(in, unique);
	for (unsigned i = 0; i < in->nslots && !found; i++) {
		if (atomic_load(&in->slots[i].unique) != unique)
			continue;
		atomic_store(&in->slots[i].interrupted, unique);
		found = &in->slots[i];
	}
	if (found)
		orphan_take(in, unique);
	pthread_mutex_unlock(&in->lock);
	return found;
}

void inflight_forget_orphan(struct inflight *in, uint64_t unique)
{
	pthread_mutex_lock(&in->lock);
	orphan_take(in, unique);
	pthread_mutex_unlock(&in->lock);
}

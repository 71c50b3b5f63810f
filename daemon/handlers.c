/*
 * Slots, reply room and counters for the pool's threads, and what running a job means.
 * It knows neither the lock's order nor how requests are read.
 */
#include "handlers.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "buffers.h"
#include "dispatch.h"
#include "session_impl.h"

/* Requests that may wait for a thread; more wait in the kernel. */
#define SLOTS_QUEUED 192u
/* After large writes a few slots, which are the next to be used, keep their memory: it costs more
 * to get it anew each time.  The others keep so many bytes. */
#define SLIM     65536u
#define FAT_KEPT 4u

struct handlers_seat {
	unsigned char *reply;
	struct stats stats;
};

static struct slot *slot_of_job(struct pool_job *job)
{
	return (struct slot *)(void *)((char *)job - offsetof(struct slot, job));
}

static void slim(struct handlers *h, struct slot *slot)
{
	if (!slot->fat || atomic_load(&h->fat) <= FAT_KEPT)
		return;
	buffers_trim(slot->message, slot->message_cap, SLIM);
	slot->fat = false;
	atomic_fetch_sub(&h->fat, 1);
}

static void run(void *arg, struct pool_job *job, unsigned seat)
{
	struct session *s = arg;
	struct slot *slot = slot_of_job(job);
	size_t len;

	slot->reply = s->handlers.seats[seat].reply;
	slot->stats = &s->handlers.seats[seat].stats;
	slot->locked = s->serialized;
	slot->may_sleep = true;
	if (s->split)
		slot->ctx.flags |= LLFUSED_CTX_MAY_SLEEP;
	len = dispatch_run(slot);
	session_release(slot);
	if (len > 0) {
		struct iovec iov = {.iov_base = slot->reply, .iov_len = len};

		dispatch_sent(slot, s->transport->commit(s, slot->fd, &iov, 1));
	}
	slim(&s->handlers, slot);
}

static int make_slots(struct session *s)
{
	struct handlers *h = &s->handlers;

	for (unsigned i = 0; i < h->nslots; i++) {
		struct slot *slot = &h->slots[i];

		slot->session = s;
		slot->body_cap = session_body_size(s);
		slot->message_cap = session_message_size(s);
		slot->message = buffers_reserve(slot->message_cap);
		if (!slot->message)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < h->nthreads; i++) {
		h->seats[i].reply = buffers_reply(session_body_size(s));
		if (!h->seats[i].reply)
			return -ENOMEM;
	}
	return 0;
}

static int start_pool(struct session *s, struct err *err)
{
	struct handlers *h = &s->handlers;
	struct pool_config config = {
		.lock = s->config.lock,
		.serialized = s->serialized,
		.nthreads = h->nthreads,
		.name = "handler",
		.run = run,
		.arg = s,
	};
	struct pool_job **jobs = calloc(h->nslots, sizeof(jobs[0]));
	int ret;

	if (!jobs)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < h->nslots; i++)
		jobs[i] = &h->slots[i].job;
	ret = pool_start(&h->pool, &config, jobs, h->nslots, err);
	free(jobs);
	return ret;
}

int handlers_start(struct session *s, unsigned nthreads, unsigned nreaders, struct err *err)
{
	struct handlers *h = &s->handlers;
	int ret;

	h->nthreads = nthreads;
	h->nslots = nthreads + SLOTS_QUEUED + nreaders;
	h->slots = calloc(h->nslots, sizeof(h->slots[0]));
	h->seats = calloc(nthreads, sizeof(h->seats[0]));
	ret = h->slots && h->seats ? make_slots(s) : -ENOMEM;
	if (ret == 0)
		ret = start_pool(s, err);
	else
		err_set(err, ret, "no address space for the requests of %u handler threads",
			nthreads);
	if (ret != 0)
		handlers_free(s);
	return ret;
}

struct slot *handlers_slot(struct session *s)
{
	struct pool_job *job = pool_get(&s->handlers.pool);

	return job ? slot_of_job(job) : NULL;
}

struct slot *handlers_try_slot(struct session *s)
{
	struct pool_job *job = pool_try(&s->handlers.pool);

	return job ? slot_of_job(job) : NULL;
}

void handlers_put(struct slot *slot)
{
	pool_put(&slot->session->handlers.pool, &slot->job);
}

void handlers_submit(struct slot *slot, size_t size)
{
	struct session *s = slot->session;
	uint64_t unique = slot->request.head.unique;

	if (size > SLIM && !slot->fat) {
		slot->fat = true;
		atomic_fetch_add(&s->handlers.fat, 1);
	}
	if (stall_looks_at_root(slot))
		stall_watch(s);
	pool_submit(&s->handlers.pool, &slot->job);
	/* whoever was told before could not find it in the queue; the slot may be another's now,
	 * which is looked at again under the pool's lock */
	if (atomic_load(&slot->interrupted) == unique)
		stall_interrupt(s, slot, unique);
}

struct wish {
	bool (*wanted)(const struct slot *slot);
};

static bool is_wanted(const struct pool_job *job, const void *arg)
{
	const struct wish *wish = arg;

	return wish->wanted(slot_of_job((struct pool_job *)(uintptr_t)job));
}

struct slot *handlers_cancel(struct session *s, bool (*wanted)(const struct slot *slot))
{
	struct wish wish = {wanted};
	struct pool_job *job = pool_find(&s->handlers.pool, is_wanted, &wish, true);

	return job ? slot_of_job(job) : NULL;
}

bool handlers_queued(struct session *s, bool (*wanted)(const struct slot *slot))
{
	struct wish wish = {wanted};

	return pool_find(&s->handlers.pool, is_wanted, &wish, false) != NULL;
}

struct one {
	const struct slot *slot;
	uint64_t unique;
};

static bool is_the_one(const struct pool_job *job, const void *arg)
{
	const struct one *one = arg;

	return job == &one->slot->job && one->slot->request.head.unique == one->unique;
}

bool handlers_cancel_one(struct slot *slot, uint64_t unique)
{
	struct one one = {slot, unique};

	return pool_find(&slot->session->handlers.pool, is_the_one, &one, true) != NULL;
}

void handlers_count(struct session *s, struct stats *sum)
{
	for (unsigned i = 0; i < s->handlers.nthreads; i++)
		stats_add(sum, &s->handlers.seats[i].stats);
}

int handlers_stop(struct session *s, uint64_t timeout)
{
	return s->handlers.nthreads > 0 ? pool_stop(&s->handlers.pool, timeout) : 0;
}

void handlers_free(struct session *s)
{
	struct handlers *h = &s->handlers;

	for (unsigned i = 0; h->slots && i < h->nslots; i++)
		buffers_release(h->slots[i].message, h->slots[i].message_cap);
	for (unsigned i = 0; h->seats && i < h->nthreads; i++)
		buffers_reply_free(h->seats[i].reply, session_body_size(s));
	free(h->slots);
	free(h->seats);
	*h = (struct handlers){.nthreads = 0};
}

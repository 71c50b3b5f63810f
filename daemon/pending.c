/*
 * The table of pending requests.  It knows nothing of how they are answered.
 */
#include "pending.h"

#include <errno.h>
#include <string.h>

#include "buffers.h"
#include "inflight.h"

/* Of an id: the index + 1 below, the generation above, which will not come round. */
#define INDEX_BITS 25

static size_t records_size(const struct pending *p)
{
	return (size_t)p->cap * sizeof(p->records[0]);
}

static size_t buckets_size(const struct pending *p)
{
	return (size_t)p->nbuckets * sizeof(p->buckets[0]);
}

static void release(struct pending *p)
{
	buffers_release(p->records, records_size(p));
	buffers_release(p->buckets, buckets_size(p));
}

int pending_init(struct pending *p, uint32_t cap, struct err *err)
{
	int ret;

	*p = (struct pending){.cap = cap, .nbuckets = 1};
	while (p->nbuckets < cap)
		p->nbuckets *= 2;
	p->records = buffers_reserve(records_size(p));
	p->buckets = buffers_reserve(buckets_size(p));
	if (!p->records || !p->buckets) {
		ret = err_set(err, -errno, "cannot reserve the table of pending requests: %s",
			      strerror(errno));
		release(p);
		return ret;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->idle, NULL);
	return 0;
}

void pending_free(struct pending *p)
{
	release(p);
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->lock);
}

static uint32_t index_of(llfused_pending id)
{
	return (uint32_t)(id & ((UINT64_C(1) << INDEX_BITS) - 1)) - 1;
}

/* The live record of an id, or NULL.  Lock held. */
static struct pending_record *find(struct pending *p, llfused_pending id)
{
	uint32_t i = index_of(id);

	if (id == 0 || i >= p->high || p->records[i].id != id)
		return NULL;
	return &p->records[i];
}

static struct pending_record *allocate(struct pending *p)
{
	struct pending_record *r;

	if (p->free != 0) {
		r = &p->records[p->free - 1];
		p->free = r->next;
		return r;
	}
	return p->high < p->cap ? &p->records[p->high++] : NULL;
}

/* The kernel counts requests by two. */
static uint32_t *bucket_of(struct pending *p, uint64_t unique)
{
	return &p->buckets[(unique >> 1) & (p->nbuckets - 1)];
}

static void enter_bucket(struct pending *p, struct pending_record *r)
{
	uint32_t *head = bucket_of(p, r->unique);

	r->next = *head;
	*head = (uint32_t)(r - p->records) + 1;
}

/* Where the record of `unique` hangs; what is there is 0 when there is none. */
static uint32_t *find_link(struct pending *p, uint64_t unique)
{
	uint32_t *link = bucket_of(p, unique);

	while (*link != 0 && p->records[*link - 1].unique != unique)
		link = &p->records[*link - 1].next;
	return link;
}

static void leave_bucket(struct pending *p, const struct pending_record *r)
{
	*find_link(p, r->unique) = r->next;
}

static bool lists_entries(const struct proto_opcode *op)
{
	return op->reply == PROTO_REPLY_DIRENTS || op->reply == PROTO_REPLY_DIRENTS_PLUS;
}

static uint64_t reply_room(const struct slot *slot)
{
	const struct proto_request *request = &slot->request;

	switch (request->op->reply) {
	case PROTO_REPLY_DATA:
		return request->in.read.size;
	case PROTO_REPLY_DIRENTS:
	case PROTO_REPLY_DIRENTS_PLUS:
		/* no more than at once: room is made for all of it */
		return request->in.read.size < slot->body_cap ? request->in.read.size
							      : slot->body_cap;
	case PROTO_REPLY_XATTR:
		return request->in.getxattr.size;
	case PROTO_REPLY_LINK:
		return 4095;
	case PROTO_REPLY_IOCTL:
		return request->in.ioctl.out_size;
	case PROTO_REPLY_WRITE:
		if (request->op->number == FUSE_WRITE)
			return request->in.write.size;
		/* COPY_FILE_RANGE: its reply has 32 bits */
		return request->in.copy.len < UINT32_MAX ? request->in.copy.len : UINT32_MAX;
	case PROTO_REPLY_COPY:
		return request->in.copy.len;
	default:
		return 0;
	}
}

llfused_pending pending_add(struct pending *p, const struct slot *slot)
{
	const struct proto_request *request = &slot->request;
	struct pending_record *r = NULL;
	llfused_pending id = 0;

	pthread_mutex_lock(&p->lock);
	if (!p->shut)
		r = allocate(p);
	if (r) {
		uint64_t generation = r->generation + 1;
		uint32_t index = (uint32_t)(r - p->records);

		id = generation << INDEX_BITS | (index + 1);
		*r = (struct pending_record){
			.id = id,
			.unique = request->head.unique,
			.nodeid = request->head.nodeid,
			.since = inflight_now(),
			.op = request->op,
			.fd = slot->fd,
			.room = reply_room(slot),
			.pid = request->head.pid,
			.flags = lists_entries(request->op) ? request->in.read.flags : 0,
			.generation = generation,
			.in_handler = true,
		};
		enter_bucket(p, r);
		p->count++;
	}
	pthread_mutex_unlock(&p->lock);
	return id;
}

bool pending_settle(struct pending *p, llfused_pending id, bool interrupted)
{
	struct pending_record *r;
	bool tell = false;

	pthread_mutex_lock(&p->lock);
	r = find(p, id);
	if (r) {
		r->in_handler = false;
		r->interrupted |= interrupted;
		tell = r->interrupted;
	}
	pthread_mutex_unlock(&p->lock);
	return tell;
}

int pending_look(struct pending *p, llfused_pending id, struct pending_record *out)
{
	const struct pending_record *r;

	pthread_mutex_lock(&p->lock);
	r = find(p, id);
	if (r)
		*out = *r;
	pthread_mutex_unlock(&p->lock);
	return r ? 0 : -ENOENT;
}

int pending_take(struct pending *p, llfused_pending id, struct pending_record *out)
{
	struct pending_record *r;
	int ret = -ENOENT;

	pthread_mutex_lock(&p->lock);
	r = find(p, id);
	if (r) {
		*out = *r;
		leave_bucket(p, r);
		r->id = 0;
		r->next = p->free;
		p->free = index_of(id) + 1;
		p->count--;
		p->completing++;
		ret = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return ret;
}

void pending_done(struct pending *p)
{
	pthread_mutex_lock(&p->lock);
	if (--p->completing == 0)
		pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

int pending_interrupt(struct pending *p, uint64_t unique, llfused_pending *id)
{
	struct pending_record *r;
	uint32_t at;

	*id = 0;
	pthread_mutex_lock(&p->lock);
	at = *find_link(p, unique);
	if (at != 0) {
		r = &p->records[at - 1];
		if (!r->in_handler && !r->interrupted)
			*id = r->id;
		r->interrupted = true;
	}
	pthread_mutex_unlock(&p->lock);
	return at != 0 ? 0 : -ENOENT;
}

void pending_shut(struct pending *p)
{
	pthread_mutex_lock(&p->lock);
	p->shut = true;
	pthread_mutex_unlock(&p->lock);
}

llfused_pending pending_next(struct pending *p, uint32_t *at)
{
	llfused_pending id = 0;

	pthread_mutex_lock(&p->lock);
	while (*at < p->high && id == 0)
		id = p->records[(*at)++].id;
	pthread_mutex_unlock(&p->lock);
	return id;
}

void pending_wait_idle(struct pending *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->completing > 0)
		pthread_cond_wait(&p->idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void pending_each(struct pending *p, void (*visit)(const struct pending_record *, void *),
		  void *arg)
{
	pthread_mutex_lock(&p->lock);
	for (uint32_t i = 0; i < p->high; i++)
		if (p->records[i].id != 0)
			visit(&p->records[i], arg);
	pthread_mutex_unlock(&p->lock);
}

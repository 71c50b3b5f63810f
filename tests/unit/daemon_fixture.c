/*
 * The session, slots and transport that tests of the daemon's core run on.
 */
#include "daemon_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/host.h"

#define MESSAGE_MAX (2 << 20)
#define KEPT        256

/* ---- the transport ---- */

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct committed kept[KEPT];
static unsigned ncommitted;
static int answer;

static int keep(struct session *s, int fd, const struct iovec *iov, int iovcnt)
{
	struct committed *c;
	int ret;

	(void)s;

	pthread_mutex_lock(&kept_lock);
	c = &kept[ncommitted % KEPT];
	*c = (struct committed){.fd = fd};
	for (int i = 0; i < iovcnt; i++) {
		cr_assert_leq(c->size + iov[i].iov_len, sizeof(c->bytes));
		memcpy(c->bytes + c->size, iov[i].iov_base, iov[i].iov_len);
		c->size += iov[i].iov_len;
	}
	ncommitted++;
	ret = answer;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&kept_lock);
	return ret;
}

static const struct transport keeping = {.name = "keeping", .commit = keep};

unsigned committed_count(void)
{
	unsigned n;

	pthread_mutex_lock(&kept_lock);
	n = ncommitted;
	pthread_mutex_unlock(&kept_lock);
	return n;
}

const struct committed *committed_wait(unsigned count)
{
	struct timespec until;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	pthread_mutex_lock(&kept_lock);
	while (ncommitted < count && ret == 0)
		ret = pthread_cond_timedwait(&more, &kept_lock, &until);
	pthread_mutex_unlock(&kept_lock);
	return ret == 0 && count > 0 ? &kept[(count - 1) % KEPT] : NULL;
}

void committed_answer(int error)
{
	pthread_mutex_lock(&kept_lock);
	answer = error;
	pthread_mutex_unlock(&kept_lock);
}

/* ---- session and slots ---- */

static void open_slot(struct fixture *f, unsigned i)
{
	struct slot *slot = &f->slots[i];

	slot->session = f->s;
	slot->stats = &f->stats[i];
	slot->fd = 100 + (int)i;
	slot->body_cap = FIXTURE_BODY;
	slot->reply = malloc(sizeof(struct fuse_out_header) + FIXTURE_BODY);
	f->messages[i] = malloc(MESSAGE_MAX);
	cr_assert(slot->reply && f->messages[i]);
}

void fixture_adopt(struct instance *in, const struct llfused_backend *backend, void *fs,
		   struct lock *lock)
{
	*in = (struct instance){.stack_depth = 1, .fs = fs, .lock = lock};
	in->plugin.backend = *backend;
	/* the table may be shorter than ours, as an older backend's */
	memcpy(&in->plugin.ops, backend->ops,
	       backend->ops->size < sizeof(in->plugin.ops) ? backend->ops->size
							   : sizeof(in->plugin.ops));
	in->plugin.backend.ops = &in->plugin.ops;
}

size_t fixture_dispatch(struct slot *slot, const void *message, size_t size)
{
	size_t len;

	if (dispatch_receive(slot, message, size, &len) == DISPATCH_RUN)
		len = dispatch_run(slot);
	return len;
}

void fixture_open(struct fixture *f, const struct llfused_backend *backend)
{
	struct session_config config = {
		.instance = &f->instance,
		.lock = &f->lock,
		.max_pending = FIXTURE_PENDING,
		.owner = FIXTURE_OWNER,
	};
	struct err err;

	memset(f, 0, sizeof(*f));
	lock_init(&f->lock);
	host_bind_lock(&f->lock);
	fixture_adopt(&f->instance, backend, &f->s, &f->lock);
	cr_assert_eq(session_new(&f->s, &config, &err), 0);
	f->s->conn = (struct proto_conn){
		.minor = 45,
		.features = FUSE_SETXATTR_EXT | FUSE_SECURITY_CTX | FUSE_CREATE_SUPP_GROUP,
		.max_write = FIXTURE_BODY,
		.max_pages = 32,
	};
	f->s->transport = &keeping;
	f->s->pooled = false; /* the slots are here, handlers run in the test's thread */
	inflight_init(&f->s->inflight, f->slots, FIXTURE_SLOTS);
	for (unsigned i = 0; i < FIXTURE_SLOTS; i++)
		open_slot(f, i);
	host_bind(f->s);
}

void fixture_close(struct fixture *f)
{
	session_free(f->s);
	host_bind_lock(NULL);
	lock_destroy(&f->lock);
	for (unsigned i = 0; i < FIXTURE_SLOTS; i++) {
		free(f->slots[i].reply);
		free(f->messages[i]);
	}
}

/* ---- messages ---- */

size_t message_encode(const struct message_in *m, void *buf)
{
	size_t size = sizeof(struct fuse_in_header) + m->fixed_size + m->tail_size;
	struct fuse_in_header head = {
		.len = (uint32_t)size,
		.opcode = m->opcode,
		.unique = m->unique,
		.nodeid = m->nodeid ? m->nodeid : FIXTURE_NODE,
		.uid = 1000,
		.gid = 1001,
		.pid = 4321,
	};
	char *at = buf;

	memcpy(at, &head, sizeof(head));
	memcpy(at + 36, &m->extwords, sizeof(m->extwords)); /* total_extlen */
	at += sizeof(head);
	if (m->fixed_size > 0)
		memcpy(at, m->fixed, m->fixed_size);
	at += m->fixed_size;
	if (m->tail_size > 0)
		memcpy(at, m->tail, m->tail_size);
	return size;
}

static _Atomic uint64_t last_unique = 1000;

uint64_t fixture_unique(void)
{
	return last_unique;
}

size_t fixture_send(struct fixture *f, unsigned slot, const struct message_in *m)
{
	struct message_in numbered = *m;
	size_t size;

	if (numbered.unique == 0)
		numbered.unique = atomic_fetch_add(&last_unique, 2) + 2;
	size = message_encode(&numbered, f->messages[slot]);
	return fixture_dispatch(&f->slots[slot], f->messages[slot], size);
}

size_t fixture_ask(struct fixture *f, uint32_t opcode, const void *fixed, size_t fixed_size,
		   const void *tail, size_t tail_size)
{
	struct message_in m = {
		.opcode = opcode,
		.fixed = fixed,
		.fixed_size = fixed_size,
		.tail = tail,
		.tail_size = tail_size,
	};

	return fixture_send(f, 0, &m);
}

int reply_error(const struct slot *slot)
{
	return (int)at32(slot->reply, 4);
}

uint64_t reply_unique(const struct slot *slot)
{
	return at64(slot->reply, 8);
}

const unsigned char *reply_body(const struct slot *slot)
{
	return slot->reply + 16;
}

/*
 * A key-value store, to show what a backend can do besides answering at once.  A key is a file.
 *   clock     the seconds since 1970, set by a thread of ours
 *   changes   reading it waits until a key is written or removed, and gives the key's name
 *   ttl       a key: if it is a number above 0, keys not written for so many seconds are removed
 * The kernel keeps names, attributes and data for ever: what the thread changes behind its back is
 * pushed to it (store) or taken back (invalidations).  The ops and the thread hold the global lock.
 * It knows <llfused/backend.h> and libc, and is built as ../hello is.
 */
#include <llfused/backend.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#pragma GCC diagnostic ignored "-Wunused-parameter" /* an op seldom needs all it is told */

enum { KEYS_MAX = 1024, WAITS_MAX = 256, VALUE_MAX = 4096 };

/* A nodeid is a place in the table.  The first three are always there, and not for users to set. */
enum { ROOT = LLFUSED_ROOT_ID, CLOCK, CHANGES, FIRST_KEY };

struct key {
	char name[256];
	char value[VALUE_MAX + 1]; /* zeros from attr.size on */
	struct llfused_attr attr;  /* nlink 0: the name is gone */
	uint64_t nlookup;          /* while it is not 0 the kernel may come back to the node */
	uint64_t generation;       /* counts the uses of the place */
};

struct kv {
	struct key keys[KEYS_MAX]; /* they never move: places are readdir's offsets, too */
	llfused_pending waiting[WAITS_MAX];
	unsigned nwaiting; /* how often a place was taken; more than WAITS_MAX: some twice */
	pthread_t ticker;
	int ticking, stop; /* `stop` is an eventfd that ends the thread */
};

/* The kernel asks for no other nodes than it was told of. */
static struct key *key_of(struct llfused_ctx *ctx, uint64_t nodeid)
{
	return &((struct kv *)ctx->fs)->keys[nodeid];
}

static struct key *find(struct kv *kv, const char *name)
{
	for (struct key *key = &kv->keys[CLOCK]; key < kv->keys + KEYS_MAX; key++)
		if (key->attr.nlink > 0 && strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

static void make(struct kv *kv, uint64_t id, const char *name, uint32_t mode)
{
	struct key *key = &kv->keys[id];

	*key = (struct key){.generation = key->generation + 1};
	snprintf(key->name, sizeof(key->name), "%s", name);
	key->attr = (struct llfused_attr){.ino = id, .mode = mode, .nlink = 1, .uid = getuid()};
	key->attr.mtime.tv_sec = kv->keys[ROOT].attr.mtime.tv_sec = time(NULL);
}

static void set(struct key *key, uint64_t offset, const void *data, size_t size)
{
	memcpy(key->value + offset, data, size);
	key->attr.size = offset + size > key->attr.size ? offset + size : key->attr.size;
	key->attr.mtime.tv_sec = key->attr.ctime.tv_sec = time(NULL);
}

/* Answers all who read `changes`.  To complete a read that has ended otherwise does no harm. */
static void tell(struct kv *kv, const struct key *key)
{
	char text[sizeof(key->name) + 1];
	int size = snprintf(text, sizeof(text), "%s\n", key->name);

	for (unsigned i = 0; i < kv->nwaiting && i < WAITS_MAX; i++)
		llfused_complete_data(kv->waiting[i], text, (size_t)size);
	kv->nwaiting = 0;
}

static int remove_key(struct kv *kv, struct key *key)
{
	key->attr.nlink = 0;
	key->attr.ctime.tv_sec = kv->keys[ROOT].attr.mtime.tv_sec = time(NULL);
	tell(kv, key);
	return 0;
}

static int kv_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		     struct llfused_entry *out)
{
	struct key *key = find(ctx->fs, name);

	/* Of "absent", too: only create() makes keys. */
	out->entry_timeout = out->attr_timeout = LLFUSED_FOREVER;
	if (!key)
		return strlen(name) < sizeof(key->name) ? 0 : -ENAMETOOLONG;
	key->nlookup++;
	out->nodeid = key->attr.ino;
	out->generation = key->generation;
	out->attr = key->attr;
	return 0;
}

static void kv_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		key_of(ctx, list[i].nodeid)->nlookup -= list[i].nlookup;
}

static int kv_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		      struct llfused_attr_out *out)
{
	out->attr = key_of(ctx, nodeid)->attr;
	out->timeout = LLFUSED_FOREVER;
	return 0;
}

static int kv_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		     uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	uint64_t id = FIRST_KEY;

	while (id < KEYS_MAX && (key_of(ctx, id)->attr.nlink || key_of(ctx, id)->nlookup))
		id++;
	if (id == KEYS_MAX)
		return -ENOSPC;
	make(ctx->fs, id, name, S_IFREG | (mode & 0777));
	return kv_lookup(ctx, parent, name, entry);
}

static int kv_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	struct key *key = find(ctx->fs, name);

	return key && key->attr.ino >= FIRST_KEY ? remove_key(ctx->fs, key) : -EPERM;
}

static int kv_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		   struct llfused_open *out)
{
	struct key *key = key_of(ctx, nodeid);

	if (nodeid < FIRST_KEY && (flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (flags & O_TRUNC) {
		memset(key->value, 0, key->attr.size);
		key->attr.size = 0;
		set(key, 0, "", 0);
	}
	if (nodeid == CHANGES)
		out->flags = LLFUSED_OPEN_DIRECT_IO; /* what was read is not kept */
	return 0;
}

static int kv_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		   uint32_t flags, struct llfused_buf *buf)
{
	struct kv *kv = ctx->fs;
	llfused_pending *wait;

	llfused_buf_read(buf, kv->keys[nodeid].value, kv->keys[nodeid].attr.size, offset);
	if (nodeid != CHANGES || offset > 0)
		return 0;
	wait = &kv->waiting[kv->nwaiting++ % WAITS_MAX];
	llfused_complete(*wait, -EAGAIN); /* the oldest makes room, if it still waits */
	*wait = llfused_pend(ctx);
	return *wait ? LLFUSED_PENDING : -EAGAIN;
}

static void kv_interrupt(struct llfused_ctx *ctx, llfused_pending pending)
{
	llfused_complete(pending, -EINTR);
}

static int kv_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    const void *data, size_t size, uint32_t flags, size_t *written)
{
	if (offset > VALUE_MAX || size > VALUE_MAX - offset)
		return -EFBIG;
	set(key_of(ctx, nodeid), offset, data, *written = size);
	tell(ctx->fs, key_of(ctx, nodeid));
	return 0;
}

static int kv_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      struct llfused_dirents *to)
{
	for (uint64_t id = offset > CLOCK ? offset : CLOCK; id < KEYS_MAX; id++) {
		const char *name = key_of(ctx, id)->name;

		if (key_of(ctx, id)->attr.nlink > 0 &&
		    !to->add(to, name, strlen(name), id, S_IFREG, id + 1, NULL))
			break;
	}
	return 0;
}

/* A key goes only when the kernel will be told: if its queue is full, at another tick. */
static void remove_old(struct kv *kv)
{
	const struct key *ttl = find(kv, "ttl");
	time_t age = ttl ? atoi(ttl->value) : 0;

	for (struct key *key = &kv->keys[FIRST_KEY]; age > 0 && key < kv->keys + KEYS_MAX; key++)
		if (key->attr.nlink > 0 && key != ttl &&
		    time(NULL) - key->attr.mtime.tv_sec > age &&
		    llfused_notify_delete(ROOT, key->attr.ino, key->name) == 0)
			remove_key(kv, key);
}

static void *tick(void *arg)
{
	struct kv *kv = arg;
	struct pollfd stop = {.fd = kv->stop, .events = POLLIN};
	char text[32];

	do {
		size_t size = (size_t)snprintf(text, sizeof(text), "%lld\n", (long long)time(NULL));

		llfused_lock_acquire(LLFUSED_FOREVER);
		set(&kv->keys[CLOCK], 0, text, size);
		remove_old(kv);
		llfused_lock_release();
		/* Without the lock: this may wait for a read of the same page. */
		llfused_notify_store(CLOCK, 0, text, size);
		llfused_notify_inval_inode(CLOCK, -1, 0);
	} while (poll(&stop, 1, 1000) != 1);
	return NULL;
}

static int kv_load(void **fs, struct llfused_error *error)
{
	struct kv *kv = *fs = calloc(1, sizeof(*kv));

	if (!kv)
		return -ENOMEM;
	make(kv, ROOT, "", S_IFDIR | 0755);
	make(kv, CLOCK, "clock", S_IFREG | 0444);
	make(kv, CHANGES, "changes", S_IFREG | 0444);
	return 0;
}

static int kv_init(void *fs, const struct llfused_conn *conn)
{
	struct kv *kv = fs;

	kv->stop = eventfd(0, EFD_CLOEXEC);
	kv->ticking = kv->stop >= 0 && pthread_create(&kv->ticker, NULL, tick, kv) == 0;
	return kv->ticking ? 0 : -EAGAIN;
}

static void kv_destroy(void *fs)
{
	struct kv *kv = fs;

	if (kv->ticking) {
		eventfd_write(kv->stop, 1);
		llfused_lock_release(); /* the thread takes it */
		pthread_join(kv->ticker, NULL);
		llfused_lock_acquire(LLFUSED_FOREVER);
		close(kv->stop);
	}
	free(kv);
}

static const struct llfused_ops ops = {
	.size = sizeof(ops),
	.lookup = kv_lookup,
	.forget = kv_forget,
	.getattr = kv_getattr,
	.unlink = kv_unlink,
	.open = kv_open,
	.create = kv_create,
	.read = kv_read,
	.write = kv_write,
	.readdir = kv_readdir,
	.interrupt = kv_interrupt,
};

static const struct llfused_backend kv_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "kv",
	.summary = "keys as files, and a file that waits for changes",
	.wants = LLFUSED_WANT_OWN_DATA,
	.ops = &ops,
	.load = kv_load,
	.init = kv_init,
	.destroy = kv_destroy,
};
LLFUSED_PLUGIN(kv_backend)

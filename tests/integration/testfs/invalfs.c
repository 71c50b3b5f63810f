/*
 * Invalidations from inside handlers.  The root has a file `f` and two directories, `d1` and `d2`.
 * In these every name exists and may be cached for ever, but for those that begin with 'm'.
 *
 * A script that is written to `control` runs in the next handler of an op, "mkdir: entry 1 a; nap
 * 300", before that answers:
 *   entry D NAME      llfused_notify_inval_entry(); D is 1 or 2
 *   same N D NAME     N times the same
 *   different N D     of N names
 *   long LEN N D      of N names of LEN bytes and less
 *   data, attr        llfused_notify_inval_inode() of f
 *   raw D NAME        a thread sends INVAL_ENTRY by itself, at once
 *   rawdata, rawattr  INVAL_INODE of f in the same way
 *   nap MS
 * `report` tells what came of them.  With $INVALFS "concurrent", handlers run without the lock.
 */
#include "testfs.h"

#include <dirent.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MS        1000000u
#define FILE_SIZE 8192

/* names[] in order; others are made of their directory, their first letter and their length */
enum node { CONTROL = 2, REPORT, F, D1, D2 };

static const char *const names[] = {"control", "report", "f", "d1", "d2", NULL};
static const struct flat flat = {names, FILE_SIZE};

#define FILE_BASE UINT64_C(1000000)
#define MADE_BASE UINT64_C(2000000000)

static struct invalfs {
	pthread_mutex_t mutex; /* of the script */
	char script[512];
	atomic_ulong made;

	/* the thread that sends by itself */
	pthread_t raw;
	bool raw_runs; /* to be joined */
	unsigned char message[512];
	atomic_bool raw_began, raw_ended;

	/* what was seen */
	atomic_uint inside;           /* scripts at work */
	atomic_ulong looked[2][26];   /* lookups, by directory and first letter */
	atomic_ulong reads, getattrs; /* of f */
	atomic_ulong ok, again, too_long, other;
	atomic_ulong queue_us; /* of the last command that queued */
	atomic_int raw_inside; /* had it been sent before its handler answered? */
	atomic_ulong raw_error;
} fs = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* Signals do not end it. */
static void nap(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(ns / (1000 * MS)),
		.tv_nsec = (long)(ns % (1000 * MS)),
	};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static uint64_t dir_of(unsigned number)
{
	return number == 1 ? D1 : D2;
}

/* ---- sending without the daemon ---- */

/* Any descriptor of the connection will do. */
static int find_fuse(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	char target[64];
	int found = -1;

	while (dir && found < 0 && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target);

		if (n == 9 && memcmp(target, "/dev/fuse", 9) == 0)
			found = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void *send_raw(void *arg)
{
	struct fuse_out_header head;
	int fd = find_fuse();

	(void)arg;
	memcpy(&head, fs.message, sizeof head);
	atomic_store(&fs.raw_began, true);
	if (write(fd, fs.message, head.len) < 0)
		atomic_store(&fs.raw_error, (unsigned long)errno);
	atomic_store(&fs.raw_ended, true);
	return NULL;
}

static void end_raw(void)
{
	if (fs.raw_runs)
		pthread_join(fs.raw, NULL);
	fs.raw_runs = false;
}

static void start_raw(int code, const void *body, size_t size, const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof head + size + len),
		.error = code,
	};

	end_raw();
	memcpy(fs.message, &head, sizeof head);
	memcpy(fs.message + sizeof head, body, size);
	if (name)
		memcpy(fs.message + sizeof head + size, name, len);
	atomic_store(&fs.raw_began, false);
	atomic_store(&fs.raw_ended, false);
	atomic_store(&fs.raw_error, 0);
	fs.raw_runs = pthread_create(&fs.raw, NULL, send_raw, NULL) == 0;
	while (!atomic_load(&fs.raw_began))
		nap(MS / 10);
}

static void raw_entry(unsigned dir, const char *name)
{
	struct fuse_notify_inval_entry_out body = {
		.parent = dir_of(dir),
		.namelen = (uint32_t)strlen(name),
	};

	start_raw(FUSE_NOTIFY_INVAL_ENTRY, &body, sizeof body, name);
}

static void raw_inode(int64_t offset)
{
	struct fuse_notify_inval_inode_out body = {.ino = F, .off = offset};

	start_raw(FUSE_NOTIFY_INVAL_INODE, &body, sizeof body, NULL);
}

/* ---- scripts ---- */

static void count(int ret)
{
	switch (ret) {
	case 0:
		atomic_fetch_add(&fs.ok, 1);
		break;
	case -EAGAIN:
		atomic_fetch_add(&fs.again, 1);
		break;
	case -ENAMETOOLONG:
		atomic_fetch_add(&fs.too_long, 1);
		break;
	default:
		atomic_fetch_add(&fs.other, 1);
		break;
	}
}

static void queue_same(unsigned n, unsigned dir, const char *name)
{
	while (n-- > 0)
		count(llfused_notify_inval_entry(dir_of(dir), name, 0));
}

static void queue_different(unsigned n, unsigned dir)
{
	char name[32];

	while (n-- > 0) {
		snprintf(name, sizeof name, "z%u", n);
		count(llfused_notify_inval_entry(dir_of(dir), name, 0));
	}
}

static void queue_long(unsigned len, unsigned n, unsigned dir)
{
	char *name = malloc(len + 1);

	if (!name)
		return;
	memset(name, 'n', len);
	for (; n-- > 0; len--) {
		name[len] = '\0';
		count(llfused_notify_inval_entry(dir_of(dir), name, 0));
	}
	free(name);
}

static bool run_queueing(const char *word, const char *rest)
{
	unsigned a = 0, b = 0, c = 0;
	uint64_t start = now();
	char name[256] = "";

	if (strcmp(word, "entry") == 0 && sscanf(rest, "%u %255s", &a, name) == 2)
		queue_same(1, a, name);
	else if (strcmp(word, "same") == 0 && sscanf(rest, "%u %u %255s", &a, &b, name) == 3)
		queue_same(a, b, name);
	else if (strcmp(word, "different") == 0 && sscanf(rest, "%u %u", &a, &b) == 2)
		queue_different(a, b);
	else if (strcmp(word, "long") == 0 && sscanf(rest, "%u %u %u", &a, &b, &c) == 3)
		queue_long(a, b, c);
	else if (strcmp(word, "data") == 0)
		count(llfused_notify_inval_inode(F, 0, 0));
	else if (strcmp(word, "attr") == 0)
		count(llfused_notify_inval_inode(F, -1, 0));
	else
		return false;
	atomic_store(&fs.queue_us, (now() - start) / 1000);
	return true;
}

static void run_command(const char *command)
{
	char word[16] = "", name[256] = "";
	unsigned a = 0;
	int rest = 0;

	sscanf(command, "%15s %n", word, &rest);
	command += rest;
	if (run_queueing(word, command))
		return;
	if (strcmp(word, "nap") == 0)
		nap(strtoul(command, NULL, 10) * MS);
	else if (strcmp(word, "raw") == 0 && sscanf(command, "%u %255s", &a, name) == 2)
		raw_entry(a, name);
	else if (strcmp(word, "rawdata") == 0)
		raw_inode(0);
	else if (strcmp(word, "rawattr") == 0)
		raw_inode(-1);
	else
		count(-EINVAL);
}

/* The script's commands, if it waits for this op. */
static bool take_script(const char *op, char *commands, size_t size)
{
	size_t len = strlen(op);
	bool is_ours;

	pthread_mutex_lock(&fs.mutex);
	is_ours = strncmp(fs.script, op, len) == 0 && fs.script[len] == ':';
	if (is_ours) {
		snprintf(commands, size, "%s", fs.script + len + 1);
		fs.script[0] = '\0';
	}
	pthread_mutex_unlock(&fs.mutex);
	return is_ours;
}

static void run_script(const char *op)
{
	char commands[sizeof fs.script], *save = NULL;

	if (!take_script(op, commands, sizeof commands))
		return;
	atomic_fetch_add(&fs.inside, 1);
	llfused_log(LLFUSED_LOG_INFO, "invalfs: inside %s", op);
	for (char *at = strtok_r(commands, ";", &save); at; at = strtok_r(NULL, ";", &save))
		run_command(at);
	atomic_store(&fs.raw_inside, atomic_load(&fs.raw_ended));
	atomic_fetch_sub(&fs.inside, 1);
}

/* ---- names ---- */

/* One for each directory, first letter and length. */
static uint64_t node_of(uint64_t parent, const char *name)
{
	return FILE_BASE * (parent == D1 ? 1 : 2) + (uint64_t)(unsigned char)name[0] * 5000 +
	       strlen(name);
}

static void fill_attr(uint64_t nodeid, struct llfused_attr *attr)
{
	*attr = (struct llfused_attr){.ino = nodeid, .nlink = 1, .mode = S_IFREG | 0666};
	if (nodeid == D1 || nodeid == D2 || nodeid >= MADE_BASE) {
		attr->mode = S_IFDIR | 0777;
		attr->nlink = 2;
	}
	if (nodeid == F)
		attr->size = FILE_SIZE;
}

static int fill_entry(uint64_t nodeid, struct llfused_entry *out)
{
	*out = (struct llfused_entry){
		.nodeid = nodeid,
		.entry_timeout = LLFUSED_FOREVER,
		.attr_timeout = LLFUSED_FOREVER,
	};
	fill_attr(nodeid, &out->attr);
	return 0;
}

static int inval_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			struct llfused_entry *out)
{
	int ret;

	(void)ctx;
	if (parent == LLFUSED_ROOT_ID) {
		ret = flat_lookup(&flat, parent, name, out);
		return ret == 0 ? fill_entry(out->nodeid, out) : ret;
	}
	if (parent != D1 && parent != D2)
		return -ENOENT;
	run_script("lookup");
	if (name[0] >= 'a' && name[0] <= 'z')
		atomic_fetch_add(&fs.looked[parent == D1 ? 0 : 1][name[0] - 'a'], 1);
	return name[0] == 'm' ? -ENOENT : fill_entry(node_of(parent, name), out);
}

static int inval_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			 struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	if (nodeid == F)
		atomic_fetch_add(&fs.getattrs, 1);
	out->timeout = LLFUSED_FOREVER;
	if (nodeid == LLFUSED_ROOT_ID)
		return flat_getattr(&flat, nodeid, out);
	fill_attr(nodeid, &out->attr);
	return 0;
}

static int inval_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		       struct llfused_entry *out)
{
	(void)ctx;
	(void)parent;
	(void)name;
	(void)mode;
	run_script("mkdir");
	return fill_entry(MADE_BASE + atomic_fetch_add(&fs.made, 1), out);
}

static int inval_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	(void)ctx;
	(void)parent;
	(void)name;
	run_script("unlink");
	return 0;
}

/* ---- files ---- */

static int inval_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		      struct llfused_open *out)
{
	(void)ctx;
	(void)flags;
	if (nodeid != F)
		out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

static int read_report(uint64_t offset, struct llfused_buf *buf)
{
	char text[4096];
	int len = snprintf(text, sizeof text,
			   " inside=%u reads=%lu getattrs=%lu ok=%lu again=%lu too_long=%lu "
			   "other=%lu queue_us=%lu raw_inside=%d raw_ended=%d raw_error=%lu",
			   atomic_load(&fs.inside), atomic_load(&fs.reads),
			   atomic_load(&fs.getattrs), atomic_load(&fs.ok), atomic_load(&fs.again),
			   atomic_load(&fs.too_long), atomic_load(&fs.other),
			   atomic_load(&fs.queue_us), atomic_load(&fs.raw_inside),
			   atomic_load(&fs.raw_ended), atomic_load(&fs.raw_error));

	for (int dir = 0; dir < 2; dir++)
		for (int letter = 0; letter < 26; letter++)
			len += snprintf(text + len, sizeof text - (size_t)len, " d%d%c=%lu",
					dir + 1, 'a' + letter,
					atomic_load(&fs.looked[dir][letter]));
	llfused_buf_read(buf, text, (size_t)len, offset);
	return 0;
}

static int inval_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      uint32_t flags, struct llfused_buf *buf)
{
	static const char zeros[FILE_SIZE];

	(void)ctx;
	(void)fh;
	(void)flags;
	if (nodeid == REPORT)
		return read_report(offset, buf);
	if (nodeid != F)
		return 0;
	atomic_fetch_add(&fs.reads, 1);
	run_script("read");
	llfused_buf_read(buf, zeros, sizeof zeros, offset);
	return 0;
}

static int inval_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       const void *data, size_t size, uint32_t flags, size_t *written)
{
	(void)ctx;
	(void)fh;
	(void)offset;
	(void)flags;
	if (nodeid != CONTROL || size >= sizeof fs.script)
		return -EINVAL;
	pthread_mutex_lock(&fs.mutex);
	memcpy(fs.script, data, size);
	fs.script[size] = '\0';
	pthread_mutex_unlock(&fs.mutex);
	*written = size;
	return 0;
}

/* ---- life ---- */

static int inval_load(void **out, struct llfused_error *error)
{
	(void)error;
	*out = &fs;
	return 0;
}

static void inval_destroy(void *instance)
{
	(void)instance;
	end_raw();
}

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = inval_lookup,
	.getattr = inval_getattr,
	.mkdir = inval_mkdir,
	.unlink = inval_unlink,
	.open = inval_open,
	.read = inval_read,
	.write = inval_write,
};

static struct llfused_backend invalfs_backend = {
	LLFUSED_BACKEND_STAMP, .name = "invalfs",  .summary = "invalidates from inside handlers",
	.ops = &ops,           .load = inval_load, .destroy = inval_destroy,
};

/* The daemon reads the table after this. */
__attribute__((constructor)) static void declare(void);

static void declare(void)
{
	const char *variant = getenv("INVALFS");

	if (variant && strcmp(variant, "concurrent") == 0)
		invalfs_backend.declares = LLFUSED_CONCURRENT;
}

LLFUSED_PLUGIN(invalfs_backend)

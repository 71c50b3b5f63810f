/*
 * The request path allocates nothing: every allocator of the C library is watched while thousands
 * of mixed requests are dispatched.  The sanitizers bring allocators of their own, so builds with
 * them leave this test out.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#ifndef SANITIZED

#include "daemon_fake.h"
#include "daemon_fixture.h"
#include "memfs/memfs.h"

static volatile bool watching;
static volatile unsigned long allocations;

/* What the C library's own malloc() is called inside. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

#define WATCHED __attribute__((visibility("default")))

static void count(void)
{
	if (watching)
		allocations++;
}

WATCHED void *malloc(size_t size)
{
	count();
	return __libc_malloc(size);
}

WATCHED void *calloc(size_t n, size_t size)
{
	count();
	return __libc_calloc(n, size);
}

WATCHED void *realloc(void *old, size_t size)
{
	count();
	return __libc_realloc(old, size);
}

WATCHED void *aligned_alloc(size_t alignment, size_t size)
{
	count();
	return __libc_memalign(alignment, size);
}

static struct fixture f;

static size_t ask(uint32_t opcode, uint64_t nodeid, const void *fixed, size_t fixed_size,
		  const char *tail, size_t tail_size)
{
	struct message_in m = {.opcode = opcode,
			       .nodeid = nodeid,
			       .fixed = fixed,
			       .fixed_size = fixed_size,
			       .tail = tail,
			       .tail_size = tail_size};

	return fixture_send(&f, 0, &m);
}

static uint64_t reply_node(void)
{
	return at64(reply_body(&f.slots[0]), 0);
}

/* A file's life, and its directory listed. */
static void one_round(unsigned i)
{
	struct fuse_create_in create = {.flags = O_CREAT | O_RDWR, .mode = S_IFREG | 0644};
	struct fuse_mknod_in mknod = {.mode = S_IFREG | 0644};
	struct fuse_write_in write = {.offset = i * 100, .size = 9};
	struct fuse_read_in read = {.size = 4096};
	struct fuse_setattr_in setattr = {.valid = FATTR_MODE, .mode = S_IFREG | 0600};
	struct fuse_getattr_in getattr = {0};
	struct fuse_getxattr_in getxattr = {.size = 100};
	struct fuse_rename_in rename = {.newdir = FUSE_ROOT_ID};
	struct fuse_forget_in forget = {.nlookup = 1};
	uint64_t node;

	if (i % 2 || !f.s->ops->create)
		ask(FUSE_MKNOD, FUSE_ROOT_ID, &mknod, sizeof(mknod), "file", 5);
	else
		ask(FUSE_CREATE, FUSE_ROOT_ID, &create, sizeof(create), "file", 5);
	node = reply_node();
	ask(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, "file", 5);
	ask(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, "absent", 7);
	ask(FUSE_WRITE, node, &write, sizeof(write), "some data", 9);
	ask(FUSE_READ, node, &read, sizeof(read), NULL, 0);
	ask(FUSE_GETATTR, node, &getattr, sizeof(getattr), NULL, 0);
	ask(FUSE_SETATTR, node, &setattr, sizeof(setattr), NULL, 0);
	ask(FUSE_GETXATTR, node, &getxattr, sizeof(getxattr), "user.none", 10);
	ask(FUSE_OPEN, node, &(struct fuse_open_in){0}, 8, NULL, 0);
	ask(FUSE_FLUSH, node, &(struct fuse_flush_in){0}, 24, NULL, 0);
	ask(FUSE_RELEASE, node, &(struct fuse_release_in){0}, 24, NULL, 0);
	ask(FUSE_READDIRPLUS, FUSE_ROOT_ID, &read, sizeof(read), NULL, 0);
	ask(FUSE_READDIR, FUSE_ROOT_ID, &read, sizeof(read), NULL, 0);
	ask(FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, 0);
	ask(FUSE_RENAME, FUSE_ROOT_ID, &rename, sizeof(rename), "file\0other", 11);
	ask(FUSE_UNLINK, FUSE_ROOT_ID, NULL, 0, "other", 6);
	ask(FUSE_FORGET, node, &forget, sizeof(forget), NULL, 0);
	ask(FUSE_FORGET, node, &(struct fuse_forget_in){.nlookup = 2}, 8, NULL, 0);
	ask(FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, "bent", 4);
	ask(FUSE_INTERRUPT, 0, &node, 8, NULL, 0);
	dispatch_sent(&f.slots[0], -2);
}

/* A few rounds first: what is set up at the first use is not the path of a request. */
static unsigned long allocations_of_rounds(unsigned rounds)
{
	for (unsigned i = 0; i < 4; i++)
		one_round(i);
	allocations = 0;
	watching = true;
	for (unsigned i = 0; i < rounds; i++)
		one_round(i);
	watching = false;
	return allocations;
}

Test(alloc, the_watch_sees_allocations)
{
	void *volatile block;

	watching = true;
	block = malloc(10);
	block = realloc(block, 20);
	free(block);
	block = strdup("inside of the C library");
	watching = false;
	free(block);
	cr_expect_eq(allocations, 3);
}

Test(alloc, dispatch_allocates_nothing, .timeout = 60)
{
	fake.entry.nodeid = 5;
	fixture_open(&f, &fake_backend);
	cr_expect_eq(allocations_of_rounds(500), 0);
	cr_expect_geq(fake.calls, 500 * 15);
	fixture_close(&f);
}

static int pend(struct llfused_ctx *ctx)
{
	llfused_complete(llfused_pend(ctx), -EAGAIN);
	return LLFUSED_PENDING;
}

Test(alloc, pending_requests_allocate_nothing, .timeout = 60)
{
	fake.hook = pend;
	fixture_open(&f, &fake_concurrent_backend);
	cr_expect_eq(allocations_of_rounds(200), 0);
	cr_expect_geq(committed_count(), 200 * 10);
	fixture_close(&f);
}

Test(alloc, nor_with_a_traced_line_for_each, .timeout = 60)
{
	fixture_open(&f, &fake_backend);
	f.s->config.trace = true;
	cr_expect_eq(allocations_of_rounds(200), 0);
	fixture_close(&f);
}

static void expect_success(uint32_t opcode)
{
	const struct proto_opcode *op = proto_opcode_find(opcode);

	cr_expect_geq(f.stats[0].requests[proto_opcode_index(op)], 500, "%s", op->name);
	cr_expect_eq(f.stats[0].errors[proto_opcode_index(op)], 0, "%s", op->name);
}

Test(alloc, nor_with_memfs_behind_it, .timeout = 60)
{
	struct llfused_conn conn = {.max_write = FIXTURE_BODY, .max_read = FIXTURE_BODY};
	struct llfused_error error;
	void *fs;

	cr_assert_eq(memfs_backend.load(&fs, &error), 0);
	cr_assert_eq(memfs_backend.configure(fs, "mode", "1777", &error), 0);
	cr_assert_eq(memfs_backend.ready(fs, &error), 0, "%s", error.text);
	fixture_open(&f, &memfs_backend);
	f.s->fs = fs;
	if (memfs_backend.init)
		cr_assert_eq(memfs_backend.init(fs, &conn), 0);
	cr_expect_eq(allocations_of_rounds(500), 0);
	expect_success(FUSE_MKNOD);
	expect_success(FUSE_WRITE);
	expect_success(FUSE_READDIRPLUS);
	expect_success(FUSE_UNLINK);
	fixture_close(&f);
	memfs_backend.destroy(fs);
}

#endif

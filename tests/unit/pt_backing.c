/*
 * passthrough: backing ids, on a real connection that nobody serves; and the mode of files that
 * have one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "daemon_fake.h"
#include "daemon_fixture.h"
#include "passthrough/backing.h"
#include "passthrough/file.h"
#include "pt_ops.h"

#define BACKED     (LLFUSED_OPEN_PASSTHROUGH | LLFUSED_OPEN_NOFLUSH)
#define NOT_BACKED LLFUSED_OPEN_NOFLUSH
#define IDLE_MAX   8192

static struct fixture f;
static char place[64];
static int device;

/* Mounts and answers INIT; what comes next is left where it is. */
static void connect_kernel(uint32_t stack_depth)
{
	struct {
		struct fuse_out_header head;
		uint32_t body[16];
	} out = {.body = {[0] = 7, [1] = 45, [3] = 1u << 30, [5] = 65536}};
	struct fuse_in_header *in;
	static uint64_t message[16384];
	char options[64];

	snprintf(place, sizeof place, "/tmp/pt-backing-XXXXXX");
	cr_assert_not_null(mkdtemp(place));
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	cr_assert_eq(mount("pt-backing", place, "fuse", 0, options), 0);
	cr_assert_gt(read(device, message, sizeof message), 0);
	in = (struct fuse_in_header *)message;
	out.head = (struct fuse_out_header){.len = sizeof out, .unique = in->unique};
	out.body[8] = (uint32_t)(FUSE_PASSTHROUGH >> 32);
	out.body[9] = stack_depth;
	cr_assert_eq(write(device, &out, sizeof out), (ssize_t)sizeof out);
	f.s->fuse_fd = device;
	f.s->conn.features |= FUSE_PASSTHROUGH;
	f.s->reachable = true;
}

static void start_backing(void)
{
	pt_ops_fs->wants |= LLFUSED_WANT_PASSTHROUGH;
	cr_assert_eq(pt_backing_start(pt_ops_fs), 0);
	cr_assert_not_null(pt_ops_fs->backing);
}

static void begin(void)
{
	pt_ops_begin("");
	fixture_open(&f, &fake_backend);
	connect_kernel(1);
	start_backing();
	pt_ops_write("file", "contents");
	pt_ops_write("other", "contents");
}

static void end(void)
{
	pt_backing_stop(pt_ops_fs);
	pt_ops_end();
	fixture_close(&f);
	close(device);
	cr_expect_eq(umount2(place, MNT_DETACH), 0);
	cr_expect_eq(rmdir(place), 0);
}

TestSuite(pt_backing, .init = begin, .fini = end, .timeout = 60);

static struct llfused_open open_node(uint64_t nodeid, uint32_t flags)
{
	struct llfused_open out = {.flags = LLFUSED_OPEN_KEEP_CACHE};

	cr_assert_eq(pt_ops->open(&pt_ops_pool, nodeid, flags, &out), 0);
	pt_ops_come_back();
	return out;
}

static struct llfused_open open_file(const char *name, uint32_t flags)
{
	return open_node(pt_ops_find(name), flags);
}

static void release(const struct llfused_open *open)
{
	cr_assert_eq(pt_ops->release(&pt_ops_pool, 0, open->fh, 0, 0), 0);
}

static uint32_t open_and_release(const char *name, uint32_t flags)
{
	struct llfused_open out = open_file(name, flags);

	cr_expect_eq(out.flags, BACKED, "%#x", out.flags);
	release(&out);
	return out.backing_id;
}

/* To look ends it. */
static bool is_alive(uint32_t id)
{
	int ret = llfused_backing_close(id);

	cr_assert(ret == 0 || ret == -ENOENT, "%d", ret);
	return ret == 0;
}

/* ---- one id an inode ---- */

Test(pt_backing, all_opens_of_an_inode_share_one_id)
{
	struct llfused_open a = open_file("file", O_RDONLY);
	struct llfused_open b = open_file("file", O_RDWR);
	struct llfused_open c = open_file("other", O_RDONLY);

	cr_expect_eq(a.flags, BACKED);
	cr_expect_neq(a.backing_id, 0);
	cr_expect_eq(a.backing_id, b.backing_id);
	cr_expect_neq(a.backing_id, c.backing_id);
	release(&a);
	a = open_file("file", O_WRONLY);
	cr_expect_eq(a.backing_id, b.backing_id);
	release(&a);
	release(&b);
	release(&c);
}

Test(pt_backing, an_id_stays_for_the_next_open)
{
	uint32_t id = open_and_release("file", O_RDONLY);

	cr_expect_eq(open_and_release("file", O_RDONLY), id);
	cr_expect_eq(open_and_release("file", O_RDWR), id);
	cr_expect(is_alive(id));
}

/* The kernel's hold on it would keep the source from being executed. */
Test(pt_backing, an_id_of_a_descriptor_that_writes_does_not_stay)
{
	cr_expect_not(is_alive(open_and_release("file", O_RDWR)));
}

Test(pt_backing, what_is_not_used_for_some_seconds_goes)
{
	uint32_t id = open_and_release("file", O_RDONLY);
	uint32_t late;

	sleep(4);
	late = open_and_release("other", O_RDONLY);
	sleep(1);
	for (int i = 0; i < 50 && is_alive(id); i++)
		usleep(50000);
	cr_expect_not(is_alive(id));
	cr_expect(is_alive(late));
}

Test(pt_backing, not_too_many_stay)
{
	uint32_t first = open_and_release("file", O_RDONLY);
	uint32_t second = open_and_release("other", O_RDONLY);
	char name[16];

	for (int i = 0; i < IDLE_MAX - 1; i++) {
		snprintf(name, sizeof name, "file%d", i);
		pt_ops_write(name, "");
		open_and_release(name, O_RDONLY);
	}
	cr_expect_not(is_alive(first));
	cr_expect(is_alive(second));
}

/* ---- the end of an inode ---- */

static void unlink_file(void)
{
	cr_assert_eq(pt_ops->unlink(&pt_ops_pool, LLFUSED_ROOT_ID, "file"), 0);
	pt_ops_come_back();
}

Test(pt_backing, an_idle_id_goes_with_the_last_name)
{
	uint32_t id = open_and_release("file", O_RDONLY);

	unlink_file();
	usleep(200000);
	cr_expect_not(is_alive(id));
}

Test(pt_backing, an_unlinked_file_keeps_its_id_while_it_is_open)
{
	uint64_t nodeid = pt_ops_find("file");
	struct llfused_open a = open_node(nodeid, O_RDONLY);
	struct llfused_open b;

	unlink_file();
	b = open_node(nodeid, O_RDONLY);
	cr_expect_eq(a.backing_id, b.backing_id);
	release(&a);
	release(&b);
	cr_expect_not(is_alive(a.backing_id));
}

Test(pt_backing, a_file_unlinked_on_the_source_keeps_no_id_either)
{
	struct llfused_open out = open_file("file", O_RDONLY);

	cr_assert_eq(unlink("file"), 0);
	release(&out);
	cr_expect_not(is_alive(out.backing_id));
}

Test(pt_backing, on_slow_file_systems_an_unlinked_file_keeps_no_id_either)
{
	struct llfused_open out = open_file("file", O_RDONLY);

	pt_ops_fs->source.mounts[0].pace = PT_PACE_SLOW;
	unlink_file();
	release(&out);
	usleep(200000);
	cr_expect_not(is_alive(out.backing_id));
}

Test(pt_backing, an_idle_id_goes_with_the_node)
{
	const struct llfused_forget all = {.nodeid = pt_ops_find("file"), .nlookup = 1};
	struct llfused_open out = open_node(all.nodeid, O_RDONLY);

	release(&out);
	pt_ops->forget(&pt_ops_pool, &all, 1);
	usleep(200000);
	cr_expect_not(is_alive(out.backing_id));
}

Test(pt_backing, all_go_at_the_end)
{
	uint32_t id = open_and_release("file", O_RDONLY);
	struct llfused_open out = open_file("other", O_RDONLY);

	pt_backing_stop(pt_ops_fs);
	cr_expect_null(pt_ops_fs->backing);
	cr_expect_not(is_alive(id));
	cr_expect_not(is_alive(out.backing_id));
	release(&out);
}

/* ---- which files have none ---- */

Test(pt_backing, setuid_files_have_none_until_they_are_ordinary_and_closed)
{
	struct llfused_open first, second;

	cr_assert_eq(chmod("file", 04755), 0);
	first = open_file("file", O_RDONLY);
	cr_expect_eq(first.flags, NOT_BACKED);
	cr_assert_eq(chmod("file", 0755), 0);
	second = open_file("file", O_RDONLY);
	cr_expect_eq(second.flags, NOT_BACKED, "one mode at a time");
	release(&first);
	release(&second);
	open_and_release("file", O_RDONLY);
}

Test(pt_backing, setgid_files_have_none)
{
	struct llfused_open out;

	cr_assert_eq(chmod("file", 02755), 0);
	out = open_file("file", O_RDONLY);
	cr_expect_eq(out.flags, NOT_BACKED);
	release(&out);
}

static void serve_overlay(void)
{
	static const char *const dirs[] = {"lower", "upper", "work", "merged"};

	pt_backing_stop(pt_ops_fs);
	pt_backend.destroy(pt_ops_fs);
	pt_ops_come_back();
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(mkdir(dirs[i], 0755), 0);
	pt_ops_write("lower/file", "contents");
	cr_assert_eq(mount("overlay", "merged", "overlay", 0,
			   "lowerdir=lower,upperdir=upper,workdir=work"),
		     0, "%s", strerror(errno));
	pt_ops_serve("merged", "");
	start_backing();
}

Test(pt_backing, files_of_stacked_file_systems_have_none_and_that_is_remembered)
{
	struct llfused_open out;

	serve_overlay();
	out = open_file("file", O_RDONLY);
	cr_expect_eq(out.flags, LLFUSED_OPEN_KEEP_CACHE);
	cr_expect(pt_ops_fs->source.mounts[0].no_backing);
	release(&out);
}

/* A layer may be a server that does not answer. */
Test(pt_backing, opens_of_stacked_file_systems_go_to_the_pool)
{
	struct llfused_open out;
	uint64_t nodeid;

	serve_overlay();
	nodeid = pt_ops_find("file");
	cr_expect_eq(pt_ops->open(&pt_ops_worker, nodeid, O_WRONLY, &out), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->open(&pt_ops_worker, nodeid, O_RDONLY, &out), LLFUSED_AGAIN);
	cr_assert_eq(pt_ops->open(&pt_ops_pool, nodeid, O_WRONLY, &out), 0);
	release(&out);
}

/* ---- attributes ---- */

Test(pt_backing, changes_are_unseen_while_one_may_store_to_a_mapping)
{
	struct llfused_open reader = open_file("file", O_RDONLY);
	struct llfused_open writer = open_file("file", O_WRONLY);
	const struct pt_node *node = pt_file_at(pt_ops_fs, reader.fh)->node;
	struct llfused_open mapper;

	cr_expect_not(pt_file_changes_unseen(pt_ops_fs, node));
	mapper = open_file("file", O_RDWR);
	cr_expect(pt_file_changes_unseen(pt_ops_fs, node));
	release(&mapper);
	cr_expect_not(pt_file_changes_unseen(pt_ops_fs, node));
	release(&reader);
	release(&writer);
	cr_expect_not(pt_file_changes_unseen(pt_ops_fs, node));
}

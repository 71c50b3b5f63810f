/*
 * passthrough: nodes that the kernel is asked to forget, by nodeid and, where it is old, by name.
 */
#include "daemon_fixture.h"
#include "daemon_fake.h"
#include "daemon_held.h"
#include "pt_node_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "passthrough/node_table.h"
#include "passthrough/reaper.h"

#define LIMIT  512u
#define SECOND UINT64_C(1000000000)
#define PRUNE  9u /* FUSE_NOTIFY_PRUNE of newer headers */
#define MARK   UINT64_C(987654321)

static struct nfx fx;
static struct fixture f;
static int ends[2];
static unsigned char got[5000];

static void start(void)
{
	struct err err;

	nfx_prepare(&fx, LIMIT);
	nfx_open(&fx);
	fixture_open(&f, &fake_backend);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(notifyq_start(&f.s->notifyq, ends[0], &err), 0);
	f.s->fuse_fd = ends[0];
}

static void start_old(void)
{
	start();
	f.s->conn.minor = 44;
}

static void stop(void)
{
	signal(SIGPIPE, SIG_IGN);
	pt_reaper_stop(&fx.fs);
	shutdown(ends[0], SHUT_RDWR);
	cr_expect_eq(notifyq_stop(&f.s->notifyq, 5 * SECOND), 0);
	f.s->reachable = false;
	fixture_close(&f);
	close(ends[0]);
	close(ends[1]);
	nfx_stop(&fx);
}

TestSuite(pt_node_tell, .init = start, .fini = stop, .timeout = 60);
TestSuite(pt_node_tell_old, .init = start_old, .fini = stop, .timeout = 60);

static unsigned receive(void)
{
	receive_message(ends[1], got, sizeof(got));
	return at32(got, 4);
}

/* Nothing was told before this. */
static void expect_silence(void)
{
	cr_assert_eq(llfused_notify_inval_inode(MARK, -1, 0), 0);
	cr_assert_eq(receive(), FUSE_NOTIFY_INVAL_INODE);
	cr_assert_eq(at64(got, 16), MARK);
}

static void expect_entry(uint64_t parent, const char *name)
{
	cr_assert_eq(receive(), FUSE_NOTIFY_INVAL_ENTRY);
	cr_assert_eq(at64(got, 16), parent);
	cr_assert_str_eq((char *)got + 32, name);
}

/* Makes and looks up so many, without handles.  The first one's nodeid. */
static int64_t crowd(int count)
{
	int64_t first = 0;
	char name[16];

	fx.fs.source.mounts[0].handles = false;
	for (int i = 0; i < count; i++) {
		int64_t id;

		snprintf(name, sizeof(name), "f%d", i);
		nfx_make(&fx, name);
		id = nfx_lookup(&fx, name);
		cr_assert_gt(id, ROOT);
		first = first ? first : id;
	}
	return first;
}

static void sweep(void)
{
	const atomic_bool never = false;

	pt_node_sweep(&fx.fs, &never);
}

Test(pt_node_tell, the_coldest_are_to_be_forgotten_before_all_descriptors_are_used)
{
	int64_t first = crowd(LIMIT / 2);

	cr_assert_eq(receive(), PRUNE);
	cr_assert_eq(at32(got, 16), 64);
	cr_assert_eq((int64_t)at64(got, 32), first);
	expect_silence();
}

Test(pt_node_tell, while_there_is_room_nobody_is_asked_to_forget)
{
	crowd(LIMIT * 7 / 16);
	expect_silence();
}

Test(pt_node_tell, nodes_in_use_are_not_to_be_forgotten)
{
	struct pt_ref ref;
	struct pt_node *held;
	int64_t used, open;

	nfx_make(&fx, "used");
	nfx_make(&fx, "open");
	fx.fs.source.mounts[0].handles = false;
	used = nfx_lookup(&fx, "used");
	open = nfx_lookup(&fx, "open");
	held = pt_node_at(&fx.fs, (uint64_t)open);
	pt_node_hold(&fx.fs, held);
	cr_assert_eq(pt_node_get(&fx.fs, (uint64_t)used, &ref), 0);
	crowd(LIMIT / 2);
	for (unsigned batch = 0; batch < 10; batch++) {
		cr_assert_eq(receive(), PRUNE);
		for (uint32_t i = 0; i < at32(got, 16); i++) {
			cr_assert_neq((int64_t)at64(got, 32 + 8 * i), used);
			cr_assert_neq((int64_t)at64(got, 32 + 8 * i), open);
		}
		pt_prune_ask(&fx.fs);
	}
	pt_node_put(&fx.fs, &ref);
	pt_node_drop(&fx.fs, held);
}

Test(pt_node_tell, who_finds_no_room_asks_too)
{
	char name[16];
	int count = LIMIT / 2;
	unsigned prunes = 0;

	crowd(count);
	do
		snprintf(name, sizeof(name), "g%d", count++), nfx_make(&fx, name);
	while (nfx_lookup(&fx, name) > 0);
	cr_assert_eq(llfused_notify_inval_inode(MARK, -1, 0), 0);
	while (receive() == PRUNE)
		prunes++;
	cr_assert_eq(nfx_lookup(&fx, name), -EMFILE);
	cr_assert_eq(receive(), PRUNE);
	cr_assert_gt(prunes, 3);
	expect_silence();
}

Test(pt_node_tell_old, the_coldest_are_dropped_by_name)
{
	cr_assert_eq(pt_reaper_start(&fx.fs), 0);
	crowd(LIMIT / 2);
	/* The first 64 were tried by nodeid, which told that it cannot be. */
	expect_entry(ROOT, "f64");
	expect_entry(ROOT, "f65");
}

Test(pt_node_tell, a_file_removed_on_the_source_is_to_be_forgotten)
{
	struct llfused_forget one = {.nlookup = 1};

	nfx_make(&fx, "stays");
	nfx_make(&fx, "goes");
	nfx_lookup(&fx, "stays");
	one.nodeid = (uint64_t)nfx_lookup(&fx, "goes");
	sweep();
	expect_silence();
	nfx_remove(&fx, "goes");
	sweep();
	cr_assert_eq(receive(), PRUNE);
	cr_assert_eq(at32(got, 16), 1);
	cr_assert_eq(at64(got, 32), one.nodeid);
	expect_silence();
	pt_node_forget(&fx.ctx, &one, 1);
	sweep();
	expect_silence();
}

Test(pt_node_tell, a_removed_file_that_is_open_is_left_alone)
{
	struct pt_node *node;

	nfx_make(&fx, "file");
	node = pt_node_at(&fx.fs, (uint64_t)nfx_lookup(&fx, "file"));
	pt_node_hold(&fx.fs, node);
	nfx_remove(&fx, "file");
	sweep();
	expect_silence();
	pt_node_drop(&fx.fs, node);
}

Test(pt_node_tell, all_nodes_are_looked_at)
{
	char name[16];
	unsigned told = 0;

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		nfx_make(&fx, name);
		nfx_lookup(&fx, name);
		nfx_remove(&fx, name);
	}
	sweep();
	cr_assert_eq(llfused_notify_inval_inode(MARK, -1, 0), 0);
	while (receive() == PRUNE)
		told += at32(got, 16);
	cr_assert_eq(told, 200);
}

Test(pt_node_tell_old, the_name_that_a_removed_file_had_is_dropped)
{
	struct llfused_entry out;
	struct statx stx;
	int64_t dir;
	int fd;

	nfx_make_dir(&fx, "dir");
	dir = nfx_lookup(&fx, "dir");
	nfx_make(&fx, "dir/file");
	fd = openat(fx.source, "dir/file", O_PATH | O_CLOEXEC);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	cr_assert_eq(pt_node_enter(&fx.fs, fd, 0, &stx, &out), 0);
	nfx_remove(&fx, "dir/file");
	sweep();
	expect_entry((uint64_t)dir, "file");
	/* Nobody knows the directory: there is no entry. */
	nfx_forget(&fx, dir, 1);
	sweep();
	expect_silence();
}

/* ---- the reaper ---- */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

Test(pt_node_tell, the_reaper_closes_what_it_gets_before_it_ends)
{
	int fds[300];

	cr_assert_eq(pt_reaper_start(&fx.fs), 0);
	for (int i = 0; i < 300; i++) {
		fds[i] = dup(fx.source);
		cr_assert_geq(fds[i], 0);
	}
	for (int i = 0; i < 300; i++)
		pt_reaper_close(&fx.fs, fds[i]);
	pt_reaper_stop(&fx.fs);
	for (int i = 0; i < 300; i++)
		cr_assert_not(is_open(fds[i]));
}

Test(pt_node_tell, without_a_reaper_descriptors_are_closed_at_once)
{
	int fd = dup(fx.source);

	pt_reaper_close(&fx.fs, fd);
	cr_assert_not(is_open(fd));
}

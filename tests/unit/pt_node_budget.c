/*
 * passthrough: descriptors of nodes, which are fewer than the nodes.
 */
#include "pt_node_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

/* Half of it is for nodes. */
#define LIMIT 512u

static struct nfx fx;

static void start(void)
{
	nfx_prepare(&fx, LIMIT);
	nfx_open(&fx);
}

static void stop(void)
{
	nfx_stop(&fx);
}

TestSuite(pt_node_budget, .init = start, .fini = stop, .timeout = 60);

static const char *name_of(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "f%d", i);
	return name;
}

static void make_many(int count)
{
	for (int i = 0; i < count; i++)
		nfx_make(&fx, name_of(i));
}

static void look_up_many(int count, int64_t *ids)
{
	for (int i = 0; i < count; i++) {
		ids[i] = nfx_lookup(&fx, name_of(i));
		cr_assert_gt(ids[i], ROOT, "%d: %s", i, strerror((int)-ids[i]));
	}
}

static bool has_fd(int64_t id)
{
	return pt_node_at(&fx.fs, (uint64_t)id)->fd >= 0;
}

/* Has the node lose its descriptor, by making others busier. */
static void cool(int64_t id)
{
	make_many(LIMIT);
	for (int i = 0; i < (int)LIMIT; i++)
		cr_assert_gt(nfx_lookup(&fx, name_of(i)), ROOT);
	cr_assert_not(has_fd(id));
}

Test(pt_node_budget, the_soft_limit_is_raised_to_the_hard_one)
{
	struct rlimit limit = {.rlim_cur = 100, .rlim_max = LIMIT};

	pt_nodes_close(&fx.fs);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(pt_nodes_open(&fx.fs, &(struct llfused_error){""}), 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(limit.rlim_cur, LIMIT);
}

Test(pt_node_budget, many_more_nodes_than_descriptors_are_all_reached)
{
	enum { COUNT = 5000 };
	static int64_t ids[COUNT];

	make_many(COUNT);
	look_up_many(COUNT, ids);
	cr_assert_eq(nfx_nodes(&fx), COUNT);
	cr_assert_leq(nfx_fds(&fx), LIMIT / 2);
	cr_assert_gt(nfx_fds(&fx), LIMIT / 3);
	for (int i = 0; i < COUNT; i++) {
		cr_assert_eq(nfx_ino(&fx, ids[i]), nfx_ino_of(&fx, name_of(i)));
		cr_assert_leq(nfx_fds(&fx), LIMIT / 2);
	}
	/* Looked up again they are the same. */
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(nfx_lookup(&fx, name_of(i)), ids[i]);
	for (int i = 0; i < COUNT; i++)
		nfx_forget(&fx, ids[i], 2);
	cr_assert_eq(nfx_nodes(&fx), 0);
	cr_assert_eq(nfx_fds(&fx), 0);
	nfx_expect_closed(&fx);
}

Test(pt_node_budget, what_is_used_keeps_its_descriptor_and_what_is_not_loses_it)
{
	enum { COUNT = 3000 };
	int64_t hot, cold;

	nfx_make(&fx, "hot");
	nfx_make(&fx, "cold");
	hot = nfx_lookup(&fx, "hot");
	cold = nfx_lookup(&fx, "cold");
	make_many(COUNT);
	for (int i = 0; i < COUNT; i++) {
		nfx_lookup(&fx, name_of(i));
		cr_assert(has_fd(hot));
		nfx_ino(&fx, hot);
	}
	cr_assert_not(has_fd(cold));
}

Test(pt_node_budget, a_descriptor_in_use_is_never_closed)
{
	struct pt_ref ref;
	struct statx stx;
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	cr_assert_eq(pt_node_get(&fx.fs, (uint64_t)id, &ref), 0);
	make_many(3000);
	for (int i = 0; i < 3000; i++)
		nfx_lookup(&fx, name_of(i));
	cr_assert_eq(pt_sys_stat(ref.fd, "", &stx), 0);
	cr_assert_eq((int64_t)stx.stx_ino, nfx_ino_of(&fx, "file"));
	pt_node_put(&fx.fs, &ref);
}

Test(pt_node_budget, an_open_file_needs_no_descriptor_of_its_node)
{
	struct pt_node *node;
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	node = pt_node_at(&fx.fs, (uint64_t)id);
	pt_node_hold(&fx.fs, node);
	cool(id);
	cr_assert_eq(nfx_ino(&fx, id), nfx_ino_of(&fx, "file"));
	pt_node_drop(&fx.fs, node);
}

Test(pt_node_budget, without_its_descriptor_a_node_is_not_told_by_its_number)
{
	struct llfused_entry out;
	struct statx stx;
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	cool(id);
	cr_assert_eq(pt_sys_stat(fx.source, "file", &stx), 0);
	cr_assert_not(pt_node_revisit(&fx.fs, 0, &stx, &out));
	cr_assert_eq(nfx_lookup(&fx, "file"), id);
	cr_assert(pt_node_revisit(&fx.fs, 0, &stx, &out));
}

Test(pt_node_budget, an_inode_removed_behind_us_is_stale_once_its_descriptor_is_gone)
{
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	cool(id);
	nfx_remove(&fx, "file");
	cr_assert_eq(nfx_ino(&fx, id), -ESTALE);
	cr_assert_eq(nfx_ino(&fx, id), -ESTALE);
	nfx_forget(&fx, id, 1);
	cr_assert_eq(nfx_nodes(&fx), LIMIT);
}

Test(pt_node_budget, an_inode_without_a_name_keeps_its_descriptor)
{
	int64_t id, ino;

	nfx_make(&fx, "file");
	ino = nfx_ino_of(&fx, "file");
	id = nfx_lookup(&fx, "file");
	pt_node_unlinked(&fx.fs, 0, (uint64_t)ino);
	nfx_remove(&fx, "file");
	make_many(3000);
	for (int i = 0; i < 3000; i++)
		nfx_lookup(&fx, name_of(i));
	cr_assert(has_fd(id));
	cr_assert_eq(nfx_ino(&fx, id), ino);
}

Test(pt_node_budget, an_inode_that_lost_one_of_two_names_may_lose_its_descriptor)
{
	int64_t id;

	nfx_make(&fx, "file");
	cr_assert_eq(linkat(fx.source, "file", fx.source, "other", 0), 0);
	id = nfx_lookup(&fx, "file");
	pt_node_unlinked(&fx.fs, 0, (uint64_t)nfx_ino_of(&fx, "file"));
	nfx_remove(&fx, "file");
	cool(id);
	cr_assert_eq(nfx_ino(&fx, id), nfx_ino_of(&fx, "other"));
}

Test(pt_node_budget, a_node_without_descriptor_counts_as_one_that_must_be_looked_for)
{
	struct llfused_ctx reader = {.fs = &fx.fs};
	struct pt_ref ref;
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	cool(id);
	fx.fs.source.mounts[0].pace = PT_PACE_DISK;
	cr_assert_eq(pt_node_begin(&reader, (uint64_t)id, PT_WORK_INODE, &ref), LLFUSED_AGAIN);
	cr_assert_eq(pt_node_begin(&fx.ctx, (uint64_t)id, PT_WORK_INODE, &ref), 0);
	pt_node_put(&fx.fs, &ref);
	cr_assert_eq(pt_node_begin(&reader, (uint64_t)id, PT_WORK_INODE, &ref), 0);
	pt_node_put(&fx.fs, &ref);
}

Test(pt_node_budget, a_number_used_again_while_only_the_handle_was_held_is_a_new_node)
{
	struct llfused_entry out;
	struct statx stx;
	int64_t id, ino;
	int fd;

	nfx_make(&fx, "old");
	ino = nfx_ino_of(&fx, "old");
	id = nfx_lookup(&fx, "old");
	cool(id);
	nfx_remove(&fx, "old");
	nfx_make(&fx, "new");
	fd = pt_sys_open(fx.source, "new", O_PATH, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	stx.stx_ino = (uint64_t)ino; /* as if */
	cr_assert_not(pt_node_revisit(&fx.fs, 0, &stx, &out));
	cr_assert_eq(pt_node_enter(&fx.fs, fd, 0, &stx, &out), 0);
	cr_assert_neq((int64_t)out.nodeid, id);
	cr_assert_eq(nfx_ino(&fx, id), -ESTALE);
	cr_assert_eq(nfx_ino(&fx, (int64_t)out.nodeid), nfx_ino_of(&fx, "new"));
	nfx_forget(&fx, id, 1);
	cr_assert_eq(pt_node_look(&fx.fs, 0, (uint64_t)ino), out.nodeid);
}

Test(pt_node_budget, open_files_take_what_nodes_can_spare_and_then_it_is_emfile)
{
	enum { COUNT = 1000 };
	static int64_t ids[COUNT];
	unsigned files = 0;

	make_many(COUNT);
	look_up_many(COUNT, ids);
	while (pt_node_fd_take(&fx.fs) == 0)
		files++;
	/* More than half, and a reserve is left. */
	cr_assert_gt(files, LIMIT / 2 + 64);
	cr_assert_lt(files + nfx_fds(&fx) + 50, LIMIT);
	cr_assert_eq(pt_node_fd_take(&fx.fs), -EMFILE);
	/* Nodes go on with what is left. */
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(nfx_ino(&fx, ids[i]), nfx_ino_of(&fx, name_of(i)));
	nfx_make(&fx, "new");
	cr_assert(has_fd(nfx_lookup(&fx, "new")));
	pt_node_fd_free(&fx.fs);
	cr_assert_eq(pt_node_fd_take(&fx.fs), 0);
	cr_assert_eq(pt_node_fd_take(&fx.fs), -EMFILE);
	while (files-- > 0)
		pt_node_fd_free(&fx.fs);
}

/* ---- where no handle can be had ---- */

static void start_without(void)
{
	start();
	fx.fs.source.mounts[0].handles = false;
}

TestSuite(pt_node_stuck, .init = start_without, .fini = stop, .timeout = 60);

Test(pt_node_stuck, nodes_may_exceed_their_budget_but_not_the_limit)
{
	int64_t id = 0;
	unsigned before;
	int count = 0;

	make_many(LIMIT);
	before = nfx_open_fds();
	while (count < (int)LIMIT && (id = nfx_lookup(&fx, name_of(count))) > 0)
		count++;
	cr_assert_eq(id, -EMFILE);
	cr_assert_eq(nfx_open_fds() - before, (unsigned)count);
	cr_assert_gt(count, (int)LIMIT / 2);
	cr_assert_lt(nfx_open_fds() + 30, LIMIT);
	/* One goes, one comes. */
	nfx_forget(&fx, (int64_t)pt_node_look(&fx.fs, 0, (uint64_t)nfx_ino_of(&fx, "f3")), 1);
	cr_assert_gt(nfx_lookup(&fx, name_of(count)), ROOT);
	cr_assert_eq(nfx_lookup(&fx, "f3"), -EMFILE);
}

Test(pt_node_stuck, all_keep_their_descriptors)
{
	enum { COUNT = LIMIT / 2 + 20 };
	static int64_t ids[COUNT];

	make_many(COUNT);
	look_up_many(COUNT, ids);
	cr_assert_eq(nfx_fds(&fx), COUNT);
	for (int i = 0; i < COUNT; i++)
		cr_assert(has_fd(ids[i]));
}

static void *forget_some(void *arg)
{
	const int64_t *ids = arg;

	usleep(50000);
	for (int i = 0; i < 200; i++)
		nfx_forget(&fx, ids[i], 1);
	return NULL;
}

Test(pt_node_stuck, in_a_crowd_ops_that_bring_nodes_wait_for_others_to_go)
{
	enum { COUNT = 400 };
	static int64_t ids[COUNT];
	struct llfused_ctx reader = {.fs = &fx.fs};
	struct pt_ref ref;
	pthread_t thread;

	make_many(COUNT);
	look_up_many(COUNT, ids);
	cr_assert_eq(pt_node_begin(&reader, ROOT, PT_WORK_LOOK, &ref), LLFUSED_AGAIN);
	cr_assert_eq(pt_node_begin(&reader, ROOT, PT_WORK_INODE, &ref), 0);
	pt_node_put(&fx.fs, &ref);
	cr_assert_eq(pthread_create(&thread, NULL, forget_some, ids), 0);
	cr_assert_eq(pt_node_begin(&fx.ctx, ROOT, PT_WORK_LOOK, &ref), 0);
	cr_assert_lt(nfx_fds(&fx), COUNT);
	pt_node_put(&fx.fs, &ref);
	pthread_join(thread, NULL);
	cr_assert_eq(pt_node_begin(&reader, ROOT, PT_WORK_LOOK, &ref), 0);
	pt_node_put(&fx.fs, &ref);
}

Test(pt_node_stuck, a_crowd_that_stays_is_not_waited_for_for_ever)
{
	enum { COUNT = 400 };
	static int64_t ids[COUNT];
	struct llfused_ctx reader = {.fs = &fx.fs};
	struct pt_ref ref;

	make_many(COUNT);
	look_up_many(COUNT, ids);
	cr_assert_eq(pt_node_begin(&fx.ctx, ROOT, PT_WORK_LOOK, &ref), 0);
	pt_node_put(&fx.fs, &ref);
	/* Nor again, until something has changed. */
	cr_assert_eq(pt_node_begin(&reader, ROOT, PT_WORK_LOOK, &ref), 0);
	pt_node_put(&fx.fs, &ref);
	nfx_forget(&fx, ids[0], 1);
	cr_assert_eq(pt_node_begin(&reader, ROOT, PT_WORK_LOOK, &ref), LLFUSED_AGAIN);
}

Test(pt_node_stuck, it_works_with_very_few_descriptors)
{
	struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
	int64_t id = 0;
	int count = 0;

	pt_nodes_close(&fx.fs);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(pt_nodes_open(&fx.fs, &(struct llfused_error){""}), 0);
	make_many(64);
	while (count < 64 && (id = nfx_lookup(&fx, name_of(count))) > 0)
		count++;
	cr_assert_eq(id, -EMFILE);
	cr_assert_geq(count, 20);
	for (int i = 0; i < 6; i++)
		cr_assert_eq(pt_node_fd_take(&fx.fs), 0);
}

/* ---- export ---- */

static void start_export(void)
{
	nfx_prepare(&fx, LIMIT);
	fx.fs.options.export = true;
	nfx_open(&fx);
}

TestSuite(pt_node_export, .init = start_export, .fini = stop, .timeout = 60);

Test(pt_node_export, a_forgotten_node_is_found_by_its_nodeid)
{
	struct llfused_entry before, after;

	nfx_make(&fx, "file");
	nfx_forget(&fx, nfx_lookup_entry(&fx, "file", &before), 1);
	cr_assert_eq(nfx_fds(&fx), 0);
	cr_assert_eq(nfx_ino(&fx, (int64_t)before.nodeid), nfx_ino_of(&fx, "file"));
	cr_assert_eq(nfx_fds(&fx), 0);
	nfx_lookup_entry(&fx, "file", &after);
	cr_assert_eq(before.nodeid, after.nodeid);
	cr_assert_eq(before.generation, after.generation);
}

Test(pt_node_export, a_file_removed_since_is_stale_and_its_node_goes)
{
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	nfx_forget(&fx, id, 1);
	nfx_remove(&fx, "file");
	cr_assert_eq(nfx_nodes(&fx), 1);
	cr_assert_eq(nfx_ino(&fx, id), -ESTALE);
	cr_assert_eq(nfx_nodes(&fx), 0);
}

Test(pt_node_export, a_file_removed_through_us_is_not_kept)
{
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	pt_node_unlinked(&fx.fs, 0, (uint64_t)nfx_ino_of(&fx, "file"));
	nfx_remove(&fx, "file");
	nfx_forget(&fx, id, 1);
	cr_assert_eq(nfx_nodes(&fx), 0);
}

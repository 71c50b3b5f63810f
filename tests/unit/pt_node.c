/*
 * passthrough: which inode a node stands for, from its coming to its going.
 */
#include "pt_node_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static struct nfx fx;

static void start(void)
{
	nfx_start(&fx);
}

static void stop(void)
{
	nfx_stop(&fx);
}

TestSuite(pt_node, .init = start, .fini = stop, .timeout = 60);

/* Enters the inode of `name` as if it had the number of another: what happens when a number is used
 * again, on any file system. */
static int64_t enter_as(const char *name, int64_t ino)
{
	struct llfused_entry out;
	struct statx stx;
	int fd = pt_sys_open(fx.source, name, O_PATH, 0);
	int result;

	cr_assert_geq(fd, 0);
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	stx.stx_ino = (uint64_t)ino;
	result = pt_node_enter(&fx.fs, fd, 0, &stx, &out);
	return result ? result : (int64_t)out.nodeid;
}

Test(pt_node, the_root_is_there_and_never_forgotten)
{
	cr_assert_eq(nfx_ino(&fx, ROOT), nfx_ino_of(&fx, "."));
	nfx_forget(&fx, ROOT, 1000);
	cr_assert_eq(nfx_ino(&fx, ROOT), nfx_ino_of(&fx, "."));
	cr_assert_eq(nfx_nodes(&fx), 0);
}

/* The kernel made its root inode with generation 0, and would not know it with another. */
Test(pt_node, the_root_met_by_name_is_the_root)
{
	struct llfused_entry out;

	cr_assert_eq(nfx_lookup_entry(&fx, ".", &out), ROOT);
	cr_assert_eq(out.generation, 0);
}

Test(pt_node, an_inode_has_one_node_however_often_it_is_looked_up)
{
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	cr_assert_gt(id, ROOT);
	cr_assert_eq(nfx_lookup(&fx, "file"), id);
	cr_assert_eq(enter_as("file", nfx_ino_of(&fx, "file")), id);
	cr_assert_eq(nfx_nodes(&fx), 1);
	cr_assert_eq(nfx_fds(&fx), 1);
	nfx_forget(&fx, id, 2);
	cr_assert_eq(nfx_nodes(&fx), 1);
	nfx_forget(&fx, id, 1);
	cr_assert_eq(nfx_nodes(&fx), 0);
	cr_assert_eq(nfx_fds(&fx), 0);
	nfx_expect_closed(&fx);
}

Test(pt_node, nodes_that_are_left_are_closed_with_the_table)
{
	nfx_make(&fx, "a");
	nfx_make_dir(&fx, "b");
	nfx_lookup(&fx, "a");
	nfx_lookup(&fx, "b");
	nfx_expect_closed(&fx);
}

Test(pt_node, hard_links_are_one_node)
{
	int64_t id;

	nfx_make(&fx, "a");
	cr_assert_eq(linkat(fx.source, "a", fx.source, "b", 0), 0);
	id = nfx_lookup(&fx, "a");
	cr_assert_eq(nfx_lookup(&fx, "b"), id);
	nfx_remove(&fx, "a");
	cr_assert_eq(nfx_lookup(&fx, "b"), id);
	cr_assert_eq(nfx_ino(&fx, id), nfx_ino_of(&fx, "b"));
}

Test(pt_node, the_same_number_on_two_mounts_is_two_nodes)
{
	char path[128];
	int64_t one, two;

	nfx_make_dir(&fx, "a");
	nfx_make_dir(&fx, "b");
	snprintf(path, sizeof(path), "%s/source/a", fx.dir);
	cr_assert_eq(mount("unit", path, "tmpfs", 0, NULL), 0);
	snprintf(path, sizeof(path), "%s/source/b", fx.dir);
	cr_assert_eq(mount("unit", path, "tmpfs", 0, NULL), 0);
	one = nfx_lookup(&fx, "a");
	two = nfx_lookup(&fx, "b");
	cr_assert_eq(nfx_ino(&fx, one), nfx_ino(&fx, two));
	cr_assert_neq(one, two);
}

Test(pt_node, a_node_that_was_forgotten_is_stale)
{
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	nfx_forget(&fx, id, 1);
	cr_assert_eq(nfx_ino(&fx, id), -ESTALE);
	cr_assert_eq(nfx_ino(&fx, 0), -ESTALE);
	cr_assert_eq(nfx_ino(&fx, 1000000), -ESTALE);
	cr_assert_eq(nfx_ino(&fx, INT64_MAX), -ESTALE);
	cr_assert_null(pt_node_at(&fx.fs, (uint64_t)id));
}

Test(pt_node, a_nodeid_used_again_has_another_generation)
{
	struct llfused_entry first, second;

	nfx_make(&fx, "a");
	nfx_make(&fx, "b");
	nfx_forget(&fx, nfx_lookup_entry(&fx, "a", &first), 1);
	nfx_lookup_entry(&fx, "b", &second);
	cr_assert_eq(first.nodeid, second.nodeid);
	cr_assert_neq(first.generation, second.generation);
}

Test(pt_node, a_file_removed_behind_us_stays_what_it_was_while_it_is_known)
{
	int64_t id, ino;

	nfx_make(&fx, "file");
	ino = nfx_ino_of(&fx, "file");
	id = nfx_lookup(&fx, "file");
	nfx_remove(&fx, "file");
	cr_assert_eq(nfx_lookup(&fx, "file"), -ENOENT);
	cr_assert_eq(nfx_ino(&fx, id), ino);
}

Test(pt_node, a_used_number_is_never_taken_for_the_old_file)
{
	int64_t old_id, ino, new_id;

	nfx_make(&fx, "old");
	usleep(20000); /* its birth time is counted in ticks */
	nfx_make(&fx, "new");
	ino = nfx_ino_of(&fx, "old");
	old_id = nfx_lookup(&fx, "old");
	new_id = enter_as("new", ino);
	cr_assert_gt(new_id, ROOT);
	cr_assert_neq(new_id, old_id);
	/* Each is still itself, and the number leads to the new one. */
	cr_assert_eq(nfx_ino(&fx, old_id), ino);
	cr_assert_eq(nfx_ino(&fx, new_id), nfx_ino_of(&fx, "new"));
	cr_assert_eq(pt_node_look(&fx.fs, 0, (uint64_t)ino), (uint64_t)new_id);
	nfx_forget(&fx, old_id, 1);
	cr_assert_eq(nfx_nodes(&fx), 1);
	cr_assert_eq(pt_node_look(&fx.fs, 0, (uint64_t)ino), (uint64_t)new_id);
	nfx_forget(&fx, new_id, 1);
	cr_assert_eq(nfx_nodes(&fx), 0);
	cr_assert_eq(pt_node_look(&fx.fs, 0, (uint64_t)ino), 0);
}

Test(pt_node, a_birth_time_that_was_changed_does_not_make_a_new_node)
{
	struct llfused_entry out;
	struct statx stx;
	int64_t id;
	int fd;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	/* As if it had been another when the node was made. */
	pt_node_at(&fx.fs, (uint64_t)id)->btime += 5;
	cr_assert_eq(pt_sys_stat(fx.source, "file", &stx), 0);
	cr_assert_not(pt_node_revisit(&fx.fs, 0, &stx, &out));
	fd = pt_sys_open(fx.source, "file", O_PATH, 0);
	cr_assert_eq(pt_node_enter(&fx.fs, fd, 0, &stx, &out), 0);
	cr_assert_eq((int64_t)out.nodeid, id);
	cr_assert(pt_node_revisit(&fx.fs, 0, &stx, &out));
}

Test(pt_node, a_held_node_outlives_its_lookups_and_can_be_found_again)
{
	struct pt_node *node;
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	node = pt_node_at(&fx.fs, (uint64_t)id);
	pt_node_hold(&fx.fs, node);
	nfx_forget(&fx, id, 1);
	cr_assert_eq(nfx_ino(&fx, id), nfx_ino_of(&fx, "file"));
	cr_assert_eq(nfx_lookup(&fx, "file"), id);
	nfx_forget(&fx, id, 1);
	pt_node_drop(&fx.fs, node);
	cr_assert_eq(nfx_nodes(&fx), 0);
	cr_assert_eq(nfx_ino(&fx, id), -ESTALE);
}

Test(pt_node, a_node_in_use_outlives_its_lookups)
{
	struct pt_ref ref;
	struct statx stx;
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	cr_assert_eq(pt_node_get(&fx.fs, (uint64_t)id, &ref), 0);
	nfx_forget(&fx, id, 1);
	cr_assert_eq(pt_sys_stat(ref.fd, "", &stx), 0);
	pt_node_put(&fx.fs, &ref);
	cr_assert_eq(nfx_nodes(&fx), 0);
}

Test(pt_node, unlook_takes_one_lookup_back)
{
	int64_t id;

	nfx_make(&fx, "file");
	id = nfx_lookup(&fx, "file");
	nfx_lookup(&fx, "file");
	pt_node_unlook(&fx.fs, (uint64_t)id);
	cr_assert_eq(nfx_nodes(&fx), 1);
	pt_node_unlook(&fx.fs, (uint64_t)id);
	cr_assert_eq(nfx_nodes(&fx), 0);
}

Test(pt_node, long_lists_of_forgets_take_all_of_them)
{
	enum { COUNT = 500 };
	struct llfused_forget list[COUNT];
	char name[16];

	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		nfx_make(&fx, name);
		list[i] = (struct llfused_forget){(uint64_t)nfx_lookup(&fx, name), 1};
	}
	cr_assert_eq(nfx_nodes(&fx), COUNT);
	pt_node_forget(&fx.ctx, list, COUNT);
	cr_assert_eq(nfx_nodes(&fx), 0);
	cr_assert_eq(nfx_fds(&fx), 0);
	nfx_expect_closed(&fx);
}

Test(pt_node, begin_asks_for_the_pace_of_the_nodes_mount)
{
	struct llfused_ctx reader = {.fs = &fx.fs};
	struct pt_ref ref;
	uint64_t id;

	nfx_make(&fx, "file");
	id = (uint64_t)nfx_lookup(&fx, "file");
	fx.fs.source.mounts[0].pace = PT_PACE_DISK;
	cr_assert_eq(pt_node_begin(&reader, id, PT_WORK_LOOK, &ref), LLFUSED_AGAIN);
	cr_assert_eq(pt_node_begin(&reader, id, PT_WORK_INODE, &ref), 0);
	pt_node_put(&fx.fs, &ref);
	cr_assert_eq(pt_node_begin(&fx.ctx, id, PT_WORK_LOOK, &ref), 0);
	pt_node_put(&fx.fs, &ref);
	cr_assert_eq(pt_node_begin(&reader, 12345, PT_WORK_INODE, &ref), -ESTALE);
}

/* ---- on a file system that uses numbers again at once ---- */

static void start_ext4(void)
{
	nfx_start_ext4(&fx);
}

TestSuite(pt_node_reuse, .init = start_ext4, .fini = stop, .timeout = 60);

/* Makes files until one has the number. */
static void make_with(const char *name, int64_t ino)
{
	for (int i = 0; i < 1000; i++) {
		char other[24];

		nfx_make(&fx, name);
		if (nfx_ino_of(&fx, name) == ino)
			return;
		snprintf(other, sizeof(other), "other%d", i);
		cr_assert_eq(renameat(fx.source, name, fx.source, other), 0);
	}
	cr_assert_fail("the number was not used again");
}

Test(pt_node_reuse, while_a_node_has_a_descriptor_its_number_is_not_used)
{
	int64_t ino;

	nfx_make(&fx, "file");
	ino = nfx_ino_of(&fx, "file");
	nfx_lookup(&fx, "file");
	nfx_remove(&fx, "file");
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		nfx_make(&fx, name);
		cr_assert_neq(nfx_ino_of(&fx, name), ino);
	}
}

Test(pt_node_reuse, a_number_used_again_after_forget_is_a_new_node)
{
	struct llfused_entry first, second;
	int64_t ino;

	nfx_make(&fx, "file");
	ino = nfx_ino_of(&fx, "file");
	nfx_forget(&fx, nfx_lookup_entry(&fx, "file", &first), 1);
	nfx_remove(&fx, "file");
	make_with("file", ino);
	nfx_lookup_entry(&fx, "file", &second);
	cr_assert(first.nodeid != second.nodeid || first.generation != second.generation);
}

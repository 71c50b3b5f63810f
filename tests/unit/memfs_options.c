/*
 * memfs: mount options, written as for tmpfs, and what statfs says of them.
 */
#include "daemon/host.h"
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

TestSuite(memfs_options, .timeout = 60);

static void expect_blocks(const char *option, uint64_t blocks)
{
	struct fx fx;

	fx_start(&fx, option);
	cr_expect_eq(fx_statfs(&fx).blocks, blocks, "%s", option);
	cr_expect_eq(fx_statfs(&fx).bfree, blocks, "%s", option);
	fx_stop(&fx);
}

Test(memfs_options, sizes)
{
	struct sysinfo info;
	uint64_t pages;

	sysinfo(&info);
	pages = info.totalram * info.mem_unit / 4096;
	expect_blocks("size=1", 1);
	expect_blocks("size=4097", 2);
	expect_blocks("size=1K", 1);
	expect_blocks("size=0x2000", 2);
	expect_blocks("size=3m", 768);
	expect_blocks("size=1T", UINT64_C(1) << 28);
	expect_blocks("size=0", 0);
	expect_blocks("size=50%", (pages * 50 * 4096 / 100 + 4095) / 4096);
	expect_blocks("mode=755", pages / 2);
}

Test(memfs_options, inodes)
{
	struct fx fx;

	fx_start(&fx, "nr_inodes=2k");
	cr_expect_eq(fx_statfs(&fx).files, 2048);
	cr_expect_eq(fx_statfs(&fx).ffree, 2047);
	fx_stop(&fx);
	fx_start(&fx, "nr_inodes=0");
	cr_expect_eq(fx_statfs(&fx).files, 0);
	cr_expect_gt(fx_file(&fx, ROOT, "f"), 0);
	fx_stop(&fx);
}

static enum fs_data store_of(const char *options)
{
	enum fs_data store;
	struct fx fx;

	fx_start(&fx, options);
	store = fx.fs->store;
	cr_expect_null(fx.fs->backed, "%s", options);
	fx_stop(&fx);
	return store;
}

Test(memfs_options, where_data_are_kept)
{
	cr_expect_eq(store_of("size=1m"), FS_DATA_AUTO);
	cr_expect_eq(store_of("data=auto"), FS_DATA_AUTO);
	cr_expect_eq(store_of("data=passthrough,data=cached"), FS_DATA_CACHED);
}

/* Takes root, as the tests of a mount do. */
Test(memfs_options, data_in_a_private_tmpfs_are_limited_and_wish_for_passthrough)
{
	struct llfused_wishes wishes = {.wants = memfs_backend.wants, .ops = memfs_backend.ops};
	struct fx fx;

	fx_start(&fx, "data=passthrough,size=3m,nr_inodes=10");
	memfs_backend.wish(fx.fs, &wishes);
	cr_expect(wishes.wants & LLFUSED_WANT_PASSTHROUGH);
	cr_expect_eq(wishes.wants & ~LLFUSED_WANT_PASSTHROUGH, memfs_backend.wants);
	cr_assert_not_null(wishes.ops->open);
	fx.ops = wishes.ops;
	cr_expect_eq(fx_statfs(&fx).blocks, 768);
	cr_expect_eq(fx_statfs(&fx).bfree, 768);
	cr_expect_eq(fx_statfs(&fx).files, 10);
	fx_stop(&fx);
	fx_start(&fx, "data=cached");
	wishes = (struct llfused_wishes){.wants = memfs_backend.wants, .ops = memfs_backend.ops};
	memfs_backend.wish(fx.fs, &wishes);
	cr_expect_eq(wishes.wants, memfs_backend.wants);
	cr_expect_null(wishes.ops->open);
	fx_stop(&fx);
}

Test(memfs_options, a_kernel_without_passthrough_is_told_of)
{
	const struct llfused_conn conn = {.want = memfs_backend.wants};
	struct fx fx;

	fx_start(&fx, "data=passthrough");
	cr_expect_eq(memfs_backend.init(fx.fs, &conn), -EIO);
	cr_assert_not_null(host_fatal_text());
	cr_expect_not_null(strstr(host_fatal_text(), "data=cached"), "%s", host_fatal_text());
	fx_stop(&fx);
}

Test(memfs_options, root)
{
	struct fx fx;

	fx_start(&fx, "mode=17755,uid=7,gid=8");
	cr_expect_eq(fx_stat(&fx, ROOT).mode, S_IFDIR | 07755);
	cr_expect_eq(fx_stat(&fx, ROOT).uid, 7);
	cr_expect_eq(fx_stat(&fx, ROOT).gid, 8);
	fx_stop(&fx);
	fx_start(&fx, "uid=root,gid=root");
	cr_expect_eq(fx_stat(&fx, ROOT).uid, 0);
	fx_stop(&fx);
}

Test(memfs_options, bad_values_are_named)
{
	static const char *const bad[][2] = {
		{"size", ""},          {"size", "x"},
		{"size", "-1"},        {"size", "5x"},
		{"size", "5%k"},       {"size", "99999999999999999999"},
		{"size", "16777216t"}, {"size", " 1"},
		{"nr_inodes", ""},     {"nr_inodes", "1.5"},
		{"nr_inodes", "10%"},  {"mode", "8"},
		{"mode", ""},          {"uid", "no-such-user!"},
		{"uid", "5x"},         {"gid", "-1"},
		{"gid", "4294967295"}};
	void *fs;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct llfused_error error = {""};

		cr_assert_eq(memfs_backend.load(&fs, &error), 0);
		cr_expect_eq(memfs_backend.configure(fs, bad[i][0], bad[i][1], &error), -EINVAL,
			     "%s=%s", bad[i][0], bad[i][1]);
		cr_expect_not_null(strstr(error.text, bad[i][0]));
		cr_expect_not_null(strstr(error.text, bad[i][1]));
		cr_expect_null(strchr(error.text, '\n'));
		memfs_backend.destroy(fs);
	}
}

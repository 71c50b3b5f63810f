/*
 * memfs: mount options, written as for tmpfs, and what statfs says of them.
 */
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

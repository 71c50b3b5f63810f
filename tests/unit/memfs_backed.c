/*
 * memfs with data=passthrough, without a mount: what its ops do with the files behind the inodes.
 * Takes root, as the tests of a mount do.
 */
#include "memfs_fixture.h"

#include "memfs/backed_impl.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

TestSuite(memfs_backed_ops, .timeout = 60);

static void start(struct fx *fx, const char *options)
{
	struct llfused_wishes wishes = {.ops = memfs_backend.ops};

	fx_start(fx, options);
	memfs_backend.wish(fx->fs, &wishes);
	fx->ops = wishes.ops;
}

static struct inode *inode_of(const struct fx *fx, int64_t nodeid)
{
	return inode_at(&fx->fs->inodes, (uint32_t)nodeid);
}

static int has_file(const struct fx *fx, const char *name)
{
	struct stat st;

	return fstatat(fx->fs->backed->root, name, &st, 0) == 0;
}

Test(memfs_backed_ops, no_two_files_have_one_name_behind_them)
{
	struct inode a = {.backed.file = 0x1234}, b = {.backed.file = 0x4321};

	cr_expect_str_eq(backed_name(&a).text, "34/4321");
	cr_expect_str_eq(backed_name(&b).text, "21/1234");
	b.backed.file = UINT64_MAX;
	cr_expect_str_eq(backed_name(&b).text, "ff/ffffffffffffffff");
	b.backed.file = 5;
	cr_expect_str_eq(backed_name(&b).text, "05/5");
}

Test(memfs_backed_ops, a_file_has_one_behind_it_from_its_first_moment_to_its_last)
{
	struct backed_name name;
	struct llfused_attr attr;
	struct fx fx;
	int64_t file;

	start(&fx, "data=passthrough,size=1m");
	file = fx_file_held(&fx, ROOT, "f");
	cr_assert_gt(file, 0);
	name = backed_name(inode_of(&fx, file));
	cr_assert(has_file(&fx, name.text));
	attr = fx_stat(&fx, (uint64_t)file);
	cr_expect_eq(attr.mtime.tv_sec, attr.btime.tv_sec);
	cr_expect_eq(attr.mtime.tv_nsec, attr.btime.tv_nsec);
	cr_expect_eq(attr.ctime.tv_nsec, attr.btime.tv_nsec);
	cr_expect_eq(fx_write(&fx, (uint64_t)file, 0, "hello", 5), 5);
	cr_expect_eq(fx_unlink(&fx, ROOT, "f"), 0);
	cr_expect(has_file(&fx, name.text), "who holds it can still open it");
	fx_forget(&fx, (uint64_t)file, 1);
	cr_expect_not(has_file(&fx, name.text));
	cr_expect_eq(fx_statfs(&fx).bfree, 256);
	fx_stop(&fx);
}

Test(memfs_backed_ops, room_is_lent_for_what_is_dying_up_to_a_most)
{
	static char bytes[1 << 20];
	struct fx fx;
	int64_t file[3];

	start(&fx, "data=passthrough,size=2m");
	for (int i = 0; i < 3; i++)
		file[i] = fx_file_held(&fx, ROOT, (char[]){(char)('a' + i), '\0'});
	cr_expect_eq(fx_write(&fx, (uint64_t)file[0], 0, bytes, sizeof(bytes)), sizeof(bytes));
	cr_expect_eq(fx_write(&fx, (uint64_t)file[1], 0, bytes, sizeof(bytes)), sizeof(bytes));
	cr_expect_eq(fx_write(&fx, (uint64_t)file[2], 0, bytes, 1), -ENOSPC);
	/* as the op of a closed file sees it: the inode's copy is the truth */
	for (int i = 0; i < 2; i++)
		backed_refresh(fx.fs, inode_of(&fx, file[i]));
	cr_expect_eq(fx_unlink(&fx, ROOT, "a"), 0);
	cr_expect_eq(fx.fs->backed->lent, 256);
	cr_expect_eq(fx_statfs(&fx).bfree, 256);
	cr_expect_eq(fx_write(&fx, (uint64_t)file[2], 0, bytes, sizeof(bytes)), sizeof(bytes));
	cr_expect_eq(fx_statfs(&fx).bfree, 0);
	fx_forget(&fx, (uint64_t)file[0], 1);
	cr_expect_eq(fx.fs->backed->lent, 0);
	cr_expect_eq(fx_statfs(&fx).bfree, 0);
	cr_expect_eq(fx_write(&fx, (uint64_t)file[2], sizeof(bytes), bytes, 1), -ENOSPC);
	fx_stop(&fx);
}

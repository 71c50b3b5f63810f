/*
 * memfs: extended attributes, ACLs on inodes and their inheritance.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ACCESS  "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

static struct fx fx;
static uint64_t file;

static void start(void)
{
	fx_start(&fx, NULL);
	file = (uint64_t)fx_file(&fx, ROOT, "file");
}

static void stop(void)
{
	fx_stop(&fx);
}

TestSuite(memfs_xattr, .init = start, .fini = stop, .timeout = 60);

Test(memfs_xattr, names_and_flags)
{
	cr_expect_eq(fx_setxattr(&fx, file, "user.a", "1", 1, XATTR_REPLACE), -ENODATA);
	cr_expect_eq(fx_setxattr(&fx, file, "user.a", "1", 1, XATTR_CREATE), 0);
	cr_expect_eq(fx_setxattr(&fx, file, "user.a", "2", 1, XATTR_CREATE), -EEXIST);
	cr_expect_eq(fx_setxattr(&fx, file, "user.a", "22", 2, XATTR_REPLACE), 0);
	cr_expect_eq(fx_getxattr(&fx, file, "user.a", NULL, 0), 2);
	cr_expect_eq(fx_setxattr(&fx, file, "user.", "1", 1, 0), -EINVAL);
	cr_expect_eq(fx_setxattr(&fx, file, "system.x", "1", 1, 0), -EOPNOTSUPP);
	cr_expect_eq(fx_setxattr(&fx, file, "plain", "1", 1, 0), -EOPNOTSUPP);
	cr_expect_eq(fx_getxattr(&fx, file, "plain", NULL, 0), -EOPNOTSUPP);
	cr_expect_eq(fx_removexattr(&fx, file, "plain"), -EOPNOTSUPP);
	cr_expect_eq(fx_getxattr(&fx, file, "user.none", NULL, 0), -ENODATA);
	cr_expect_eq(fx_removexattr(&fx, file, "user.none"), -ENODATA);
	cr_expect_eq(fx_removexattr(&fx, file, "user.a"), 0);
	cr_expect_eq(fx_getxattr(&fx, file, "user.a", NULL, 0), -ENODATA);
}

Test(memfs_xattr, values_of_every_size_come_back)
{
	static const size_t sizes[] = {0, 1, 27, 28, 29, 2043, 2044, 2045, 4088, 5000, 65536};
	char *value = malloc(65537);
	char *got = malloc(65537);

	for (size_t i = 0; i < 65537; i++)
		value[i] = (char)(i * 31);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ssize_t size = (ssize_t)sizes[i];

		cr_expect_eq(fx_setxattr(&fx, file, "trusted.v", value, sizes[i], 0), 0);
		cr_expect_eq(fx_getxattr(&fx, file, "trusted.v", NULL, 0), size);
		cr_expect_eq(fx_getxattr(&fx, file, "trusted.v", got, 65537), size);
		cr_expect_eq(memcmp(value, got, sizes[i]), 0);
		if (size > 1)
			cr_expect_eq(fx_getxattr(&fx, file, "trusted.v", got, sizes[i] - 1),
				     -ERANGE);
	}
	cr_expect_eq(fx_setxattr(&fx, file, "trusted.v", value, 65537, 0), -E2BIG);
	fx_unlink(&fx, ROOT, "file");
	fx_expect_empty(&fx);
	free(value);
	free(got);
}

static ssize_t list(char *names, size_t size)
{
	struct llfused_buf buf = {.data = names, .cap = size};
	int error = fx.ops->listxattr(&fx.ctx, file, &buf);

	return error ? error : (ssize_t)buf.len;
}

Test(memfs_xattr, list_hides_trusted_names_from_others_than_root)
{
	char names[100];

	cr_expect_eq(list(names, sizeof(names)), 0);
	fx_setxattr(&fx, file, "trusted.t", "1", 1, 0);
	fx_setxattr(&fx, file, "user.u", "1", 1, 0);
	cr_expect_eq(list(NULL, 0), 10 + 7);
	cr_expect_eq(list(names, 16), -ERANGE);
	cr_expect_eq(list(names, 17), 17);
	fx.ctx.uid = 1000;
	cr_expect_eq(list(names, sizeof(names)), 7);
	cr_expect_str_eq(names, "user.u");
}

Test(memfs_xattr, space_counts_against_inodes)
{
	char value[5000] = "";

	fx_stop(&fx);
	fx_start(&fx, "nr_inodes=20");
	file = (uint64_t)fx_file(&fx, ROOT, "file");
	cr_expect_eq(fx_setxattr(&fx, file, "user.a", value, 5000, 0), 0);
	cr_expect_eq(fx_statfs(&fx).ffree, 13);
	cr_expect_eq(fx_setxattr(&fx, file, "user.b", value, 5000, XATTR_REPLACE), -ENODATA);
	cr_expect_eq(fx_setxattr(&fx, file, "user.b", value, 5000, 0), 0);
	cr_expect_eq(fx_setxattr(&fx, file, "user.c", value, 5000, 0), 0);
	cr_expect_eq(fx_setxattr(&fx, file, "user.d", value, 5000, 0), -ENOSPC);
	fx_removexattr(&fx, file, "user.a");
	cr_expect_eq(fx_setxattr(&fx, file, "user.d", value, 5000, 0), 0);
	fx_unlink(&fx, ROOT, "file");
	fx_expect_empty(&fx);
}

Test(memfs_xattr, last_byte_of_space_is_not_given_away)
{
	char value[1000] = "";

	fx_stop(&fx);
	fx_start(&fx, "nr_inodes=3");
	file = (uint64_t)fx_file(&fx, ROOT, "file");
	cr_expect_eq(fx_setxattr(&fx, file, "user.a", value, 1024 - 46, 0), -ENOSPC);
	cr_expect_eq(fx_setxattr(&fx, file, "user.a", value, 1023 - 46, 0), 0);
}

Test(memfs_xattr, security_label_is_stored_with_the_new_inode)
{
	struct llfused_secctx label = {"security.selinux", "label", 6};
	char got[10];

	fx.ctx.nsecctx = 1;
	fx.ctx.secctx = &label;
	file = (uint64_t)fx_mkdir(&fx, ROOT, "labelled", 0755);
	cr_expect_eq(fx_getxattr(&fx, file, "security.selinux", got, sizeof(got)), 6);
	cr_expect_str_eq(got, "label");
}

/* ---- ACLs ------------------------------------------------------------------------------------ */

#define NOBODY UINT32_MAX

struct wire {
	uint32_t version;
	struct {
		uint16_t tag;
		uint16_t perm;
		uint32_t id;
	} entry[6];
};

#define SIZE(n) (4 + 8 * (n))

/* user::rwx user:5:rwx group::r-x mask::rwx other::r-x, and its first three. */
static const struct wire full = {
	2, {{1, 7, NOBODY}, {2, 7, 5}, {4, 5, NOBODY}, {0x10, 7, NOBODY}, {0x20, 5, NOBODY}}};
static const struct wire minimal = {2, {{1, 6, NOBODY}, {4, 4, NOBODY}, {0x20, 0, NOBODY}}};

static uint32_t mode_of(uint64_t nodeid)
{
	return fx_stat(&fx, nodeid).mode & 07777;
}

Test(memfs_xattr, access_acl_sets_the_mode_and_follows_it)
{
	struct wire got;

	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &full, SIZE(5), XATTR_REPLACE), 0);
	cr_expect_eq(mode_of(file), 0775);
	cr_expect_eq(fx_getxattr(&fx, file, ACCESS, &got, sizeof(got)), SIZE(5));
	cr_expect_eq(memcmp(&got, &full, SIZE(5)), 0);
	fx_chmod(&fx, file, 0640);
	cr_expect_eq(fx_getxattr(&fx, file, ACCESS, &got, sizeof(got)), SIZE(5));
	cr_expect_eq(got.entry[0].perm, 6);
	cr_expect_eq(got.entry[1].perm, 7);
	cr_expect_eq(got.entry[2].perm, 5);
	cr_expect_eq(got.entry[3].perm, 4);
	cr_expect_eq(got.entry[4].perm, 0);
	cr_expect_eq(fx_removexattr(&fx, file, ACCESS), 0);
	cr_expect_eq(mode_of(file), 0640);
	cr_expect_eq(fx_removexattr(&fx, file, ACCESS), 0);
	cr_expect_eq(fx_getxattr(&fx, file, ACCESS, NULL, 0), -ENODATA);
}

Test(memfs_xattr, acl_that_a_mode_can_say_is_not_stored)
{
	fx_setxattr(&fx, file, ACCESS, &full, SIZE(5), 0);
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &minimal, SIZE(3), 0), 0);
	cr_expect_eq(mode_of(file), 0640);
	cr_expect_eq(fx_getxattr(&fx, file, ACCESS, NULL, 0), -ENODATA);
}

Test(memfs_xattr, acl_kills_setgid_only_when_told)
{
	fx_chmod(&fx, file, 02755);
	fx_setxattr(&fx, file, ACCESS, &full, SIZE(5), 0);
	cr_expect_eq(mode_of(file), 02775);
	fx.ops->setxattr(&fx.ctx, file, ACCESS, &full, SIZE(5), 0, LLFUSED_XATTR_ACL_KILL_SGID);
	cr_expect_eq(mode_of(file), 0775);
}

Test(memfs_xattr, removing_an_access_acl_kills_setgid_of_those_outside_the_group)
{
	fx_chmod(&fx, file, 02755);
	fx.ctx.uid = 1000;
	cr_expect_eq(fx_removexattr(&fx, file, DEFAULT), 0);
	cr_expect_eq(mode_of(file), 02755);
	fx.ctx.gid = 0; /* the file's */
	cr_expect_eq(fx_removexattr(&fx, file, ACCESS), 0);
	cr_expect_eq(mode_of(file), 02755);
	fx.ctx.uid = 0;
	fx.ctx.gid = 1000;
	cr_expect_eq(fx_removexattr(&fx, file, ACCESS), 0);
	cr_expect_eq(mode_of(file), 02755);
	fx.ctx.uid = 1000;
	cr_expect_eq(fx_removexattr(&fx, file, ACCESS), 0);
	cr_expect_eq(mode_of(file), 0755);
}

Test(memfs_xattr, corrupt_acls_are_refused)
{
	struct wire acl = full;

	acl.version = 3;
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &acl, SIZE(5), 0), -EOPNOTSUPP);
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &full, 3, 0), -EINVAL);
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &full, SIZE(5) - 1, 0), -EINVAL);
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &full, SIZE(4), 0), -EINVAL);
	acl = full;
	acl.entry[3].tag = 0x20; /* named entries without a mask, and other twice */
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &acl, SIZE(5), 0), -EINVAL);
	acl = full;
	acl.entry[1].id = NOBODY;
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &acl, SIZE(5), 0), -EINVAL);
	acl = full;
	acl.entry[1].perm = 8;
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &acl, SIZE(5), 0), -EINVAL);
	acl = full;
	acl.entry[0].tag = 0x40;
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &acl, SIZE(5), 0), -EINVAL);
	cr_expect_eq(mode_of(file), 0644);
	/* An empty one removes. */
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, &full, SIZE(0), 0), 0);
	cr_expect_eq(fx_setxattr(&fx, file, ACCESS, NULL, 0, 0), 0);
}

Test(memfs_xattr, default_acl_is_for_directories)
{
	uint64_t link = (uint64_t)fx_symlink(&fx, ROOT, "l", "t");

	cr_expect_eq(fx_setxattr(&fx, file, DEFAULT, &full, SIZE(5), 0), -EACCES);
	cr_expect_eq(fx_removexattr(&fx, file, DEFAULT), 0);
	cr_expect_eq(fx_setxattr(&fx, link, ACCESS, &full, SIZE(5), 0), -EOPNOTSUPP);
	cr_expect_eq(fx_getxattr(&fx, link, ACCESS, NULL, 0), -EOPNOTSUPP);
}

Test(memfs_xattr, default_acl_is_inherited_instead_of_the_umask)
{
	uint64_t dir = (uint64_t)fx_mkdir(&fx, ROOT, "d", 0755);
	struct wire got;
	uint64_t made;

	fx.ctx.umask = 077;
	cr_assert_eq(fx_setxattr(&fx, dir, DEFAULT, &full, SIZE(5), 0), 0);
	cr_expect_eq(mode_of(dir), 0755);
	made = (uint64_t)fx_mknod(&fx, dir, "f", S_IFREG | 0666, 0);
	cr_expect_eq(mode_of(made), 0664);
	cr_expect_eq(fx_getxattr(&fx, made, ACCESS, &got, sizeof(got)), SIZE(5));
	cr_expect_eq(got.entry[0].perm, 6);
	cr_expect_eq(got.entry[1].perm, 7);
	cr_expect_eq(got.entry[2].perm, 5);
	cr_expect_eq(got.entry[3].perm, 6);
	cr_expect_eq(got.entry[4].perm, 4);
	cr_expect_eq(fx_getxattr(&fx, made, DEFAULT, NULL, 0), -ENODATA);
	made = (uint64_t)fx_mkdir(&fx, dir, "sub", 0777);
	cr_expect_eq(mode_of(made), 0775);
	cr_expect_eq(fx_getxattr(&fx, made, DEFAULT, &got, sizeof(got)), SIZE(5));
	cr_expect_eq(memcmp(&got, &full, SIZE(5)), 0);
	made = (uint64_t)fx_symlink(&fx, dir, "l", "t");
	cr_expect_eq(mode_of(made), 0777);
	/* A minimal one leaves only a mode. */
	cr_assert_eq(fx_setxattr(&fx, dir, DEFAULT, &minimal, SIZE(3), 0), 0);
	made = (uint64_t)fx_mknod(&fx, dir, "g", S_IFREG | 0777, 0);
	cr_expect_eq(mode_of(made), 0640);
	cr_expect_eq(fx_getxattr(&fx, made, ACCESS, NULL, 0), -ENODATA);
}

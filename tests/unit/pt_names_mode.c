/*
 * passthrough: the mode of what is made: default ACLs, setgid directories, and the options.
 */
#include "pt_names_fixture.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

static void start(void)
{
	src_start_for_alice("");
}

TestSuite(pt_names_mode, .init = start, .fini = src_stop, .timeout = 60);
TestSuite(pt_names_mode_with, .fini = src_stop, .timeout = 60); /* options of the test's own */

/* A default ACL by which the owner has all rights, the group rx, `mask` limits, others have none.
 */
static void set_default_acl(uint16_t mask)
{
	const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entries[5];
	} acl = {2,
		 {{0x01, 7, UINT32_MAX},
		  {0x02, 7, 4711},
		  {0x04, 5, UINT32_MAX},
		  {0x10, mask, UINT32_MAX},
		  {0x20, 0, UINT32_MAX}}};

	cr_assert_eq(fsetxattr(src_fd, "system.posix_acl_default", &acl, sizeof(acl), 0), 0, "%m");
}

Test(pt_names_mode, default_acl_comes_in_place_of_the_umask)
{
	struct llfused_entry entry;
	struct llfused_open out;

	set_default_acl(7);
	src_alice.umask = 077;
	cr_assert_eq(src_create("f", O_RDWR, &entry, &out), 0);
	src_expect_alices("f", &entry, S_IFREG | 0660);
	cr_assert_eq(pt_ops->mkdir(&src_alice, ROOT, "d", 0777, &entry), 0);
	src_expect_alices("d", &entry, S_IFDIR | 0770);
}

Test(pt_names_mode, setgid_directory_gives_its_group)
{
	struct llfused_entry entry;

	cr_assert_eq(fchown(src_fd, 0, 4711), 0);
	cr_assert_eq(fchmod(src_fd, 02777), 0);
	cr_assert_eq(pt_ops->mknod(&src_alice, ROOT, "f", S_IFREG | 0666, 0, &entry), 0);
	cr_expect_eq(entry.attr.gid, 4711);
	cr_assert_eq(pt_ops->mkdir(&src_alice, ROOT, "d", 0777, &entry), 0);
	cr_expect_eq(entry.attr.gid, 4711);
	cr_expect_eq(entry.attr.mode, S_IFDIR | 02750);
}

Test(pt_names_mode_with, umask_of_the_mount_is_added_to_the_callers)
{
	struct llfused_entry entry;
	struct llfused_open out;

	src_start_for_alice("umask=005");
	src_alice.umask = 020;
	cr_assert_eq(pt_ops->mknod(&src_alice, ROOT, "n", S_IFIFO | 0666, 0, &entry), 0);
	src_expect_alices("n", &entry, S_IFIFO | 0642);
	cr_assert_eq(pt_ops->mkdir(&src_alice, ROOT, "d", 01777, &entry), 0);
	src_expect_alices("d", &entry, S_IFDIR | 01752);
	set_default_acl(7);
	cr_assert_eq(src_create("f", O_RDWR, &entry, &out), 0);
	src_expect_alices("f", &entry, S_IFREG | 0660);
}

Test(pt_names_mode_with, create_mode_is_exact)
{
	struct llfused_entry entry;
	struct llfused_open out;

	src_start_for_alice("create-mode=464");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(src_create("f", O_RDWR, &entry, &out), 0);
		src_expect_alices("f", &entry, S_IFREG | 0464);
		cr_assert_eq(pt_ops->mknod(&src_alice, ROOT, "n", S_IFREG | 04600, 0, &entry), 0);
		src_expect_alices("n", &entry, S_IFREG | 04464);
		cr_assert_eq(pt_ops->mkdir(&src_alice, ROOT, "d", 01700, &entry), 0);
		src_expect_alices("d", &entry, S_IFDIR | 01575);
		cr_assert_eq(pt_ops->symlink(&src_alice, ROOT, "l", "x", &entry), 0);
		src_expect_alices("l", &entry, S_IFLNK | 0777);
		cr_assert_eq(src_tmpfile(O_RDWR, &entry, &out), 0);
		cr_expect_eq(entry.attr.mode, S_IFREG | 0464);
		cr_assert_eq(unlinkat(src_fd, "f", 0), 0);
		cr_assert_eq(unlinkat(src_fd, "n", 0), 0);
		cr_assert_eq(unlinkat(src_fd, "l", 0), 0);
		cr_assert_eq(unlinkat(src_fd, "d", AT_REMOVEDIR), 0);
		set_default_acl(4);
	}
}

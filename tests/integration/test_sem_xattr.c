/*
 * The rules on extended attributes and on statfs.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

static char *start_with_file(struct daemon *d, const char *backend)
{
	char *path;

	sem_start(d, backend, NULL);
	path = daemon_path(d, "f");
	close(files_create(path));
	return path;
}

#define CHECK_FAILS(expected, call) \
	do { \
		errno = 0; \
		cr_assert_eq((call), -1); \
		cr_assert_eq(errno, (expected), "%s", strerror(errno)); \
	} while (0)

SEM_FACT(setxattr, create_of_what_exists_is_eexist)
{
	struct daemon d;
	char *path = start_with_file(&d, backend), value[8];

	cr_assert_eq(setxattr(path, "user.a", "one", 3, XATTR_CREATE), 0);
	CHECK_FAILS(EEXIST, setxattr(path, "user.a", "two", 3, XATTR_CREATE));
	cr_assert_eq(getxattr(path, "user.a", value, sizeof value), 3);
	cr_assert_eq(memcmp(value, "one", 3), 0);
	sem_stop(&d);
}

SEM_FACT(setxattr, replace_of_what_is_not_there_is_enodata)
{
	struct daemon d;
	char *path = start_with_file(&d, backend), value[8];

	CHECK_FAILS(ENODATA, setxattr(path, "user.a", "one", 3, XATTR_REPLACE));
	CHECK_FAILS(ENODATA, getxattr(path, "user.a", value, sizeof value));
	cr_assert_eq(setxattr(path, "user.a", "one", 3, 0), 0);
	cr_assert_eq(setxattr(path, "user.a", "three", 5, XATTR_REPLACE), 0);
	cr_assert_eq(getxattr(path, "user.a", value, sizeof value), 5);
	cr_assert_eq(memcmp(value, "three", 5), 0);
	CHECK_FAILS(ENODATA, removexattr(path, "user.b"));
	cr_assert_eq(removexattr(path, "user.a"), 0);
	CHECK_FAILS(ENODATA, getxattr(path, "user.a", value, sizeof value));
	sem_stop(&d);
}

SEM_FACT(getxattr, size_0_asks_for_the_length_and_too_little_room_is_erange)
{
	struct daemon d;
	char *path = start_with_file(&d, backend), value[8] = "untouch";

	cr_assert_eq(setxattr(path, "user.a", "12345", 5, 0), 0);
	cr_assert_eq(getxattr(path, "user.a", NULL, 0), 5);
	cr_assert_eq(getxattr(path, "user.a", value, 0), 5);
	cr_assert_str_eq(value, "untouch");
	CHECK_FAILS(ERANGE, getxattr(path, "user.a", value, 1));
	CHECK_FAILS(ERANGE, getxattr(path, "user.a", value, 4));
	cr_assert_eq(getxattr(path, "user.a", value, 5), 5);
	cr_assert_eq(getxattr(path, "user.a", value, 6), 5);
	cr_assert_eq(setxattr(path, "user.empty", "", 0, 0), 0);
	cr_assert_eq(getxattr(path, "user.empty", NULL, 0), 0);
	cr_assert_eq(getxattr(path, "user.empty", value, 1), 0);
	CHECK_FAILS(ENODATA, getxattr(path, "user.none", NULL, 0));
	sem_stop(&d);
}

SEM_FACT(getxattr, the_longest_value_comes_back_whole)
{
	struct daemon d;
	char *path = start_with_file(&d, backend);
	char *value = malloc(XATTR_SIZE_MAX), *back = malloc(XATTR_SIZE_MAX);

	for (size_t i = 0; i < XATTR_SIZE_MAX; i++)
		value[i] = (char)(i * 7);
	cr_assert_eq(setxattr(path, "user.big", value, XATTR_SIZE_MAX, 0), 0, "%s",
		     strerror(errno));
	cr_assert_eq(getxattr(path, "user.big", NULL, 0), XATTR_SIZE_MAX);
	CHECK_FAILS(ERANGE, getxattr(path, "user.big", back, XATTR_SIZE_MAX - 1));
	cr_assert_eq(getxattr(path, "user.big", back, XATTR_SIZE_MAX), XATTR_SIZE_MAX);
	cr_assert_eq(memcmp(value, back, XATTR_SIZE_MAX), 0);
	sem_stop(&d);
}

SEM_FACT(listxattr, size_0_asks_for_the_length_and_too_little_room_is_erange)
{
	struct daemon d;
	char *path = start_with_file(&d, backend), list[64];

	cr_assert_eq(listxattr(path, NULL, 0), 0);
	cr_assert_eq(listxattr(path, list, sizeof list), 0);
	cr_assert_eq(setxattr(path, "user.first", "", 0, 0), 0);
	cr_assert_eq(setxattr(path, "user.second", "", 0, 0), 0);
	cr_assert_eq(listxattr(path, NULL, 0), 11 + 12);
	CHECK_FAILS(ERANGE, listxattr(path, list, 1));
	CHECK_FAILS(ERANGE, listxattr(path, list, 22));
	cr_assert_eq(listxattr(path, list, 23), 23);
	cr_assert_eq(memcmp(list, "user.first\0user.second", 23), 0);
	sem_stop(&d);
}

/* ---- statfs ---- */

SEM_FACT(statfs, tells_the_longest_name_and_all_that_the_handler_said)
{
	struct statvfs vfs;
	struct daemon d;
	char name[256];

	sem_start(&d, backend, NULL);
	cr_assert_eq(statvfs(d.mnt, &vfs), 0);
	cr_assert_eq(vfs.f_namemax, 200);
	cr_assert_eq(vfs.f_bsize, 8192);
	cr_assert_eq(vfs.f_frsize, 512);
	cr_assert_eq(vfs.f_blocks, 1000001);
	cr_assert_eq(vfs.f_bfree, 1000002);
	cr_assert_eq(vfs.f_bavail, 1000003);
	cr_assert_eq(vfs.f_files, 1000004);
	cr_assert_eq(vfs.f_ffree, 1000005);
	memset(name, 'n', sizeof name);
	name[200] = '\0';
	close(files_create(daemon_path(&d, "%s", name)));
	name[200] = 'n';
	name[201] = '\0';
	cr_assert_eq(files_stat_errno(daemon_path(&d, "%s", name)), ENAMETOOLONG);
	sem_stop(&d);
}

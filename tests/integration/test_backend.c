/*
 * What the daemon answers for a backend that has the least: DESIGN's rules on absent operations.
 */
#include "daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static void start(struct daemon *d)
{
	*d = (struct daemon){.testfs = true, .backend = "nullfs"};
	daemon_start(d, NULL);
}

FACT(backend, the_least_backend_is_read_and_listed)
{
	struct daemon d;
	char buf[8192];
	unsigned n = 0;
	DIR *dir;
	int fd;

	start(&d);
	fd = open(daemon_path(&d, "f"), O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s", strerror(errno));
	cr_assert_eq(read(fd, buf, sizeof buf), 4096);
	cr_assert_eq(fsync(fd), 0, "%s", strerror(errno));
	cr_assert_eq(close(fd), 0);
	dir = opendir(d.mnt);
	cr_assert_not_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		n += strcmp(entry->d_name, "f") == 0;
	closedir(dir);
	cr_assert_eq(n, 1);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(backend, absent_operations_are_refused_each_time)
{
	struct daemon d;
	char *f;

	start(&d);
	f = daemon_path(&d, "f");
	for (int round = 0; round < 2; round++) {
		cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), -1);
		cr_assert_eq(errno, EOPNOTSUPP);
		cr_assert_eq(unlink(f), -1);
		cr_assert_eq(errno, EOPNOTSUPP);
		cr_assert_eq(chmod(f, 0600), -1);
		cr_assert_eq(errno, EOPNOTSUPP);
		cr_assert_eq(symlink("x", daemon_path(&d, "link")), -1);
		cr_assert_eq(errno, EOPNOTSUPP);
		cr_assert_eq(link(f, daemon_path(&d, "link")), -1);
		cr_assert_eq(errno, EPERM);
		cr_assert_eq(setxattr(f, "user.a", "b", 1, 0), -1);
		cr_assert_eq(errno, EOPNOTSUPP);
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(backend, an_absent_statfs_still_tells_the_longest_name)
{
	struct daemon d;
	struct statvfs vfs;

	start(&d);
	cr_assert_eq(statvfs(d.mnt, &vfs), 0);
	cr_assert_eq(vfs.f_blocks, 0);
	cr_assert_eq(vfs.f_namemax, 255);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* Had the kernel seen ENOSYS, it would never ask again. */
FACT(backend, enosys_of_a_handler_becomes_eopnotsupp_and_the_next_call_arrives)
{
	struct counters before, after;
	struct daemon d;
	char buf[8];

	start(&d);
	counters_read(&d, &before);
	for (int round = 0; round < 3; round++) {
		cr_assert_eq(getxattr(daemon_path(&d, "f"), "user.a", buf, sizeof buf), -1);
		cr_assert_eq(errno, EOPNOTSUPP);
	}
	counters_read(&d, &after);
	cr_assert_eq(counters_of(&after, "GETXATTR") - counters_of(&before, "GETXATTR"), 3);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/*
 * The rules on handlers that are left out, and on ENOSYS.
 */
#include "sem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

#define ROUNDS 3

/* ---- calls: they return 0 or an errno value ---- */

static const struct daemon *mount;

static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

static int on_open_file(int (*fn)(int fd), int flags)
{
	int fd = open(daemon_path(mount, "f"), flags | O_CLOEXEC, 0644), ret;

	if (fd < 0)
		return errno;
	ret = fn(fd);
	close(fd);
	return ret;
}

static int nothing(int fd)
{
	(void)fd;
	return 0;
}

static int sync_it(int fd)
{
	return errno_of(fsync(fd));
}

static int seek_it(int fd)
{
	return errno_of(lseek(fd, 0, SEEK_HOLE));
}

static int allocate_it(int fd)
{
	return errno_of(fallocate(fd, 0, 0, 4096));
}

static int copy_it(int fd)
{
	off_t from = 0, to = 2048;

	return errno_of(copy_file_range(fd, &from, fd, &to, 10, 0));
}

static int poll_it(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 1000) == 1 ? 0 : ETIMEDOUT;
}

static int ask_it(int fd)
{
	int number;

	return errno_of(ioctl(fd, _IOR('x', 1, int), &number));
}

static int read_it(int fd)
{
	char buf[16];

	return errno_of(pread(fd, buf, sizeof buf, 0));
}

static int write_it(int fd)
{
	return errno_of(pwrite(fd, "x", 1, 0));
}

static int do_open(void)
{
	return on_open_file(nothing, O_RDONLY);
}

static int do_fsync(void)
{
	return on_open_file(sync_it, O_RDWR);
}

static int do_lseek(void)
{
	return on_open_file(seek_it, O_RDONLY);
}

static int do_fallocate(void)
{
	return on_open_file(allocate_it, O_RDWR);
}

static int do_copy(void)
{
	return on_open_file(copy_it, O_RDWR);
}

static int do_poll(void)
{
	return on_open_file(poll_it, O_RDONLY);
}

static int do_ioctl(void)
{
	return on_open_file(ask_it, O_RDONLY);
}

static int do_read(void)
{
	return on_open_file(read_it, O_RDONLY | O_DIRECT);
}

static int do_write(void)
{
	return on_open_file(write_it, O_WRONLY);
}

static int do_list(void)
{
	DIR *dir = opendir(mount->mnt);

	if (!dir)
		return errno;
	errno = 0;
	while (readdir(dir))
		;
	if (errno != 0)
		return errno;
	return errno_of(closedir(dir));
}

static int do_fsyncdir(void)
{
	int fd = open(mount->mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (fd < 0)
		return errno;
	ret = errno_of(fsync(fd));
	close(fd);
	return ret;
}

static int do_create(void)
{
	int fd = open(daemon_path(mount, "new"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? errno : errno_of(close(fd));
}

static int do_tmpfile(void)
{
	int fd = open(mount->mnt, O_RDWR | O_TMPFILE | O_CLOEXEC, 0644);

	return fd < 0 ? errno : errno_of(close(fd));
}

static int do_access(void)
{
	return errno_of(access(daemon_path(mount, "f"), R_OK));
}

static int do_link(void)
{
	return errno_of(link(daemon_path(mount, "f"), daemon_path(mount, "new")));
}

static int do_rename(void)
{
	return errno_of(rename(daemon_path(mount, "f"), daemon_path(mount, "new")));
}

static int do_rename2(void)
{
	return errno_of(renameat2(AT_FDCWD, daemon_path(mount, "f"), AT_FDCWD,
				  daemon_path(mount, "new"), 1));
}

static int do_symlink(void)
{
	return errno_of(symlink("target", daemon_path(mount, "new")));
}

static int do_mkdir(void)
{
	return errno_of(mkdir(daemon_path(mount, "new"), 0755));
}

static int do_mknod(void)
{
	return errno_of(mknod(daemon_path(mount, "new"), S_IFIFO | 0644, 0));
}

static int do_unlink(void)
{
	return errno_of(unlink(daemon_path(mount, "f")));
}

static int do_rmdir(void)
{
	return errno_of(rmdir(daemon_path(mount, "dir")));
}

static int do_chmod(void)
{
	return errno_of(chmod(daemon_path(mount, "f"), 0600));
}

static int do_readlink(void)
{
	char buf[16];

	return errno_of(readlink(daemon_path(mount, "link"), buf, sizeof buf));
}

static int do_stat(void)
{
	return files_stat_errno(daemon_path(mount, "f"));
}

static int do_lookup(void)
{
	return files_stat_errno(daemon_path(mount, "absent"));
}

static int do_statfs(void)
{
	struct statvfs vfs;

	return errno_of(statvfs(mount->mnt, &vfs));
}

static int do_setxattr(void)
{
	return errno_of(setxattr(daemon_path(mount, "f"), "user.a", "v", 1, 0));
}

static int do_getxattr(void)
{
	char buf[16];

	return errno_of(getxattr(daemon_path(mount, "f"), "user.a", buf, sizeof buf));
}

static int do_listxattr(void)
{
	char buf[16];

	return errno_of(listxattr(daemon_path(mount, "f"), buf, sizeof buf));
}

static int do_removexattr(void)
{
	return errno_of(removexattr(daemon_path(mount, "f"), "user.a"));
}

struct row {
	const char *op; /* of the message */
	int (*call)(void);
	int error;
};

static void check_row(const struct daemon *d, const struct row *row, unsigned long most,
		      unsigned long least)
{
	unsigned long asked = sem_messages(d, row->op);

	for (int round = 0; round < ROUNDS; round++) {
		int error = row->call();

		cr_assert_eq(error, row->error, "%s: %s", row->op, strerror(error));
	}
	asked = sem_messages(d, row->op) - asked;
	cr_assert(asked <= most && asked >= least, "%s was asked %lu times", row->op, asked);
}

/* ---- left out ---- */

static void start_the_least(struct daemon *d)
{
	*d = (struct daemon){.testfs = true, .backend = "nullfs"};
	daemon_start(d, "-o", "no_allow_other", NULL);
	mount = d;
}

FACT(absent, what_the_kernel_remembers_is_asked_at_most_once)
{
	static const struct row rows[] = {
		{"OPEN", do_open, 0},
		{"FLUSH", do_open, 0},
		{"CREATE", do_create, EOPNOTSUPP},
		{"TMPFILE", do_tmpfile, EOPNOTSUPP},
		{"FSYNC", do_fsync, 0},
		{"OPENDIR", do_list, 0},
		{"FSYNCDIR", do_fsyncdir, 0},
		{"ACCESS", do_access, 0},
		{"LINK", do_link, EPERM},
		{"RENAME2", do_rename2, EINVAL},
		{"LISTXATTR", do_listxattr, EOPNOTSUPP},
		{"REMOVEXATTR", do_removexattr, EOPNOTSUPP},
		{"POLL", do_poll, 0},
		{"FALLOCATE", do_fallocate, EOPNOTSUPP},
		{"LSEEK", do_lseek, 0},
		/* and then the kernel reads and writes, which is absent, too */
		{"COPY_FILE_RANGE_64", do_copy, EOPNOTSUPP},
		{"COPY_FILE_RANGE", do_copy, EOPNOTSUPP},
	};
	struct daemon d;

	start_the_least(&d);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_row(&d, &rows[i], 1, 0);
	cr_assert_eq(sem_messages(&d, "RELEASE"), 0, "nothing was opened");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(absent, what_must_not_be_remembered_is_asked_each_time)
{
	static const struct row rows[] = {
		/* else fuse_stacktrace would not arrive */
		{"SETXATTR", do_setxattr, EOPNOTSUPP}, {"RENAME", do_rename, EOPNOTSUPP},
		{"SYMLINK", do_symlink, EOPNOTSUPP},   {"MKDIR", do_mkdir, EOPNOTSUPP},
		{"MKNOD", do_mknod, EOPNOTSUPP},       {"UNLINK", do_unlink, EOPNOTSUPP},
		{"SETATTR", do_chmod, EOPNOTSUPP},     {"WRITE", do_write, EOPNOTSUPP},
		{"IOCTL", do_ioctl, ENOTTY},           {"STATFS", do_statfs, 0},
	};
	struct daemon d;

	start_the_least(&d);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_row(&d, &rows[i], ROUNDS, ROUNDS);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(absent, locks_are_kept_by_the_kernel_without_asking)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct daemon d;
	int fd;

	start_the_least(&d);
	fd = open(daemon_path(&d, "f"), O_RDWR | O_CLOEXEC);
	SEM_MESSAGES(&d, "", {
		cr_assert_eq(fcntl(fd, F_SETLK, &lock), 0, "%s", strerror(errno));
		cr_assert_eq(fcntl(fd, F_GETLK, &lock), 0);
	});
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/* ---- ENOSYS from a handler ---- */

struct failing {
	const char *handler;
	struct row row;
};

/* The kernel would never send most of these again, had it seen the ENOSYS. */
SEM_FACT(absent, a_handler_cannot_switch_a_request_off_by_returning_enosys)
{
	static const struct failing rows[] = {
		{"lookup", {"LOOKUP", do_lookup, EOPNOTSUPP}},
		{"setattr", {"SETATTR", do_chmod, EOPNOTSUPP}},
		{"readlink", {"READLINK", do_readlink, EOPNOTSUPP}},
		{"symlink", {"SYMLINK", do_symlink, EOPNOTSUPP}},
		{"mknod", {"MKNOD", do_mknod, EOPNOTSUPP}},
		{"mkdir", {"MKDIR", do_mkdir, EOPNOTSUPP}},
		{"unlink", {"UNLINK", do_unlink, EOPNOTSUPP}},
		{"rmdir", {"RMDIR", do_rmdir, EOPNOTSUPP}},
		{"rename", {"RENAME", do_rename, EOPNOTSUPP}},
		{"rename", {"RENAME2", do_rename2, EOPNOTSUPP}},
		{"link", {"LINK", do_link, EOPNOTSUPP}},
		{"open", {"OPEN", do_open, EOPNOTSUPP}},
		{"create", {"CREATE", do_create, EOPNOTSUPP}},
		{"tmpfile", {"TMPFILE", do_tmpfile, EOPNOTSUPP}},
		{"read", {"READ", do_read, EOPNOTSUPP}},
		{"write", {"WRITE", do_write, EOPNOTSUPP}},
		{"fsync", {"FSYNC", do_fsync, EOPNOTSUPP}},
		{"opendir", {"OPENDIR", do_list, EOPNOTSUPP}},
		{"fsyncdir", {"FSYNCDIR", do_fsyncdir, EOPNOTSUPP}},
		{"statfs", {"STATFS", do_statfs, EOPNOTSUPP}},
		{"setxattr", {"SETXATTR", do_setxattr, EOPNOTSUPP}},
		{"getxattr", {"GETXATTR", do_getxattr, EOPNOTSUPP}},
		{"listxattr", {"LISTXATTR", do_listxattr, EOPNOTSUPP}},
		{"removexattr", {"REMOVEXATTR", do_removexattr, EOPNOTSUPP}},
		{"access", {"ACCESS", do_access, EOPNOTSUPP}},
	};
	struct daemon d;

	sem_start(&d, backend, "-o", "no_allow_other", NULL);
	mount = &d;
	sem_put(&d, "f", "text");
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	cr_assert_eq(symlink("target", daemon_path(&d, "link")), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		sem_control("fail %s %d", rows[i].handler, ENOSYS);
		check_row(&d, &rows[i].row, ROUNDS, ROUNDS);
		sem_control("fail %s 0", rows[i].handler);
	}
	/* each works again as soon as its handler does */
	cr_assert_eq(do_open(), 0);
	cr_assert_eq(do_fsync(), 0);
	cr_assert_eq(do_list(), 0);
	cr_assert_eq(do_setxattr(), 0);
	cr_assert_eq(do_getxattr(), 0);
	cr_assert_eq(do_removexattr(), 0);
	cr_assert_eq(do_create(), 0);
	cr_assert_eq(do_rename(), 0);
	sem_stop(&d);
}

SEM_FACT(absent, getattr_and_flush_are_asked_for_again_after_enosys)
{
	struct daemon d;

	sem_start(&d, backend, "-o", "attr_timeout=0", NULL);
	mount = &d;
	sem_put(&d, "f", "text");
	sem_control("fail getattr %d", ENOSYS);
	check_row(&d, &(struct row){"GETATTR", do_stat, EOPNOTSUPP}, ROUNDS, ROUNDS);
	sem_control("fail getattr 0");
	sem_control("fail flush %d", ENOSYS);
	check_row(&d, &(struct row){"FLUSH", do_open, 0}, ROUNDS, ROUNDS);
	sem_stop(&d);
}

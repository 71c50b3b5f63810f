/*
 * Requests that are answered later and by another thread, each kind of them: to a caller there is
 * no difference.  See testfs/laterfs.c.
 */
#include "callers.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/falloc.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A fact for one thread that runs handlers, for several, and for answers that overtake handlers. */
#define LATER_FACT(name) \
	static void check_##name(const struct daemon *d); \
	static void run_##name(const char *workers, const char *option) \
	{ \
		struct daemon d = {.testfs = true, .backend = "laterfs"}; \
		daemon_start(&d, workers, option, NULL); \
		check_##name(&d); \
		finish(&d); \
	} \
	FACT(later, name##_with_one_worker) \
	{ \
		run_##name("--workers=1", "-odelay=1000"); \
	} \
	FACT(later, name##_with_four_workers) \
	{ \
		run_##name("--workers=4", "-odelay=1000"); \
	} \
	FACT(later, name##_without_delay) \
	{ \
		run_##name("--workers=2", "-odelay=0"); \
	} \
	static void check_##name(const struct daemon *d)

/* How often the backend gave this kind of answer; it says so at its end. */
static unsigned long answers(const struct daemon *d, const char *kind)
{
	char *log = daemon_log(d, 0), *line = strstr(log, "laterfs: "), pattern[32], *at;
	unsigned long n;

	cr_assert_not_null(line);
	snprintf(pattern, sizeof pattern, " %s=", kind);
	at = strstr(line, pattern);
	cr_assert_not_null(at, "no %s", kind);
	n = strtoul(at + strlen(pattern), NULL, 10);
	free(log);
	return n;
}

static unsigned long lookups(const struct daemon *d)
{
	struct statvfs vfs;

	cr_assert_eq(statvfs(d->mnt, &vfs), 0, "%s", strerror(errno));
	return vfs.f_files;
}

static void finish(const struct daemon *d)
{
	files_forget(d);
	cr_assert(eventually(lookups(d) == 0), "%lu lookups are not forgotten", lookups(d));
	cr_assert_eq(daemon_unmount(d), 0);
	cr_assert_eq(answers(d, "refused"), 0);
}

static int create(const struct daemon *d, const char *name, const char *text)
{
	int fd = files_create(daemon_path(d, "%s", name));

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text), "%s", strerror(errno));
	return fd;
}

/* ---- names ---- */

LATER_FACT(names_are_made_found_and_removed)
{
	char *f, *g, *s, text[16] = "";
	struct stat st;
	int fd;

	cr_assert_eq(mkdir(daemon_path(d, "d"), 0750), 0, "%s", strerror(errno));
	cr_assert_eq(stat(daemon_path(d, "d"), &st), 0);
	cr_assert_eq(st.st_mode, S_IFDIR | 0750);
	f = daemon_path(d, "d/f");
	g = daemon_path(d, "d/g");
	s = daemon_path(d, "d/s");
	close(create(d, "d/f", "x"));
	cr_assert_eq(open(f, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600), -1);
	cr_assert_eq(errno, EEXIST);
	cr_assert_eq(mknod(daemon_path(d, "d/p"), S_IFIFO | 0600, 0), 0, "%s", strerror(errno));
	cr_assert_eq(stat(daemon_path(d, "d/p"), &st), 0);
	cr_assert_eq(st.st_mode, S_IFIFO | 0600);
	cr_assert_eq(symlink("where", s), 0);
	cr_assert_eq(readlink(s, text, sizeof text - 1), 5);
	cr_assert_str_eq(text, "where");
	cr_assert_eq(link(f, g), 0);
	cr_assert_eq(stat(f, &st), 0);
	cr_assert_eq(st.st_nlink, 2);
	cr_assert_eq(renameat2(AT_FDCWD, g, AT_FDCWD, f, RENAME_NOREPLACE), -1);
	cr_assert_eq(errno, EEXIST);
	cr_assert_eq(rename(s, g), 0);
	cr_assert_eq(files_stat_errno(s), ENOENT);
	cr_assert_eq(stat(f, &st), 0);
	cr_assert_eq(st.st_nlink, 1);
	cr_assert_eq(rmdir(daemon_path(d, "d")), -1);
	cr_assert_eq(errno, ENOTEMPTY);
	cr_assert_eq(unlink(f), 0);
	cr_assert_eq(unlink(g), 0);
	cr_assert_eq(unlink(daemon_path(d, "d/p")), 0);
	cr_assert_eq(unlink(f), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(rmdir(daemon_path(d, "d")), 0);
	fd = open(d->mnt, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	cr_assert(fd >= 0, "%s", strerror(errno));
	cr_assert_eq(write(fd, "t", 1), 1);
	cr_assert_eq(files_stat(fd).st_nlink, 0);
	close(fd);
}

/* ---- attributes ---- */

LATER_FACT(attributes_and_statfs_are_told)
{
	struct timespec times[2] = {{0, UTIME_OMIT}, {-5, 999999999}};
	int fd = create(d, "f", "hello");
	struct statvfs vfs;
	struct stat st;

	cr_assert_eq(fchmod(fd, 0604), 0);
	cr_assert_eq(futimens(fd, times), 0);
	st = files_stat(fd);
	cr_assert_eq(st.st_mode, S_IFREG | 0604);
	cr_assert_eq(st.st_size, 5);
	cr_assert_eq(st.st_mtim.tv_sec, -5);
	cr_assert_eq(st.st_mtim.tv_nsec, 999999999);
	cr_assert_eq(ftruncate(fd, 100000), -1);
	cr_assert_eq(errno, EFBIG);
	cr_assert_eq(statvfs(d->mnt, &vfs), 0);
	cr_assert_eq(vfs.f_blocks, 4711);
	cr_assert_eq(vfs.f_namemax, 63);
	close(fd);
}

LATER_FACT(extended_attributes_are_probed_and_read)
{
	char *f = daemon_path(d, "f"), text[16] = "";

	close(create(d, "f", ""));
	cr_assert_eq(getxattr(f, "user.a", text, sizeof text), -1);
	cr_assert_eq(errno, ENODATA);
	cr_assert_eq(listxattr(f, NULL, 0), 0);
	cr_assert_eq(setxattr(f, "user.a", "value", 5, 0), 0, "%s", strerror(errno));
	cr_assert_eq(getxattr(f, "user.a", NULL, 0), 5);
	cr_assert_eq(getxattr(f, "user.a", text, 2), -1);
	cr_assert_eq(errno, ERANGE);
	cr_assert_eq(getxattr(f, "user.a", text, sizeof text), 5);
	cr_assert_str_eq(text, "value");
	cr_assert_eq(listxattr(f, NULL, 0), 7);
	cr_assert_eq(listxattr(f, text, 3), -1);
	cr_assert_eq(errno, ERANGE);
	cr_assert_eq(listxattr(f, text, sizeof text), 7);
	cr_assert_str_eq(text, "user.a");
	cr_assert_eq(removexattr(f, "user.a"), 0);
	cr_assert_eq(removexattr(f, "user.a"), -1);
	cr_assert_eq(errno, ENODATA);
}

/* ---- data ---- */

LATER_FACT(data_is_read_and_written)
{
	static char text[60000], back[70000];
	int fd = create(d, "f", ""), to = create(d, "to", "");
	off_t from = 100, at = 7;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i % 241);
	cr_assert_eq(pwrite(fd, text, sizeof text, 0), (ssize_t)sizeof text);
	cr_assert_eq(fsync(fd), 0);
	files_forget_data(fd);
	cr_assert_eq(pread(fd, back, sizeof back, 0), (ssize_t)sizeof text);
	cr_assert_eq(memcmp(text, back, sizeof text), 0);
	cr_assert_eq(pwrite(fd, text, 10, 65530), 6, "half of it fits");
	cr_assert_eq(fallocate(fd, 0, 0, 65536), 0);
	cr_assert_eq(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10), -1);
	cr_assert_eq(errno, EOPNOTSUPP);
	cr_assert_eq(copy_file_range(fd, &from, to, &at, 1000, 0), 1000);
	cr_assert_eq(pread(to, back, sizeof back, 0), 1007);
	cr_assert_eq(memcmp(back + 7, text + 100, 1000), 0);
	cr_assert_eq(lseek(to, 5, SEEK_DATA), 5);
	cr_assert_eq(lseek(to, 5, SEEK_HOLE), 1007);
	cr_assert_eq(lseek(to, 1007, SEEK_DATA), -1);
	cr_assert_eq(errno, ENXIO);
	close(to);
	cr_assert_eq(close(fd), 0);
}

LATER_FACT(directories_are_listed_with_and_without_attributes)
{
	enum { FILES = 60 };
	struct counters c;
	unsigned seen = 0;
	struct stat st;
	char name[64];
	DIR *dir;

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "a-rather-long-name-of-a-file-%d", i);
		close(create(d, name, ""));
	}
	files_forget(d);
	/* the kernel asks for attributes at first, and when they are looked at */
	for (int round = 0; round < 2; round++) {
		dir = opendir(d->mnt);
		cr_assert_not_null(dir);
		for (const struct dirent *entry; (entry = readdir(dir)); seen++)
			if (round == 0 && seen % 8 == 0)
				cr_assert_eq(stat(daemon_path(d, "%s", entry->d_name), &st), 0);
		cr_assert_eq(fsync(dirfd(dir)), 0);
		closedir(dir);
	}
	cr_assert_eq(seen, 2 * FILES);
	counters_read(d, &c);
	cr_assert(counters_of(&c, "READDIRPLUS") > 0, "%s", c.line);
	cr_assert(counters_of(&c, "READDIR") > 0, "%s", c.line);
}

/* ---- the rest ---- */

static int conflict_of(void *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fcntl(fd, F_GETLK, &lock) < 0)
		return errno;
	return lock.l_type == F_WRLCK && lock.l_start == 7 && lock.l_len == 5 ? 0 : EPROTO;
}

LATER_FACT(locks_ioctl_and_poll_are_answered)
{
	struct pollfd pfd = {.fd = create(d, "f", ""), .events = POLLIN | POLLPRI};
	uint32_t number = 41;

	cr_assert_eq(callers_lock(pfd.fd, F_SETLK, F_WRLCK), 0);
	cr_assert_eq(harness_as(0, callers_try_lock, daemon_path(d, "f")), EAGAIN);
	cr_assert_eq(harness_as(0, conflict_of, daemon_path(d, "f")), 0);
	cr_assert_eq(callers_lock(pfd.fd, F_SETLK, F_UNLCK), 0);
	cr_assert_eq(harness_as(0, callers_try_lock, daemon_path(d, "f")), 0);
	cr_assert_eq(ioctl(pfd.fd, _IOWR('L', 1, uint32_t), &number), 5);
	cr_assert_eq(number, 42);
	cr_assert_eq(ioctl(pfd.fd, _IO('L', 2)), -1);
	cr_assert_eq(errno, ENOTTY);
	cr_assert_eq(poll(&pfd, 1, 0), 1);
	cr_assert_eq(pfd.revents, POLLPRI);
	close(pfd.fd);
}

struct client {
	const struct daemon *d;
	int number;
};

static int work(void *arg)
{
	const struct client *client = arg;
	char name[32], text[32] = "";

	for (int i = 0; i < 25; i++) {
		int fd;

		snprintf(name, sizeof name, "f%d-%d", client->number, i);
		fd = open(daemon_path(client->d, "%s", name), O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || write(fd, name, strlen(name)) < 0 || close(fd) < 0)
			return errno;
		fd = open(daemon_path(client->d, "%s", name), O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof text - 1) < 0 || close(fd) < 0)
			return errno;
		if (strncmp(text, name, strlen(name)) != 0)
			return EPROTO;
		if (unlink(daemon_path(client->d, "%s", name)) < 0)
			return errno;
	}
	return 0;
}

LATER_FACT(four_clients_at_once_get_their_own_answers)
{
	struct client client[4];
	pid_t pid[4];

	for (int i = 0; i < 4; i++) {
		client[i] = (struct client){d, i};
		pid[i] = harness_fork(work, &client[i]);
	}
	for (int i = 0; i < 4; i++)
		cr_assert_eq(harness_reap(pid[i], 15000), 0);
}

/* ---- the end ---- */

FACT(later, each_kind_of_answer_was_given)
{
	static const char *const kinds[] = {
		"error", "entry",   "create", "attr", "open",  "data", "xattr_size",
		"write", "readdir", "statfs", "lock", "ioctl", "poll", "number",
	};
	struct daemon d = {.testfs = true, .backend = "laterfs"};

	daemon_start(&d, "--workers=4", "-odelay=200", NULL);
	check_names_are_made_found_and_removed(&d);
	check_extended_attributes_are_probed_and_read(&d);
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	check_data_is_read_and_written(&d);
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	cr_assert_eq(unlink(daemon_path(&d, "to")), 0);
	check_locks_ioctl_and_poll_are_answered(&d);
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	check_directories_are_listed_with_and_without_attributes(&d);
	finish(&d);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		cr_assert(answers(&d, kinds[i]) > 0, "%s was never given", kinds[i]);
}

FACT(later, the_end_answers_for_those_that_wait_and_refuses_the_late)
{
	struct daemon d = {.testfs = true, .backend = "laterfs"};
	pid_t caller;

	daemon_start(&d, "--stop-timeout=0", "-odelay=3000000", NULL);
	caller = harness_fork(files_stat_errno, daemon_path(&d, "absent"));
	cr_assert(eventually(callers_dump_has(&d, " pending=1")));
	cr_assert_eq(daemon_stop(&d), 0);
	cr_assert_eq(harness_reap(caller, 5000), EIO);
	cr_assert_eq(answers(&d, "refused"), 1);
}

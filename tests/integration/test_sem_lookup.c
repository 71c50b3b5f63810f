/*
 * The rules on lookup: what counts, what absence means, and the names "." and "..".
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

SEM_FACT(lookup, success_raises_the_count_by_one)
{
	unsigned long count, messages;
	struct daemon d;
	struct stat st;
	int fd;

	/* names are good for no time at all: each use asks */
	sem_start(&d, backend, "-o", "entry_timeout=0", NULL);
	fd = files_create(daemon_path(&d, "f"));
	count = sem_count(fd);
	messages = sem_messages(&d, "LOOKUP");
	for (int i = 0; i < 7; i++)
		cr_assert_eq(stat(daemon_path(&d, "f"), &st), 0);
	cr_assert_eq(sem_messages(&d, "LOOKUP") - messages, 7);
	cr_assert_eq(sem_count(fd) - count, 7);
	close(fd);
	sem_stop(&d);
}

/* ---- ops that make a name ---- */

/* They return what must stay open until the count was looked at, or -1. */
static int make_by_create(const struct daemon *d)
{
	return files_create(daemon_path(d, "created"));
}

static int make_by_mknod(const struct daemon *d)
{
	cr_assert_eq(mknod(daemon_path(d, "fifo"), S_IFIFO | 0644, 0), 0);
	return -1;
}

static int make_by_mkdir(const struct daemon *d)
{
	cr_assert_eq(mkdir(daemon_path(d, "dir"), 0755), 0);
	return -1;
}

static int make_by_symlink(const struct daemon *d)
{
	cr_assert_eq(symlink("target", daemon_path(d, "symlink")), 0);
	return -1;
}

static int make_by_link(const struct daemon *d)
{
	cr_assert_eq(link(daemon_path(d, "created"), daemon_path(d, "link")), 0);
	return -1;
}

static int make_by_tmpfile(const struct daemon *d)
{
	return open(d->mnt, O_RDWR | O_TMPFILE | O_CLOEXEC, 0644);
}

SEM_FACT(lookup, each_op_that_makes_an_inode_or_a_name_raises_the_count_by_one)
{
	static const struct {
		int (*make)(const struct daemon *d);
		const char *calls;
	} rows[] = {
		{make_by_create, "calls.create"}, {make_by_mknod, "calls.mknod"},
		{make_by_mkdir, "calls.mkdir"},   {make_by_symlink, "calls.symlink"},
		{make_by_link, "calls.link"},     {make_by_tmpfile, "calls.tmpfile"},
	};
	struct daemon d;

	sem_start(&d, backend, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned long lookups = sem_value("lookups");
		int fd = rows[i].make(&d);

		cr_assert_eq(sem_value(rows[i].calls), 1, "%s", rows[i].calls);
		cr_assert_eq(sem_value("lookups") - lookups, 1, "%s", rows[i].calls);
		if (fd >= 0)
			close(fd);
	}
	sem_stop(&d);
}

SEM_FACT(lookup, create_gets_the_flags_of_open)
{
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	fd = open(daemon_path(&d, "a"), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	cr_assert(fd >= 0);
	close(fd);
	cr_assert_str_eq(sem_noted("create", "access"), "1");
	cr_assert_str_eq(sem_noted("create", "append"), "1");
	cr_assert_str_eq(sem_noted("create", "excl"), "1");
	cr_assert_str_eq(sem_noted("create", "mode"), "100640");
	fd = open(daemon_path(&d, "b"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(fd >= 0);
	close(fd);
	cr_assert_str_eq(sem_noted("create", "access"), "2");
	cr_assert_str_eq(sem_noted("create", "append"), "0");
	cr_assert_str_eq(sem_noted("create", "excl"), "0");
	sem_stop(&d);
}

/* ---- absent names ---- */

SEM_FACT(lookup, enoent_is_asked_for_again_each_time)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	SEM_MESSAGES(&d, "LOOKUP+10", {
		for (int i = 0; i < 10; i++)
			cr_assert_eq(files_stat_errno(daemon_path(&d, "absent")), ENOENT);
	});
	sem_stop(&d);
}

SEM_FACT(lookup, inode_0_makes_the_kernel_remember_the_absence)
{
	struct daemon d;

	sem_start(&d, backend, "-o", "negative_timeout=18446744073709551615", NULL);
	SEM_MESSAGES(&d, "LOOKUP+1",
		     cr_assert_eq(files_stat_errno(daemon_path(&d, "absent")), ENOENT));
	SEM_MESSAGES(&d, "", {
		for (int i = 0; i < 10; i++)
			cr_assert_eq(files_stat_errno(daemon_path(&d, "absent")), ENOENT);
	});
	/* what is made there is there at once, and gone again at once */
	sem_put(&d, "absent", "");
	cr_assert_eq(files_stat_errno(daemon_path(&d, "absent")), 0);
	cr_assert_eq(unlink(daemon_path(&d, "absent")), 0);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "absent")), ENOENT);
	/* an absence is no inode: it is not counted, and not forgotten */
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 0));
	sem_stop(&d);
}

/* ---- "." and ".." ---- */

struct handle {
	struct file_handle head;
	unsigned char bytes[MAX_HANDLE_SZ];
};

SEM_FACT(lookup, dot_and_dot_dot_are_answered_where_file_handles_are_opened)
{
	struct handle handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount_fd, fd, mount_id;
	char link[64], path[512];
	struct daemon d;
	struct stat before, after;
	ssize_t n;

	sem_start(&d, backend, NULL);
	mount_fd = open(d.mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(mkdir(daemon_path(&d, "a"), 0755), 0);
	cr_assert_eq(mkdir(daemon_path(&d, "a/b"), 0755), 0);
	cr_assert_eq(stat(daemon_path(&d, "a/b"), &before), 0);
	cr_assert_eq(
		name_to_handle_at(AT_FDCWD, daemon_path(&d, "a/b"), &handle.head, &mount_id, 0), 0,
		"%s", strerror(errno));
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 0));
	fd = open_by_handle_at(mount_fd, &handle.head, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s", strerror(errno));
	after = files_stat(fd);
	cr_assert_eq(after.st_ino, before.st_ino);
	/* its place in the tree was found by way of ".." */
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	cr_assert(n > 0);
	path[n] = '\0';
	cr_assert_str_eq(path, daemon_path(&d, "a/b"));
	close(fd);
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 0), "these lookups were counted wrongly");
	close(mount_fd);
	sem_stop(&d);
}

/*
 * How many messages memfs costs: what is warm sends none.
 */
#include "daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_MESSAGES(d, expected, code) \
	do { \
		struct counters before, after; \
		counters_read((d), &before); \
		code; \
		counters_read((d), &after); \
		cr_assert_str_eq(counters_between(&before, &after), (expected)); \
	} while (0)

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void read_file(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert(fd >= 0);
	cr_assert(read(fd, buf, sizeof buf) >= 0);
	close(fd);
}

static unsigned list(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

FACT(messages, warm_stat_sends_none)
{
	struct daemon d = {0};
	struct stat st;

	daemon_start(&d, NULL);
	put_file(daemon_path(&d, "f"), "text");
	cr_assert_eq(stat(daemon_path(&d, "f"), &st), 0);
	CHECK_MESSAGES(&d, "", {
		for (int i = 0; i < 100; i++)
			cr_assert_eq(stat(daemon_path(&d, "f"), &st), 0);
	});
	cr_assert_eq(st.st_size, 4);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(messages, warm_open_read_and_close_send_none)
{
	struct daemon d = {0};

	daemon_start(&d, NULL);
	put_file(daemon_path(&d, "f"), "text");
	read_file(daemon_path(&d, "f"));
	CHECK_MESSAGES(&d, "", {
		for (int i = 0; i < 100; i++)
			read_file(daemon_path(&d, "f"));
	});
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(messages, warm_lookups_through_directories_send_none)
{
	struct daemon d = {0};
	struct stat st;

	daemon_start(&d, NULL);
	cr_assert_eq(mkdir(daemon_path(&d, "a"), 0755), 0);
	cr_assert_eq(mkdir(daemon_path(&d, "a/b"), 0755), 0);
	put_file(daemon_path(&d, "a/b/f"), "text");
	cr_assert_eq(stat(daemon_path(&d, "a/b/f"), &st), 0);
	CHECK_MESSAGES(&d, "", cr_assert_eq(stat(daemon_path(&d, "a/b/f"), &st), 0));
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(messages, negative_lookups_are_remembered)
{
	struct daemon d = {0};

	daemon_start(&d, NULL);
	cr_assert_eq(access(daemon_path(&d, "absent"), F_OK), -1);
	CHECK_MESSAGES(&d, "", {
		for (int i = 0; i < 100; i++)
			cr_assert_eq(access(daemon_path(&d, "absent"), F_OK), -1);
	});
	put_file(daemon_path(&d, "absent"), "");
	cr_assert_eq(access(daemon_path(&d, "absent"), F_OK), 0, "the absence stuck");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(messages, listing_a_warm_directory_sends_none)
{
	struct daemon d = {0};

	daemon_start(&d, NULL);
	for (int i = 0; i < 20; i++)
		put_file(daemon_path(&d, "f%d", i), "");
	/* The first listing moves the access time, which opendir(3) asks for in the second. */
	cr_assert_eq(list(d.mnt), 22);
	cr_assert_eq(list(d.mnt), 22);
	CHECK_MESSAGES(&d, "", cr_assert_eq(list(d.mnt), 22));
	put_file(daemon_path(&d, "one-more"), "");
	cr_assert_eq(list(d.mnt), 23, "an old listing was shown");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(messages, each_change_costs_what_it_must)
{
	struct daemon d = {0};
	struct stat st;

	daemon_start(&d, NULL);
	put_file(daemon_path(&d, "first"), "text");
	cr_assert_eq(stat(d.mnt, &st), 0);
	CHECK_MESSAGES(&d, "LOOKUP+1 MKNOD+1", {
		int fd = open(daemon_path(&d, "f"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		close(fd);
	});
	/* A change makes the directory's attributes unknown: who needs them next must ask. */
	CHECK_MESSAGES(&d, "GETATTR+1", cr_assert_eq(stat(d.mnt, &st), 0));
	CHECK_MESSAGES(&d, "UNLINK+1", cr_assert_eq(unlink(daemon_path(&d, "f")), 0));
	cr_assert_eq(stat(d.mnt, &st), 0);
	/* a name that is known to be absent */
	cr_assert_eq(access(daemon_path(&d, "f"), F_OK), -1);
	CHECK_MESSAGES(&d, "MKNOD+1", put_file(daemon_path(&d, "f"), ""));
	cr_assert_eq(stat(d.mnt, &st), 0);
	CHECK_MESSAGES(&d, "SETATTR+1", cr_assert_eq(chmod(daemon_path(&d, "first"), 0600), 0));
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(messages, neither_open_nor_flush_nor_release_is_ever_sent_twice)
{
	struct daemon d = {0};
	struct counters c;

	daemon_start(&d, NULL);
	for (int i = 0; i < 50; i++) {
		put_file(daemon_path(&d, "f%d", i), "text");
		read_file(daemon_path(&d, "f%d", i));
		list(d.mnt);
	}
	counters_read(&d, &c);
	cr_assert(counters_of(&c, "OPEN") <= 1, "%s", c.line);
	cr_assert(counters_of(&c, "OPENDIR") <= 1, "%s", c.line);
	cr_assert(counters_of(&c, "CREATE") <= 1, "%s", c.line);
	cr_assert(counters_of(&c, "FLUSH") <= 1, "%s", c.line);
	cr_assert_eq(counters_of(&c, "RELEASE"), 0, "%s", c.line);
	cr_assert_eq(counters_of(&c, "RELEASEDIR"), 0, "%s", c.line);
	cr_assert_eq(counters_of(&c, "ACCESS"), 0, "%s", c.line);
	cr_assert_eq(daemon_stop(&d), 0);
}

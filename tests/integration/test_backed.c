/*
 * Files that the kernel reads and writes by itself, and what a backend wishes for once it knows its
 * options.  See testfs/backedfs.c for the files.
 */
#include "files.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (1 << 20)

#define WANT_ACL         (1u << 0) /* as in the public header */
#define WANT_PASSTHROUGH (1u << 7)

static void start(struct daemon *d, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = "backedfs"};
	daemon_start(d, option, NULL);
}

static int open_file(const struct daemon *d, const char *name, int flags)
{
	int fd = open(daemon_path(d, "%s", name), flags | O_CLOEXEC);

	cr_assert_geq(fd, 0, "%s: %s", name, strerror(errno));
	return fd;
}

static unsigned char data[SIZE], back[SIZE];

static void fill(unsigned seed)
{
	for (unsigned i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 7 + i / 256 + seed);
}

/* ---- data without messages ---- */

static void write_and_read(int fd, unsigned seed)
{
	fill(seed);
	for (unsigned at = 0; at < SIZE; at += SIZE / 8)
		cr_assert_eq(pwrite(fd, data + at, SIZE / 8, at), SIZE / 8);
	memset(back, 0, sizeof back);
	cr_assert_eq(pread(fd, back, SIZE, 0), SIZE);
	cr_assert_eq(memcmp(data, back, SIZE), 0);
}

static void map_and_store(int fd)
{
	unsigned char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	cr_assert_neq(map, MAP_FAILED, "%s", strerror(errno));
	cr_assert_eq(map[12345], data[12345]);
	map[12345] ^= 0xff;
	munmap(map, SIZE);
	cr_assert_eq(pread(fd, back, 1, 12345), 1);
	cr_assert_eq(back[0], data[12345] ^ 0xff);
}

static void check_no_messages(const char *name)
{
	struct counters before, after;
	struct daemon d;
	int fd;

	start(&d, NULL);
	cr_assert_eq(report_of(&d, "open"), 0);
	fd = open_file(&d, name, O_RDWR);
	counters_read(&d, &before);
	write_and_read(fd, 1);
	map_and_store(fd);
	counters_read(&d, &after);
	cr_assert_eq(counters_of(&after, "READ"), counters_of(&before, "READ"));
	cr_assert_eq(counters_of(&after, "WRITE"), counters_of(&before, "WRITE"));
	cr_assert_eq(files_stat(fd).st_size, SIZE);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(backed, reads_writes_and_mappings_need_no_message)
{
	check_no_messages("f");
}

FACT(backed, the_same_where_open_is_answered_later)
{
	check_no_messages("later");
}

FACT(backed, all_opens_of_a_file_share_it)
{
	struct daemon d;
	int writer, reader;

	start(&d, NULL);
	writer = open_file(&d, "f", O_WRONLY);
	reader = open_file(&d, "f", O_RDONLY);
	cr_assert_eq(write(writer, "shared", 6), 6);
	cr_assert_eq(read(reader, back, 6), 6);
	cr_assert_eq(memcmp(back, "shared", 6), 0);
	close(reader);
	close(writer);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(backed, ids_are_registered_and_given_back)
{
	struct daemon d;

	start(&d, NULL);
	cr_assert_eq(report_of(&d, "open"), 0);
	cr_assert_eq(report_of(&d, "close"), 0);
	cr_assert_eq(report_of(&d, "fifo"), EINVAL, "not a regular file");
	cr_assert_eq(report_of(&d, "dir"), EINVAL);
	cr_assert_eq(report_of(&d, "gone"), ENOENT);
	cr_assert_eq(daemon_unmount(&d), 0);
	cr_assert(!daemon_log_has(&d, 0, "the end is not told"));
}

/* ---- what is not to be had ---- */

static void expect_eio(const struct daemon *d, const char *name)
{
	cr_assert_lt(open(daemon_path(d, "%s", name), O_RDONLY | O_CLOEXEC), 0, "%s", name);
	cr_assert_eq(errno, EIO, "%s: %s", name, strerror(errno));
}

FACT(backed, answers_that_cannot_be_are_eio_and_told_once)
{
	struct daemon d;
	char *log;

	start(&d, NULL);
	expect_eio(&d, "keep");
	expect_eio(&d, "noid");
	log = daemon_log(&d, 0);
	log = strstr(log, "fault: OPEN answered with LLFUSED_OPEN_PASSTHROUGH");
	cr_assert_not_null(log);
	cr_assert_null(strstr(log + 1, "fault: OPEN"));
	close(open_file(&d, "f", O_RDONLY));
	cr_assert_eq(daemon_unmount(&d), 0);
}

static void check_by_messages(const struct daemon *d)
{
	struct counters before, after;
	int fd = open_file(d, "f", O_RDWR);

	counters_read(d, &before);
	write_and_read(fd, 2);
	counters_read(d, &after);
	cr_assert_gt(counters_of(&after, "WRITE"), counters_of(&before, "WRITE"));
	close(fd);
}

FACT(backed, without_the_wish_nothing_is_registered)
{
	struct daemon d;

	start(&d, "-owants=0");
	cr_assert_eq(report_of(&d, "open"), EPERM);
	cr_assert_eq(report_of(&d, "gone"), EPERM);
	cr_assert_eq(report_of(&d, "want"), 0);
	cr_assert(eventually(daemon_log_has(&d, 0, "passthrough(not wanted)")));
	expect_eio(&d, "noid");
	check_by_messages(&d);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(backed, a_user_namespace_is_told_that_it_lacks_the_right)
{
	struct daemon d = {.testfs = true, .backend = "backedfs", .userns = true};

	harness_open_fuse_to_all();
	daemon_start(&d, NULL);
	cr_assert(eventually(daemon_log_has(
		&d, 0, "passthrough(needs CAP_SYS_ADMIN in the initial user namespace)")));
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- wishes ---- */

FACT(backed, init_is_told_the_device_of_the_mount_and_what_came_true)
{
	struct daemon d;
	struct stat st;

	start(&d, NULL);
	cr_assert_eq(stat(d.mnt, &st), 0);
	cr_assert_eq(report_of(&d, "dev"), st.st_dev);
	cr_assert(report_of(&d, "want") & WANT_PASSTHROUGH);
	cr_assert_eq(daemon_unmount(&d), 0);
	start(&d, "-owants=0x81");
	cr_assert_eq(report_of(&d, "want"), WANT_ACL | WANT_PASSTHROUGH);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(backed, a_deeper_stack_can_be_wished_for)
{
	struct daemon d;

	start(&d, "-odepth=2");
	cr_assert_eq(report_of(&d, "open"), 0);
	close(open_file(&d, "f", O_RDONLY));
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(backed, another_table_of_ops_can_be_wished_for)
{
	struct counters all;
	struct daemon d;

	start(&d, "-otable=plain");
	check_by_messages(&d);
	counters_read(&d, &all);
	/* without that op the kernel asks once and never more */
	cr_assert_leq(counters_of(&all, "OPEN"), 1, "%s", all.line);
	cr_assert_eq(daemon_unmount(&d), 0);
}

static void check_refused(const char *option, const char *words)
{
	char *plugin = harness_path("backend"), *mnt = harness_mkdir("unused", 0);
	struct run run;

	cr_assert(asprintf(&plugin, "--backend=%s/backedfs.so", daemon_test_plugins()) > 0);
	run_daemon(&run, plugin, option, mnt, NULL);
	cr_assert_eq(run.status, 2, "%s", run.err);
	cr_assert(strstr(run.err, words), "'%s' is not in '%s'", words, run.err);
	cr_assert_eq(rmdir(mnt), 0, "something is mounted");
}

FACT(backed, wishes_that_cannot_be_end_the_start)
{
	check_refused("-odepth=3", "wish() set stack_depth to 3");
	check_refused("-otable=bare", "after wish() has no getattr()");
	check_refused("-otable=none", "after wish() has no ops");
}

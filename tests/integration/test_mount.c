/*
 * Mounting as root: what mountinfo shows, and that every mount option has its effect.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SOMEBODY 1234

struct mount_fields {
	char flags[256], type[64], source[128], options[512];
};

static struct mount_fields fields_of(const struct daemon *d)
{
	struct mount_fields f;
	char *line = daemon_mountinfo(d);

	cr_assert_not_null(line);
	cr_assert_eq(sscanf(line, "%*d %*d %*s %*s %*s %255s", f.flags), 1);
	cr_assert_eq(
		sscanf(strstr(line, " - "), " - %63s %127s %511s", f.type, f.source, f.options), 3);
	free(line);
	return f;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, len) == 0 && (at[len] == ',' || !at[len]))
			return true;
	}
	return false;
}

static int open_errno(void *path)
{
	return open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static void put_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* A program of one line, with any mode. */
static char *put_program(const struct daemon *d, const char *source, mode_t mode)
{
	char *path = daemon_path(d, "program");
	char *argv[] = {(char[]){"cp"}, (char *)source, path, NULL};
	struct run run;

	run_command(&run, 0, argv);
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(chmod(path, mode), 0);
	return path;
}

FACT(mount, root_mount_is_shown_with_type_source_and_options)
{
	struct daemon d = {0};
	struct mount_fields f;

	daemon_start(&d, NULL);
	f = fields_of(&d);
	cr_assert_str_eq(f.type, "fuse.llfused");
	cr_assert_str_eq(f.source, "tmpfs");
	cr_assert(has_word(f.flags, "rw") && has_word(f.flags, "relatime"), "%s", f.flags);
	cr_assert(has_word(f.options, "user_id=0") && has_word(f.options, "group_id=0"), "%s",
		  f.options);
	cr_assert(has_word(f.options, "allow_other"), "%s", f.options);
	cr_assert(has_word(f.options, "default_permissions"), "%s", f.options);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(mount, fsname_is_the_source)
{
	struct daemon d = {0};

	daemon_start(&d, "-o", "fsname=some\\,name", NULL);
	cr_assert_str_eq(fields_of(&d).source, "some,name");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, subtype_is_chosen_and_empty_gives_plain_fuse)
{
	struct daemon other = {0}, plain = {0};

	daemon_start(&other, "-osubtype=mine", NULL);
	cr_assert_str_eq(fields_of(&other).type, "fuse.mine");
	daemon_start(&plain, "-osubtype=", NULL);
	cr_assert_str_eq(fields_of(&plain).type, "fuse");
	cr_assert_eq(daemon_stop(&other), 0);
	cr_assert_eq(daemon_stop(&plain), 0);
}

FACT(mount, ro_answers_erofs)
{
	struct daemon d = {0};
	struct mount_fields f;

	daemon_start(&d, "-oro", NULL);
	f = fields_of(&d);
	cr_assert(has_word(f.flags, "ro"), "%s", f.flags);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), -1);
	cr_assert_eq(errno, EROFS);
	cr_assert_eq(open(daemon_path(&d, "file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), -1);
	cr_assert_eq(errno, EROFS);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, nodev_keeps_device_nodes_shut_and_dev_does_not)
{
	struct daemon shut = {0}, usable = {0};

	daemon_start(&shut, "-onodev", NULL);
	cr_assert_eq(mknod(daemon_path(&shut, "null"), S_IFCHR | 0666, makedev(1, 3)), 0);
	cr_assert_eq(open_errno(daemon_path(&shut, "null")), EACCES);
	daemon_start(&usable, NULL);
	cr_assert_eq(mknod(daemon_path(&usable, "null"), S_IFCHR | 0666, makedev(1, 3)), 0);
	cr_assert_eq(open_errno(daemon_path(&usable, "null")), 0);
	cr_assert_eq(daemon_stop(&shut), 0);
	cr_assert_eq(daemon_stop(&usable), 0);
}

FACT(mount, noexec_refuses_programs)
{
	struct daemon d = {0};
	struct run run;
	char *path;

	daemon_start(&d, "-onoexec", NULL);
	path = put_program(&d, "/bin/true", 0755);
	cr_assert_eq(access(path, X_OK), -1);
	cr_assert_eq(errno, EACCES);
	run_command(&run, 0, (char *[]){path, NULL});
	cr_assert_eq(run.status, 127);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, nosuid_takes_the_effect_of_setuid_and_suid_leaves_it)
{
	char u[] = "-u";
	struct daemon without = {0}, with = {0};
	struct run run;

	daemon_start(&without, "-onosuid", NULL);
	run_command(&run, SOMEBODY,
		    (char *[]){put_program(&without, "/usr/bin/id", 04755), u, NULL});
	cr_assert_str_eq(run.out, "1234\n", "%s", run.err);
	daemon_start(&with, NULL);
	run_command(&run, SOMEBODY, (char *[]){put_program(&with, "/usr/bin/id", 04755), u, NULL});
	cr_assert_str_eq(run.out, "0\n", "%s", run.err);
	cr_assert_eq(daemon_stop(&without), 0);
	cr_assert_eq(daemon_stop(&with), 0);
}

FACT(mount, noatime_is_shown_and_leaves_access_times)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
	struct daemon d = {0};
	struct stat st;
	char *path, byte;
	int fd;

	daemon_start(&d, "-onoatime", NULL);
	cr_assert(has_word(fields_of(&d).flags, "noatime"));
	path = daemon_path(&d, "file");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(write(fd, "x", 1), 1);
	cr_assert_eq(futimens(fd, old), 0);
	cr_assert_eq(pread(fd, &byte, 1, 0), 1);
	close(fd);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_atim.tv_sec, 1000);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, max_read_is_shown_and_bounds_reads)
{
	char *path, *buf = calloc(1, 1 << 20);
	struct counters before, after;
	struct daemon d = {0};
	int fd;

	daemon_start(&d, "-omax_read=65536", NULL);
	cr_assert(has_word(fields_of(&d).options, "max_read=65536"), "%s", fields_of(&d).options);
	path = daemon_path(&d, "file");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0644);
	cr_assert_eq(pwrite(fd, buf, 1 << 20, 0), 1 << 20, "%s", strerror(errno));
	counters_read(&d, &before);
	cr_assert_eq(pread(fd, buf, 1 << 20, 0), 1 << 20, "%s", strerror(errno));
	counters_read(&d, &after);
	close(fd);
	cr_assert_eq(counters_of(&after, "READ") - counters_of(&before, "READ"), 16);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, allow_other_is_on_for_root_and_others_enter)
{
	struct daemon d = {0};

	daemon_start(&d, NULL);
	put_file(daemon_path(&d, "open"), 0644);
	cr_assert_eq(harness_as(SOMEBODY, open_errno, daemon_path(&d, "open")), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, no_allow_other_keeps_others_out)
{
	struct daemon d = {0};

	daemon_start(&d, "-ono_allow_other", NULL);
	cr_assert(!has_word(fields_of(&d).options, "allow_other"));
	put_file(daemon_path(&d, "open"), 0644);
	cr_assert_eq(harness_as(SOMEBODY, files_stat_errno, daemon_path(&d, "open")), EACCES);
	cr_assert_eq(harness_as(0, files_stat_errno, daemon_path(&d, "open")), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, modes_are_enforced_between_users)
{
	struct daemon d = {0};
	char *dir, *inside;

	daemon_start(&d, NULL);
	put_file(daemon_path(&d, "secret"), 0600);
	cr_assert_eq(harness_as(SOMEBODY, open_errno, daemon_path(&d, "secret")), EACCES);
	/* An entry that the kernel has cached does not open the directory above it. */
	dir = daemon_path(&d, "dir");
	inside = daemon_path(&d, "dir/file");
	cr_assert_eq(mkdir(dir, 0700), 0);
	put_file(inside, 0666);
	cr_assert_eq(files_stat_errno(inside), 0);
	cr_assert_eq(harness_as(SOMEBODY, open_errno, inside), EACCES);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(mount, a_mount_point_with_a_blank_and_a_backslash_works)
{
	struct daemon d = {0};
	char *dir = harness_mkdir("a b\\c", 0);
	struct run run;

	run_daemon(&run, "--backend=tmpfs", dir, NULL);
	cr_assert_eq(run.status, 0, "%s", run.err);
	d.mnt = dir;
	put_file(daemon_path(&d, "file"), 0644);
	cr_assert_eq(umount2(dir, 0), 0);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "file")), ENOENT);
}

FACT(mount, plain_io_and_one_worker_serve_too)
{
	struct daemon plain = {0}, one = {0};

	daemon_start(&plain, "--io=plain", NULL);
	daemon_start(&one, "--workers=1", NULL);
	put_file(daemon_path(&plain, "file"), 0644);
	put_file(daemon_path(&one, "file"), 0644);
	cr_assert_eq(files_stat_errno(daemon_path(&plain, "file")), 0);
	cr_assert_eq(files_stat_errno(daemon_path(&one, "file")), 0);
	cr_assert_eq(daemon_unmount(&plain), 0);
	cr_assert_eq(daemon_unmount(&one), 0);
}

FACT(mount, start_line_names_transport_and_features_with_reasons)
{
	struct daemon dev = {0}, ring = {0};

	daemon_start(&dev, "--transport=dev", "--pin=on", NULL);
	cr_assert(daemon_log_has(&dev, 0, "transport=dev (io_uring, cloned descriptors, pinned)"),
		  "%s", daemon_log(&dev, 0));
	cr_assert(daemon_log_has(&dev, 0, " on="), "%s", daemon_log(&dev, 0));
	cr_assert(daemon_log_has(&dev, 0, " off="), "%s", daemon_log(&dev, 0));
	cr_assert(daemon_log_has(&dev, 0, "over_io_uring(not wanted)"), "%s", daemon_log(&dev, 0));
	cr_assert_eq(daemon_stop(&dev), 0);
	daemon_start(&ring, "--transport=uring", "--queue-depth=7", "--workers=1024", NULL);
	cr_assert(daemon_log_has(&ring, 0, " queues, depth 7, pinned)"), "%s",
		  daemon_log(&ring, 0));
	cr_assert(daemon_log_has(&ring, 0, ",over_io_uring off="), "%s", daemon_log(&ring, 0));
	cr_assert_eq(daemon_stop(&ring), 0);
}

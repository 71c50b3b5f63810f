/*
 * memfs on a real mount: what only the kernel's part and ours together can show.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

FACT(memfs, an_unlinked_open_file_works_until_it_is_closed)
{
	struct daemon d = {0};
	char text[6] = "";
	struct stat st;
	int fd;

	daemon_start(&d, NULL);
	fd = files_create(daemon_path(&d, "f"));
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	cr_assert_eq(write(fd, "hello", 5), 5);
	cr_assert_eq(fchmod(fd, 0600), 0);
	files_forget(&d);
	st = files_stat(fd);
	cr_assert_eq(st.st_nlink, 0);
	cr_assert_eq(st.st_size, 5);
	cr_assert_eq(st.st_mode & 07777, 0600);
	files_forget_data(fd);
	cr_assert_eq(pread(fd, text, 5, 0), 5);
	cr_assert_str_eq(text, "hello");
	cr_assert_eq(access(daemon_path(&d, "f"), F_OK), -1);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(memfs, a_store_through_a_mapping_is_seen_by_read_and_moves_mtime_at_msync)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct daemon d = {0};
	struct stat st;
	char text[4] = "", *map;
	int fd, other;

	daemon_start(&d, NULL);
	fd = files_create(daemon_path(&d, "f"));
	cr_assert_eq(ftruncate(fd, 8192), 0);
	cr_assert_eq(futimens(fd, old), 0);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED, "%s", strerror(errno));
	memcpy(map + 5000, "abc", 3);
	other = open(daemon_path(&d, "f"), O_RDONLY | O_CLOEXEC);
	cr_assert_eq(pread(other, text, 3, 5000), 3);
	cr_assert_str_eq(text, "abc");
	cr_assert_eq(msync(map, 8192, MS_SYNC), 0, "%s", strerror(errno));
	cr_assert_eq(fstat(other, &st), 0);
	cr_assert_gt(st.st_mtim.tv_sec, 1000000000, "mtime did not move");
	cr_assert_gt(st.st_ctim.tv_sec, 1000000000);
	cr_assert_eq(munmap(map, 8192), 0);
	/* It is the daemon's now, not only the cache's. */
	files_forget_data(other);
	cr_assert_eq(pread(other, text, 3, 5000), 3);
	cr_assert_str_eq(text, "abc");
	close(fd);
	close(other);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(memfs, seek_finds_what_was_stored_through_a_live_mapping)
{
	struct daemon d = {0};
	int fd, other;
	char *map;

	daemon_start(&d, NULL);
	fd = files_create(daemon_path(&d, "sparse"));
	cr_assert_eq(ftruncate(fd, 1 << 20), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_DATA), -1, "a hole is a hole before anybody reads it");
	map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	map[300000] = 'x';
	/* nothing is written back yet: this is what a copying program looks at */
	other = open(daemon_path(&d, "sparse"), O_RDONLY | O_CLOEXEC);
	cr_assert_geq(lseek(other, 0, SEEK_DATA), 0, "%s", strerror(errno));
	cr_assert_leq(lseek(other, 0, SEEK_DATA), 300000);
	cr_assert_gt(lseek(other, 300000, SEEK_HOLE), 300000);
	cr_assert_eq(munmap(map, 1 << 20), 0);
	close(other);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(memfs, names_of_255_arbitrary_bytes_work_and_256_do_not)
{
	struct daemon d = {0};
	char name[257] = "";

	daemon_start(&d, NULL);
	for (int i = 0; i < 255; i++)
		name[i] = (char)(i + 1 == '/' ? 'x' : i + 1);
	close(files_create(daemon_path(&d, "%s", name)));
	files_forget(&d);
	cr_assert_eq(access(daemon_path(&d, "%s", name), F_OK), 0, "%s", strerror(errno));
	memset(name, 'n', 256);
	cr_assert_eq(mkdir(daemon_path(&d, "%s", name), 0755), -1);
	cr_assert_eq(errno, ENAMETOOLONG);
	cr_assert_eq(access(daemon_path(&d, "%s", name), F_OK), -1);
	cr_assert_eq(errno, ENAMETOOLONG);
	cr_assert_eq(mkdir(daemon_path(&d, "\xff\xfe\n \\"), 0755), 0);
	cr_assert_eq(access(daemon_path(&d, "\xff\xfe\n \\"), F_OK), 0);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(memfs, o_tmpfile_has_no_name_until_it_is_linked)
{
	struct daemon d = {0};
	char proc[64], text[4] = "";
	int fd;

	daemon_start(&d, NULL);
	fd = open(d.mnt, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	cr_assert(fd >= 0, "%s", strerror(errno));
	cr_assert_eq(write(fd, "abc", 3), 3);
	cr_assert_eq(files_stat(fd).st_nlink, 0);
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	cr_assert_eq(linkat(AT_FDCWD, proc, AT_FDCWD, daemon_path(&d, "named"), AT_SYMLINK_FOLLOW),
		     0, "%s", strerror(errno));
	close(fd);
	files_forget(&d);
	fd = open(daemon_path(&d, "named"), O_RDONLY | O_CLOEXEC);
	cr_assert_eq(read(fd, text, 3), 3);
	cr_assert_str_eq(text, "abc");
	cr_assert_eq(files_stat(fd).st_nlink, 1);
	close(fd);
	fd = open(d.mnt, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	cr_assert_eq(linkat(AT_FDCWD, proc, AT_FDCWD, daemon_path(&d, "no"), AT_SYMLINK_FOLLOW),
		     -1);
	cr_assert_eq(errno, ENOENT);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

static bool is_stale(const struct daemon *d, int mount_fd, struct file_handle *handle)
{
	int fd;

	files_forget(d);
	fd = open_by_handle_at(mount_fd, handle, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ESTALE;
}

FACT(memfs, a_file_handle_opens_its_file_also_when_nothing_is_cached)
{
	struct {
		struct file_handle head;
		char room[MAX_HANDLE_SZ];
	} handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	struct counters before, after;
	struct daemon d = {0};
	char text[4] = "";
	int mount_fd, mount_id, fd;

	daemon_start(&d, NULL);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	fd = files_create(daemon_path(&d, "dir/f"));
	cr_assert_eq(write(fd, "abc", 3), 3);
	close(fd);
	cr_assert_eq(
		name_to_handle_at(AT_FDCWD, daemon_path(&d, "dir/f"), &handle.head, &mount_id, 0),
		0, "%s", strerror(errno));
	mount_fd = open(d.mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	counters_read(&d, &before);
	for (int round = 0; round < 2; round++) {
		fd = open_by_handle_at(mount_fd, &handle.head, O_RDONLY | O_CLOEXEC);
		cr_assert(fd >= 0, "round %d: %s", round, strerror(errno));
		cr_assert_eq(pread(fd, text, 3, 0), 3);
		cr_assert_str_eq(text, "abc");
		close(fd);
		files_forget(&d);
	}
	fd = open_by_handle_at(mount_fd, &handle.head, O_RDONLY | O_CLOEXEC);
	close(fd);
	counters_read(&d, &after);
	/* by nodeid: the name "." */
	cr_assert_gt(counters_of(&after, "LOOKUP"), counters_of(&before, "LOOKUP"));
	cr_assert_eq(unlink(daemon_path(&d, "dir/f")), 0);
	/* The last FORGET and the question may overtake each other. */
	cr_assert(eventually(is_stale(&d, mount_fd, &handle.head)));
	close(mount_fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

struct lock_try {
	const char *path;
	int cmd; /* 0: flock */
};

static int try_lock(void *arg)
{
	const struct lock_try *try = arg;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(try->path, O_RDWR | O_CLOEXEC);
	int ret = try->cmd ? fcntl(fd, try->cmd, &lock) : flock(fd, LOCK_EX | LOCK_NB);

	return ret < 0 ? errno : 0;
}

FACT(memfs, fcntl_ofd_and_flock_locks_are_kept_by_the_kernel)
{
	static const int cmds[] = {F_SETLK, F_OFD_SETLK, 0};
	struct counters before, after;
	struct daemon d = {0};
	char *path;

	daemon_start(&d, NULL);
	path = daemon_path(&d, "f");
	close(files_create(path));
	close(open(path, O_RDWR | O_CLOEXEC));
	counters_read(&d, &before);
	for (size_t i = 0; i < sizeof cmds / sizeof cmds[0]; i++) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		struct lock_try try = {path, cmds[i]};
		int fd = open(path, O_RDWR | O_CLOEXEC);

		cr_assert_eq(cmds[i] ? fcntl(fd, cmds[i], &lock) : flock(fd, LOCK_EX), 0, "%s",
			     strerror(errno));
		cr_assert_eq(harness_as(0, try_lock, &try), EAGAIN, "lock %zu", i);
		close(fd);
		cr_assert_eq(harness_as(0, try_lock, &try), 0, "lock %zu", i);
	}
	counters_read(&d, &after);
	cr_assert_str_eq(counters_between(&before, &after), "");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(memfs, a_program_runs_from_the_mount)
{
	struct daemon d = {0};
	struct run run;
	char *path;

	daemon_start(&d, NULL);
	path = daemon_path(&d, "echo");
	run_command(&run, 0, (char *[]){(char[]){"cp"}, (char[]){"/bin/echo"}, path, NULL});
	cr_assert_eq(run.status, 0, "%s", run.err);
	files_forget(&d);
	run_command(&run, 0, (char *[]){path, (char[]){"works"}, NULL});
	cr_assert_str_eq(run.out, "works\n");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(memfs, times_are_exact_to_the_nanosecond_before_1970_and_after_2038)
{
	static const struct timespec times[] = {
		{.tv_sec = -2, .tv_nsec = 1},
		{.tv_sec = -1, .tv_nsec = 999999999},
		{.tv_sec = 16725225600, .tv_nsec = 999999999},
		{.tv_sec = -2208988800, .tv_nsec = 500000001},
		{.tv_sec = 0, .tv_nsec = 0},
	};
	struct daemon d = {0};
	char *path;

	daemon_start(&d, NULL);
	path = daemon_path(&d, "f");
	close(files_create(path));
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		struct timespec set[2] = {times[i], times[i]};
		struct stat st;

		cr_assert_eq(utimensat(AT_FDCWD, path, set, 0), 0, "%s", strerror(errno));
		for (int round = 0; round < 2; round++) {
			cr_assert_eq(stat(path, &st), 0);
			cr_assert_eq(st.st_mtim.tv_sec, times[i].tv_sec, "time %zu", i);
			cr_assert_eq(st.st_mtim.tv_nsec, times[i].tv_nsec, "time %zu", i);
			cr_assert_eq(st.st_atim.tv_sec, times[i].tv_sec, "time %zu", i);
			cr_assert_eq(st.st_atim.tv_nsec, times[i].tv_nsec, "time %zu", i);
			files_forget(&d);
		}
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

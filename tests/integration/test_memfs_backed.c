/*
 * memfs with data=passthrough: the kernel reads and writes the files in a tmpfs of ours by itself,
 * and nobody is to notice.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PAGE     4096
#define OK(call) cr_assert_eq(call, 0, "%s: %s", #call, strerror(errno))

static void start(struct daemon *d)
{
	daemon_start(d, "-odata=passthrough,size=1m,nr_inodes=100", NULL);
}

static void stop(const struct daemon *d)
{
	cr_assert_eq(daemon_unmount(d), 0);
}

static int open_at(const struct daemon *d, const char *name, int flags)
{
	int fd = open(daemon_path(d, "%s", name), flags | O_CLOEXEC, 0644);

	cr_assert(fd >= 0, "%s: %s", name, strerror(errno));
	return fd;
}

static void put(const struct daemon *d, const char *name, const char *text)
{
	int fd = open_at(d, name, O_WRONLY | O_CREAT | O_TRUNC);

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static const char *get(int fd)
{
	static char text[64];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	cr_assert(n >= 0, "%s", strerror(errno));
	text[n] = '\0';
	return text;
}

static const char *get_at(const struct daemon *d, const char *name)
{
	int fd = open_at(d, name, O_RDONLY);
	const char *text = get(fd);

	close(fd);
	return text;
}

static struct stat stat_at(const struct daemon *d, const char *name)
{
	struct stat st;

	OK(stat(daemon_path(d, "%s", name), &st));
	return st;
}

static fsblkcnt_t free_pages(const struct daemon *d)
{
	struct statvfs space;

	OK(statvfs(d->mnt, &space));
	return space.f_bfree;
}

/* ---- what reaches the daemon ---- */

FACT(memfs_backed, reads_writes_and_mappings_of_an_open_file_send_nothing)
{
	struct counters before, after;
	struct daemon d = {0};
	char *map;
	int fd;

	start(&d);
	fd = open_at(&d, "f", O_RDWR | O_CREAT);
	/* whether it has a capability to lose is asked once */
	cr_assert_eq(write(fd, "hello", 5), 5);
	counters_read(&d, &before);
	cr_assert_eq(write(fd, " world", 6), 6);
	cr_assert_str_eq(get(fd), "hello world");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED, "%s", strerror(errno));
	map[0] = 'J';
	cr_assert_str_eq(get(fd), "Jello world");
	OK(munmap(map, PAGE));
	counters_read(&d, &after);
	cr_assert_str_eq(counters_between(&before, &after), "");
	close(fd);
	stop(&d);
}

FACT(memfs_backed, what_a_mapping_stores_is_seen_by_others_and_in_the_attributes)
{
	struct daemon d = {0};
	int fd, other;
	char *map;

	start(&d);
	fd = open_at(&d, "f", O_RDWR | O_CREAT);
	OK(ftruncate(fd, 4L * PAGE));
	close(fd);
	cr_assert_eq(stat_at(&d, "f").st_blocks, 0);
	fd = open_at(&d, "f", O_RDWR);
	other = open_at(&d, "f", O_RDONLY);
	map = mmap(NULL, 4L * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED, "%s", strerror(errno));
	for (int i = 0; i < 3; i++) {
		char byte = 0;

		map[i * PAGE] = 'x';
		cr_assert_eq(pread(other, &byte, 1, i * PAGE), 1);
		cr_assert_eq(byte, 'x');
		cr_assert(eventually(stat_at(&d, "f").st_blocks == (i + 1) * 8));
		cr_assert_eq(stat_at(&d, "f").st_size, 4L * PAGE);
	}
	map[3 * PAGE] = 'x';
	OK(munmap(map, 4L * PAGE));
	close(fd);
	close(other);
	cr_assert(eventually(stat_at(&d, "f").st_blocks == 32));
	stop(&d);
}

FACT(memfs_backed, a_file_that_is_open_can_be_opened_in_every_way)
{
	struct daemon d = {0};
	int fd[4];

	start(&d);
	fd[0] = open_at(&d, "f", O_WRONLY | O_CREAT);
	fd[1] = open_at(&d, "f", O_RDONLY);
	fd[2] = open_at(&d, "f", O_RDWR);
	fd[3] = open_at(&d, "f", O_WRONLY | O_APPEND);
	cr_assert_eq(write(fd[0], "abc", 3), 3);
	cr_assert_eq(write(fd[3], "def", 3), 3);
	cr_assert_str_eq(get(fd[1]), "abcdef");
	close(fd[0]);
	close(fd[1]);
	cr_assert_eq(pwrite(fd[2], "A", 1, 0), 1);
	close(open_at(&d, "f", O_WRONLY | O_TRUNC));
	cr_assert_str_eq(get(fd[2]), "");
	cr_assert_eq(write(fd[3], "new", 3), 3);
	cr_assert_str_eq(get(fd[2]), "new");
	cr_assert_eq(pread(fd[3], (char[1]){0}, 1, 0), -1);
	cr_assert_eq(errno, EBADF);
	close(fd[2]);
	close(fd[3]);
	cr_assert_str_eq(get_at(&d, "f"), "new");
	stop(&d);
}

/* ---- space ---- */

/* Writes until there is no space; how many pages were stored. */
static fsblkcnt_t fill(int fd)
{
	static char page[PAGE];
	fsblkcnt_t pages = 0;

	while (write(fd, page, PAGE) == PAGE)
		pages++;
	cr_assert_eq(errno, ENOSPC, "%s", strerror(errno));
	return pages;
}

FACT(memfs_backed, a_full_file_system_says_so_at_once_and_df_is_exact)
{
	struct daemon d = {0};
	int fd;

	start(&d);
	cr_assert_eq(free_pages(&d), 256);
	fd = open_at(&d, "f", O_RDWR | O_CREAT);
	cr_assert_eq(fill(fd), 256);
	cr_assert_eq(free_pages(&d), 0);
	cr_assert_eq(fallocate(fd, 0, 256L * PAGE, PAGE), -1);
	cr_assert_eq(errno, ENOSPC);
	cr_assert_eq(pwrite(fd, "x", 1, 0), 1);
	OK(ftruncate(fd, 10L * PAGE));
	cr_assert_eq(free_pages(&d), 246);
	close(fd);
	cr_assert_eq(free_pages(&d), 246);
	stop(&d);
}

/* The space that the file before had may take a moment, and be there twice for another one. */
static void fill_all(int fd)
{
	fsblkcnt_t pages = 0;

	cr_assert(eventually_within(2000, (pages += fill(fd)) >= 256), "%lu pages",
		  (unsigned long)pages);
}

/* Each of the files that follow another can only be written if the space of the last is back; the
 * kernel says that it was closed, and that it forgets it, when it has time. */
FACT(memfs_backed, the_space_of_a_file_is_there_in_a_moment_when_it_is_removed)
{
	struct daemon d = {0};

	start(&d);
	for (int i = 0; i < 60; i++) {
		int fd = open_at(&d, "f", O_WRONLY | O_CREAT | O_EXCL);

		fill_all(fd);
		close(fd);
		if (i % 2 == 0) {
			OK(unlink(daemon_path(&d, "f")));
		} else {
			put(&d, "g", "");
			OK(rename(daemon_path(&d, "g"), daemon_path(&d, "f")));
			OK(unlink(daemon_path(&d, "f")));
		}
	}
	cr_assert(eventually(free_pages(&d) == 256));
	stop(&d);
}

FACT(memfs_backed, the_space_of_a_file_that_was_never_named_is_there_in_a_moment_when_it_is_closed)
{
	struct daemon d = {0};

	start(&d);
	for (int i = 0; i < 60; i++) {
		int fd = open(d.mnt, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

		fill_all(fd);
		close(fd);
	}
	cr_assert(eventually(free_pages(&d) == 256));
	stop(&d);
}

FACT(memfs_backed, the_space_of_an_unlinked_file_is_there_when_it_is_closed)
{
	struct daemon d = {0};
	int fd;

	start(&d);
	fd = open_at(&d, "f", O_RDWR | O_CREAT);
	OK(unlink(daemon_path(&d, "f")));
	cr_assert_eq(write(fd, "hello", 5), 5);
	cr_assert_str_eq(get(fd), "hello");
	cr_assert_eq(files_stat(fd).st_size, 5);
	cr_assert_eq(files_stat(fd).st_nlink, 0);
	cr_assert_eq(free_pages(&d), 255);
	close(fd);
	cr_assert(eventually(free_pages(&d) == 256));
	fd = open(d.mnt, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	cr_assert_eq(write(fd, "hello", 5), 5);
	cr_assert_eq(free_pages(&d), 255);
	close(fd);
	cr_assert(eventually(free_pages(&d) == 256));
	stop(&d);
}

/* As a container has it that a file was mounted into, when the file is replaced outside. */
FACT(memfs_backed, an_unlinked_file_that_is_not_open_keeps_its_data_for_who_can_reach_it)
{
	struct daemon d = {0};
	char proc[64];
	int path, fd;

	start(&d);
	put(&d, "f", "old");
	put(&d, "g", "new");
	path = open_at(&d, "f", O_PATH);
	OK(rename(daemon_path(&d, "g"), daemon_path(&d, "f")));
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", path);
	for (int i = 0; i < 2; i++) {
		fd = open(proc, O_RDWR | O_CLOEXEC);
		cr_assert(fd >= 0, "%s", strerror(errno));
		cr_assert_str_eq(get(fd), "old");
		close(fd);
	}
	cr_assert_str_eq(get_at(&d, "f"), "new");
	close(path);
	cr_assert(eventually(free_pages(&d) == 255));
	stop(&d);
}

FACT(memfs_backed, a_long_symlink_takes_a_page_as_on_tmpfs)
{
	struct daemon d = {0};
	char target[200];
	int fd;

	start(&d);
	memset(target, 'x', sizeof target - 1);
	target[sizeof target - 1] = '\0';
	OK(symlink(target, daemon_path(&d, "long")));
	OK(symlink("short", daemon_path(&d, "short")));
	cr_assert_eq(free_pages(&d), 255);
	fd = open_at(&d, "f", O_WRONLY | O_CREAT);
	cr_assert_eq(fill(fd), 255);
	cr_assert_eq(symlink(target, daemon_path(&d, "more")), -1);
	cr_assert_eq(errno, ENOSPC);
	OK(ftruncate(fd, 0));
	OK(unlink(daemon_path(&d, "long")));
	cr_assert(eventually(free_pages(&d) == 256));
	close(fd);
	stop(&d);
}

FACT(memfs_backed, inodes_are_limited_and_cost_no_descriptors)
{
	struct statvfs space;
	struct daemon d = {0};
	unsigned before;
	int fd, made = 0;

	start(&d);
	put(&d, "first", "x");
	before = daemon_count_fds(&d);
	while ((fd = open(daemon_path(&d, "f%d", made), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) >=
	       0) {
		cr_assert_eq(write(fd, "x", 1), 1);
		close(fd);
		made++;
	}
	cr_assert_eq(errno, ENOSPC, "%s", strerror(errno));
	cr_assert_eq(made, 98);
	OK(statvfs(d.mnt, &space));
	cr_assert_eq(space.f_files, 100);
	cr_assert_eq(space.f_ffree, 0);
	cr_assert(eventually(daemon_count_fds(&d) <= before), "%u, and %u before",
		  daemon_count_fds(&d), before);
	stop(&d);
}

/* ---- programs ---- */

static int run_it(void *path)
{
	execl(path, path, "works", (char *)NULL);
	return errno;
}

static bool runs(pid_t pid, const char *path)
{
	char link[64], exe[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
	n = readlink(link, exe, sizeof exe - 1);
	exe[n > 0 ? n : 0] = 0;
	return strcmp(exe, path) == 0;
}

FACT(memfs_backed, a_program_runs_and_is_not_written_to_meanwhile)
{
	struct daemon d = {0};
	struct run run;
	char *path;
	pid_t child;
	int fd;

	start(&d);
	path = daemon_path(&d, "sleep");
	run_command(&run, 0, (char *[]){(char[]){"cp"}, (char[]){"/bin/sleep"}, path, NULL});
	cr_assert_eq(run.status, 0, "%s", run.err);
	child = fork();
	if (child == 0) {
		execl(path, path, "60", (char *)NULL);
		_exit(127);
	}
	/* who opens it for writing before would keep it from running */
	cr_assert(eventually(runs(child, path)));
	cr_assert_lt(open(path, O_WRONLY | O_CLOEXEC), 0);
	cr_assert_eq(errno, ETXTBSY, "%s", strerror(errno));
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	fd = open_at(&d, "sleep", O_WRONLY);
	cr_assert_eq(harness_as(0, run_it, path), ETXTBSY);
	close(fd);
	stop(&d);
}

/* ---- times ---- */

FACT(memfs_backed, times_that_were_set_stay_when_the_file_is_closed_and_read)
{
	struct timespec times[2] = {{.tv_sec = 4000000000, .tv_nsec = 1},
				    {.tv_sec = 2000, .tv_nsec = 999999999}};
	struct daemon d = {0};
	struct stat st;
	int fd;

	start(&d);
	fd = open_at(&d, "f", O_RDWR | O_CREAT);
	cr_assert_eq(write(fd, "hello", 5), 5);
	OK(futimens(fd, times));
	close(fd);
	for (int i = 0; i < 3; i++) {
		st = stat_at(&d, "f");
		cr_assert_eq(st.st_mtim.tv_sec, 2000);
		cr_assert_eq(st.st_mtim.tv_nsec, 999999999);
		cr_assert_eq(st.st_atim.tv_sec, 4000000000);
		cr_assert_eq(st.st_atim.tv_nsec, 1);
		cr_assert_gt(st.st_ctim.tv_sec, 1000000000);
		if (i == 0)
			files_forget(&d);
		else
			cr_assert_str_eq(get_at(&d, "f"), "hello");
	}
	fd = open_at(&d, "f", O_WRONLY);
	OK(fchmod(fd, 0600));
	cr_assert_eq(files_stat(fd).st_mtim.tv_sec, 2000);
	cr_assert_eq(write(fd, "J", 1), 1);
	close(fd);
	cr_assert_gt(stat_at(&d, "f").st_mtim.tv_sec, 1000000000);
	cr_assert_eq(stat_at(&d, "f").st_atim.tv_sec, 4000000000);
	stop(&d);
}

static int is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

FACT(memfs_backed, each_change_moves_ctime_and_only_data_moves_mtime)
{
	struct stat st, last;
	struct daemon d = {0};
	int fd;

	start(&d);
	put(&d, "f", "hello");
	for (int what = 0; what < 10; what++) {
		/* closed in the first half, open in the second */
		fd = open_at(&d, "f", O_WRONLY);
		if (what < 5)
			close(fd);
		last = stat_at(&d, "f");
		switch (what % 5) {
		case 0:
			OK(chmod(daemon_path(&d, "f"), 0600));
			break;
		case 1:
			OK(link(daemon_path(&d, "f"), daemon_path(&d, "g")));
			break;
		case 2:
			OK(unlink(daemon_path(&d, "g")));
			break;
		case 3:
			OK(setxattr(daemon_path(&d, "f"), "user.a", "b", 1, 0));
			break;
		default:
			OK(truncate(daemon_path(&d, "f"), what));
			break;
		}
		st = stat_at(&d, "f");
		cr_assert(is_later(&st.st_ctim, &last.st_ctim), "change %d", what);
		cr_assert_eq(is_later(&st.st_mtim, &last.st_mtim), what % 5 == 4, "change %d",
			     what);
		if (what >= 5)
			close(fd);
	}
	stop(&d);
}

FACT(memfs_backed, reading_on_a_mount_without_atime_leaves_it)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_nsec = UTIME_OMIT}};
	struct daemon d = {0};

	daemon_start(&d, "-onoatime,data=passthrough", NULL);
	put(&d, "f", "hello");
	OK(utimensat(AT_FDCWD, daemon_path(&d, "f"), old, 0));
	cr_assert_str_eq(get_at(&d, "f"), "hello");
	cr_assert_eq(stat_at(&d, "f").st_atim.tv_sec, 1000);
	stop(&d);
}

/* ---- changes of data that are not writes ---- */

FACT(memfs_backed, a_truncate_of_an_open_file_is_seen_by_all)
{
	struct daemon d = {0};
	int fd;

	start(&d);
	put(&d, "f", "hello world");
	fd = open_at(&d, "f", O_RDWR);
	OK(truncate(daemon_path(&d, "f"), 5));
	cr_assert_str_eq(get(fd), "hello");
	cr_assert_eq(files_stat(fd).st_size, 5);
	OK(ftruncate(fd, 3L * PAGE));
	cr_assert_eq(lseek(fd, 0, SEEK_END), 3L * PAGE);
	cr_assert_eq(stat_at(&d, "f").st_size, 3L * PAGE);
	cr_assert_eq(stat_at(&d, "f").st_blocks, 8);
	close(fd);
	OK(truncate(daemon_path(&d, "f"), 1));
	cr_assert_str_eq(get_at(&d, "f"), "h");
	stop(&d);
}

FACT(memfs_backed, fallocate_and_seek_work_as_on_tmpfs_and_ranges_are_zeroed)
{
	struct daemon d = {0};
	char text[4] = "";
	int fd;

	start(&d);
	fd = open_at(&d, "f", O_RDWR | O_CREAT);
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2L * PAGE));
	cr_assert_eq(files_stat(fd).st_size, 0);
	cr_assert_eq(files_stat(fd).st_blocks, 16);
	OK(fallocate(fd, 0, 0, 4L * PAGE));
	cr_assert_eq(files_stat(fd).st_size, 4L * PAGE);
	cr_assert_eq(pwrite(fd, "abc", 3, PAGE), 3);
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	cr_assert_eq(files_stat(fd).st_blocks, 24);
	cr_assert_eq(lseek(fd, 0, SEEK_DATA), PAGE);
	cr_assert_eq(lseek(fd, PAGE, SEEK_HOLE), 2L * PAGE);
	OK(fallocate(fd, FALLOC_FL_ZERO_RANGE, PAGE + 1, 4L * PAGE));
	cr_assert_eq(files_stat(fd).st_size, 5L * PAGE + 1);
	cr_assert_eq(pread(fd, text, 3, PAGE), 3);
	cr_assert_eq(memcmp(text, "a\0\0", 3), 0);
	cr_assert_eq(fallocate(fd, FALLOC_FL_ZERO_RANGE, PAGE, 300L * PAGE), -1);
	cr_assert_eq(errno, ENOSPC);
	cr_assert_eq(pread(fd, text, 1, PAGE), 1);
	cr_assert_eq(text[0], 'a', "what failed has zeroed");
	cr_assert_eq(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE), -1);
	cr_assert_eq(errno, EOPNOTSUPP);
	close(fd);
	stop(&d);
}

FACT(memfs_backed, a_range_is_copied_from_file_to_file)
{
	struct daemon d = {0};
	off_t in = 1, out = 0;
	int from, to;

	start(&d);
	put(&d, "from", "abcdef");
	from = open_at(&d, "from", O_RDONLY);
	to = open_at(&d, "to", O_RDWR | O_CREAT);
	cr_assert_eq(copy_file_range(from, &in, to, &out, 100, 0), 5, "%s", strerror(errno));
	cr_assert_str_eq(get(to), "bcdef");
	cr_assert_eq(files_stat(to).st_size, 5);
	close(from);
	close(to);
	stop(&d);
}

FACT(memfs_backed, names_of_a_file_share_its_data_and_a_replaced_one_keeps_its_own)
{
	struct daemon d = {0};
	int fd;

	start(&d);
	put(&d, "f", "one");
	OK(link(daemon_path(&d, "f"), daemon_path(&d, "g")));
	fd = open_at(&d, "f", O_RDWR);
	put(&d, "h", "two");
	OK(rename(daemon_path(&d, "h"), daemon_path(&d, "f")));
	cr_assert_eq(pwrite(fd, "O", 1, 0), 1);
	cr_assert_str_eq(get_at(&d, "g"), "One");
	cr_assert_str_eq(get_at(&d, "f"), "two");
	OK(unlink(daemon_path(&d, "g")));
	cr_assert_str_eq(get(fd), "One");
	close(fd);
	cr_assert(eventually(free_pages(&d) == 255));
	stop(&d);
}

FACT(memfs_backed, o_tmpfile_can_be_written_and_linked)
{
	struct daemon d = {0};
	char proc[64];
	int fd;

	start(&d);
	fd = open(d.mnt, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	cr_assert(fd >= 0, "%s", strerror(errno));
	cr_assert_eq(write(fd, "abc", 3), 3);
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, proc, AT_FDCWD, daemon_path(&d, "f"), AT_SYMLINK_FOLLOW));
	close(fd);
	files_forget(&d);
	cr_assert_str_eq(get_at(&d, "f"), "abc");
	stop(&d);
}

/* ---- privileges ---- */

static int write_to(void *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || pwrite(fd, "x", 1, 0) != 1 ? errno : 0;

	close(fd);
	return ret;
}

FACT(memfs_backed, writing_takes_setuid_and_capabilities_away_but_not_setuid_from_root)
{
	/* cap_net_bind_service, permitted and effective */
	static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4};
	struct daemon d = {0};
	char *path;
	int fd;

	start(&d);
	put(&d, "f", "hello");
	path = daemon_path(&d, "f");
	OK(chmod(path, 06777));
	OK(harness_as(0, write_to, path));
	cr_assert_eq(stat_at(&d, "f").st_mode & 07777, 06777);
	OK(harness_as(HARNESS_USER, write_to, path));
	cr_assert_eq(stat_at(&d, "f").st_mode & 07777, 0777);
	/* also of a file that was open when it got them */
	fd = open_at(&d, "f", O_WRONLY);
	cr_assert_eq(write(fd, "h", 1), 1);
	OK(chmod(path, 06777));
	OK(harness_as(HARNESS_USER, write_to, path));
	cr_assert_eq(stat_at(&d, "f").st_mode & 07777, 0777);
	OK(setxattr(path, "security.capability", capability, sizeof capability, 0));
	cr_assert_eq(write(fd, "h", 1), 1);
	cr_assert_eq(getxattr(path, "security.capability", NULL, 0), -1);
	cr_assert_eq(errno, ENODATA);
	close(fd);
	stop(&d);
}

/* ---- where it cannot be had ---- */

FACT(memfs_backed, without_the_privilege_it_is_refused_in_one_line)
{
	struct daemon d = {.userns = true};
	char *text;

	daemon_spawn(&d, "-odata=passthrough", NULL);
	cr_assert_eq(daemon_wait(&d), 2);
	text = daemon_log(&d, 0);
	cr_assert_not_null(strstr(text, "data=passthrough takes CAP_SYS_ADMIN"), "%s", text);
	cr_assert_not_null(strstr(text, "data=cached"), "%s", text);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "not one line: %s", text);
	cr_assert(!daemon_mounted(&d));
}

FACT(memfs_backed, auto_works_without_the_privilege)
{
	struct daemon d = {.userns = true};

	daemon_start(&d, "-odata=auto", NULL);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* What comes to the daemon then, it does itself. */
FACT(memfs_backed, a_file_that_the_kernel_refuses_is_served_by_requests)
{
	static const struct deny deny[] = {
		{SYS_ioctl, _IOC(_IOC_WRITE, 229, 1, 16), ENOMEM},
	};
	struct daemon d = {.deny = deny, .ndeny = 1};
	struct counters before, after;
	int fd, other;
	char *map;

	start(&d);
	fd = open_at(&d, "f", O_RDWR | O_CREAT);
	counters_read(&d, &before);
	cr_assert_eq(write(fd, "hello", 5), 5);
	cr_assert_str_eq(get(fd), "hello");
	counters_read(&d, &after);
	cr_assert_gt(counters_of(&after, "WRITE"), counters_of(&before, "WRITE"));
	cr_assert_gt(counters_of(&after, "READ"), counters_of(&before, "READ"));
	other = open_at(&d, "f", O_WRONLY | O_APPEND);
	cr_assert_eq(write(other, " world", 6), 6);
	cr_assert_str_eq(get(fd), "hello world");
	cr_assert_eq(files_stat(fd).st_size, 11);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED, "%s", strerror(errno));
	cr_assert_eq(memcmp(map, "hello world", 12), 0);
	map[0] = 'J';
	OK(msync(map, PAGE, MS_SYNC));
	OK(munmap(map, PAGE));
	cr_assert_str_eq(get(fd), "Jello world");
	OK(fchmod(fd, 06777));
	OK(harness_as(HARNESS_USER, write_to, daemon_path(&d, "f")));
	cr_assert_eq(files_stat(fd).st_mode & 07777, 0777);
	close(other);
	other = open_at(&d, "g", O_WRONLY | O_CREAT);
	cr_assert_eq(fill(other), 255);
	close(other);
	close(fd);
	cr_assert_str_eq(get_at(&d, "f"), "xello world");
	stop(&d);
}

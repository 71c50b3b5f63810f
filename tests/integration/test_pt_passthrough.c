/*
 * Passthrough: kernel passthrough: which data goes without a message, and that nobody notices.
 */
#include "pt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

#define SIZE ((size_t)1 << 20)

static void copy_through_pipe(int from, int to)
{
	int ends[2];

	PT_OK(pipe2(ends, O_CLOEXEC));
	for (off_t at = 0; at < (off_t)SIZE;) {
		ssize_t n = splice(from, &at, ends[1], NULL, 32768, 0);

		cr_assert(n > 0, "%s", strerror(errno));
		cr_assert_eq(splice(ends[0], NULL, to, NULL, (size_t)n, 0), n);
	}
	close(ends[0]);
	close(ends[1]);
}

static void map_both(int from, int to)
{
	char *in = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, from, 0), *out;

	PT_OK(ftruncate(to, (off_t)SIZE));
	out = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
	cr_assert(in != MAP_FAILED && out != MAP_FAILED, "%s", strerror(errno));
	memcpy(out, in, SIZE);
	PT_OK(msync(out, SIZE, MS_SYNC));
	munmap(in, SIZE);
	munmap(out, SIZE);
}

static void direct(int from, int to)
{
	void *block = aligned_alloc(4096, 65536);

	PT_OK(fcntl(from, F_SETFL, O_DIRECT));
	PT_OK(fcntl(to, F_SETFL, O_DIRECT));
	for (off_t at = 0; at < (off_t)SIZE; at += 65536) {
		cr_assert_eq(pread(from, block, 65536, at), 65536, "%s", strerror(errno));
		cr_assert_eq(pwrite(to, block, 65536, at), 65536, "%s", strerror(errno));
	}
	free(block);
}

static void read_and_write(int from, int to)
{
	static char block[10000];
	ssize_t n;

	while ((n = read(from, block, sizeof block)) > 0)
		cr_assert_eq(write(to, block, (size_t)n), n);
}

static void send_file(int from, int to)
{
	size_t left = SIZE;

	while (left > 0) {
		ssize_t n = sendfile(to, from, NULL, left);

		cr_assert(n > 0, "%s", strerror(errno));
		left -= (size_t)n;
	}
}

static void (*const ways[])(int from, int to) = {read_and_write, copy_through_pipe, map_both,
						 direct, send_file};

/* Copies a file in each of these ways; the messages that read and wrote. */
static unsigned long copy_in_all_ways(struct pt *p, unsigned long *getxattrs)
{
	struct counters before, after;

	pt_fill(pt_mnt(p, "from"), SIZE);
	counters_read(&p->d, &before);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		int from = pt_open(pt_mnt(p, "from"), O_RDONLY);
		int to = pt_open(pt_mnt(p, "to%zu", i), O_RDWR | O_CREAT | O_EXCL);

		ways[i](from, to);
		cr_assert_eq(files_stat(to).st_size, (off_t)SIZE);
		close(from);
		close(to);
	}
	counters_read(&p->d, &after);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		cr_assert_arr_eq(pt_get(pt_mnt(p, "from")), pt_get(pt_src(p, "to%zu", i)), SIZE);
	*getxattrs = counters_of(&after, "GETXATTR") - counters_of(&before, "GETXATTR");
	return counters_of(&after, "READ") - counters_of(&before, "READ") +
	       counters_of(&after, "WRITE") - counters_of(&before, "WRITE");
}

PT_FACT(pt_passthrough, no_data_comes_to_the_daemon)
{
	struct pt p = {.kind = kind};
	unsigned long getxattrs;

	pt_start(&p, NULL);
	cr_assert(pt_passes_through(&p), "%s", daemon_log(&p.d, 0));
	cr_assert_eq(copy_in_all_ways(&p, &getxattrs), 0);
	/* about 200 writes: once a file the kernel may ask whether it has capabilities */
	cr_assert_leq(getxattrs, 10);
	pt_stop(&p);
}

PT_FACT(pt_passthrough, off_is_off)
{
	struct pt p = {.kind = kind};
	unsigned long getxattrs;

	pt_start(&p, "-opassthrough=off", NULL);
	cr_assert(!pt_passes_through(&p), "%s", daemon_log(&p.d, 0));
	cr_assert_gt(copy_in_all_ways(&p, &getxattrs), 100);
	cr_assert_leq(getxattrs, 10);
	pt_stop(&p);
}

FACT(pt_passthrough, a_program_on_the_mount_runs)
{
	struct pt p = {0};
	struct run run;

	pt_start(&p, NULL);
	run_command(&run, 0,
		    (char *[]){(char[]){"cp"}, (char[]){"/bin/echo"}, pt_mnt(&p, "echo"), NULL});
	cr_assert_eq(run.status, 0, "%s", run.err);
	run_command(&run, 3, (char *[]){pt_mnt(&p, "echo"), (char[]){"hello"}, NULL});
	cr_assert_str_eq(run.out, "hello\n", "%s", run.err);
	pt_stop(&p);
}

/* ---- coherence ---- */

PT_FACT(pt_passthrough, both_sides_see_each_other_at_once)
{
	struct pt p = {.kind = kind};
	char got[8] = "", *here, *there;
	int fd, side;

	pt_start(&p, NULL);
	pt_fill(pt_mnt(&p, "f"), 8192);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	side = pt_open(pt_src(&p, "f"), O_RDWR);
	cr_assert_eq(pwrite(side, "one", 3, 100), 3);
	cr_assert_eq(pread(fd, got, 3, 100), 3);
	cr_assert_str_eq(got, "one");
	cr_assert_eq(pwrite(fd, "two", 3, 100), 3);
	cr_assert_eq(pread(side, got, 3, 100), 3);
	cr_assert_str_eq(got, "two");
	here = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	there = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, side, 0);
	cr_assert(here != MAP_FAILED && there != MAP_FAILED, "%s", strerror(errno));
	memcpy(here + 5000, "three", 5);
	cr_assert_arr_eq(there + 5000, "three", 5);
	memcpy(there + 5000, "fours", 5);
	cr_assert_arr_eq(here + 5000, "fours", 5);
	cr_assert_eq(pread(fd, got, 5, 5000), 5);
	cr_assert_arr_eq(got, "fours", 5);
	/* longer, shorter */
	cr_assert_eq(pwrite(side, "end", 3, 10000), 3);
	cr_assert_eq(pread(fd, got, sizeof got, 10000), 3);
	/* what was known of the size before the file was opened is forgotten, soon */
	cr_assert(eventually(lseek(fd, 0, SEEK_END) == 10003));
	PT_OK(ftruncate(side, 5));
	cr_assert_eq(pread(fd, got, sizeof got, 0), 5);
	munmap(here, 8192);
	munmap(there, 8192);
	close(fd);
	close(side);
	pt_stop(&p);
}

static void check_times(const struct pt *p, int fd)
{
	struct stat ours = files_stat(fd), theirs = pt_stat(pt_src(p, "f"));

	cr_assert_eq(ours.st_size, theirs.st_size);
	cr_assert_eq(ours.st_blocks, theirs.st_blocks);
	cr_assert_eq(ours.st_mtim.tv_sec, theirs.st_mtim.tv_sec);
	cr_assert_eq(ours.st_mtim.tv_nsec, theirs.st_mtim.tv_nsec);
	cr_assert_eq(ours.st_ctim.tv_nsec, theirs.st_ctim.tv_nsec);
}

/* Nothing but the open file tells that it changes. */
PT_FACT(pt_passthrough, size_and_times_are_right_at_once_after_writes_and_stores)
{
	struct timespec old[2] = {{1000, 1}, {1000, 1}};
	struct pt p = {.kind = kind};
	int fd, reader;
	char *map;

	pt_start(&p, "-oattr_timeout=1000,entry_timeout=1000", NULL);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR | O_CREAT);
	reader = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	for (int i = 1; i < 20; i++) {
		cr_assert_eq(write(fd, "0123456789", 10), 10);
		cr_assert_eq(pt_stat(pt_mnt(&p, "f")).st_size, 10 * i);
		check_times(&p, reader);
	}
	PT_OK(ftruncate(fd, 8192));
	check_times(&p, fd);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	PT_OK(futimens(fd, old));
	memcpy(map + 4096, "abc", 3);
	PT_OK(msync(map, 8192, MS_SYNC));
	check_times(&p, reader);
	check_times(&p, fd);
	/* the last store, and nobody who asks before all is closed */
	PT_OK(futimens(fd, old));
	cr_assert_eq(files_stat(reader).st_mtim.tv_sec, 1000);
	memcpy(map, "abc", 3);
	munmap(map, 8192);
	close(fd);
	cr_assert(eventually(({
		struct stat ours = files_stat(reader);
		struct stat theirs = pt_stat(pt_src(&p, "f"));

		ours.st_mtim.tv_sec == theirs.st_mtim.tv_sec &&ours.st_mtim.tv_nsec ==
			theirs.st_mtim.tv_nsec;
	})));
	close(reader);
	pt_stop(&p);
}

/* ---- several opens of one inode ---- */

#define OPENERS 6
#define OPENS   250

static const int open_flags[] = {
	O_RDONLY,           O_WRONLY,         O_RDWR, O_RDWR | O_APPEND, O_RDONLY | O_DIRECT,
	O_WRONLY | O_TRUNC, O_RDWR | O_CREAT,
};

/* Opens and closes the file in all modes, and uses it: 0, or what went wrong. */
static int open_and_close(void *path)
{
	unsigned seed = (unsigned)getpid();
	char block[64];

	for (int i = 0; i < OPENS; i++) {
		int flags = open_flags[rand_r(&seed) % (sizeof open_flags / sizeof open_flags[0])];
		int fd = open(path, flags | O_CLOEXEC, 0644);
		void *map = MAP_FAILED;

		if (fd < 0)
			return errno;
		if ((flags & O_ACCMODE) != O_RDONLY && write(fd, "some bytes", 10) != 10)
			return errno;
		if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_DIRECT) &&
		    read(fd, block, sizeof block) < 0)
			return errno;
		if ((flags & O_ACCMODE) != O_WRONLY)
			map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		if ((flags & O_ACCMODE) != O_WRONLY && map == MAP_FAILED)
			return errno;
		close(fd);
		if (map != MAP_FAILED)
			munmap(map, 4096);
	}
	return 0;
}

static void storm(enum pt_kind kind, const char *options)
{
	struct pt p = {.kind = kind};
	pid_t pid[OPENERS];

	pt_start(&p, options, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	for (int i = 0; i < OPENERS; i++)
		pid[i] = harness_fork(open_and_close, pt_mnt(&p, "f"));
	for (int i = 0; i < OPENERS; i++) {
		int ret = harness_reap(pid[i], 25000);

		cr_assert_eq(ret, 0, "%s", strerror(ret));
	}
	pt_put(pt_mnt(&p, "f"), "at last");
	cr_assert_str_eq(pt_get(pt_src(&p, "f")), "at last");
	pt_stop(&p);
}

PT_FACT(pt_passthrough, all_modes_of_opening_mix_in_a_storm)
{
	storm(kind, "-opassthrough=auto");
}

FACT(pt_passthrough, all_modes_of_opening_mix_in_a_storm_without_it)
{
	storm(PT_TMPFS, "-opassthrough=off");
}

FACT(pt_passthrough, all_modes_of_opening_mix_in_a_storm_without_a_cache)
{
	storm(PT_TMPFS, "-opassthrough=off,cache=none");
}

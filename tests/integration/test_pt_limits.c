/*
 * Passthrough: descriptors and memory: a daemon with few of them serves a tree of any size.
 */
#include "pt.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define FEW   128
#define DIRS  40
#define FILES 60 /* in each */

/* All on the source, which is quick. */
static void make_tree(const struct pt *p, unsigned dirs, unsigned files)
{
	char path[256];

	for (unsigned d = 0; d < dirs; d++) {
		snprintf(path, sizeof path, "%s/d%u", p->src, d);
		PT_OK(mkdir(path, 0755));
		PT_OK(chown(path, p->d.uid, p->d.uid));
		for (unsigned f = 0; f < files; f++) {
			int fd;

			snprintf(path, sizeof path, "%s/d%u/f%u", p->src, d, f);
			fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
			cr_assert(fd >= 0, "%s", strerror(errno));
			cr_assert_gt(dprintf(fd, "%u/%u", d, f), 0);
			PT_OK(fchown(fd, p->d.uid, p->d.uid));
			close(fd);
		}
	}
}

static unsigned seen;

static int see(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	seen += type == FTW_F;
	return type == FTW_NS || type == FTW_DNR ? errno : 0;
}

/* Walks the tree as find does, then opens and reads each file; an errno value. */
static int walk(void *mnt)
{
	char path[256], expected[32], got[32];
	int ret;

	seen = 0;
	ret = nftw(mnt, see, 10, FTW_PHYS);
	if (ret != 0)
		return ret > 0 ? ret : errno;
	if (seen != DIRS * FILES)
		return ENOENT;
	for (unsigned d = 0; d < DIRS; d++)
		for (unsigned f = 0; f < FILES; f++) {
			ssize_t n;
			int fd;

			snprintf(path, sizeof path, "%s/d%u/f%u", (const char *)mnt, d, f);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd < 0)
				return errno;
			n = read(fd, got, sizeof got - 1);
			close(fd);
			if (n <= 0)
				return n < 0 ? errno : EIO;
			got[n] = '\0';
			snprintf(expected, sizeof expected, "%u/%u", d, f);
			if (strcmp(got, expected) != 0)
				return EILSEQ;
		}
	return 0;
}

/* The most descriptors that the daemon had while `pid` ran; its result. */
static int watch_descriptors(const struct pt *p, pid_t pid, unsigned *most)
{
	int ret;

	*most = 0;
	do {
		unsigned n = daemon_count_fds(&p->d);

		*most = n > *most ? n : *most;
		ret = harness_reap(pid, 20);
	} while (ret == -1);
	return ret;
}

static void walk_with_few(struct pt *p)
{
	unsigned most;

	p->d.descriptors = FEW;
	pt_make_source(p);
	make_tree(p, DIRS, FILES);
	pt_start(p, NULL);
	/* again with the kernel's caches full: nothing has to be forgotten by chance */
	for (int i = 0; i < 3; i++) {
		pid_t pid;
		int ret;

		if (p->d.uid)
			ret = harness_as(p->d.uid, walk, (void *)p->d.mnt);
		else
			pid = harness_fork(walk, (void *)p->d.mnt),
			ret = watch_descriptors(p, pid, &most);
		cr_assert_eq(ret, 0, "%s", strerror(ret));
		cr_assert_leq(daemon_count_fds(&p->d), FEW);
	}
}

PT_FACT(pt_limits, few_descriptors_are_enough_for_a_tree_of_any_size)
{
	struct pt p = {.kind = kind};

	walk_with_few(&p);
	pt_stop(&p);
}

FACT(pt_limits, few_descriptors_are_enough_for_a_user_too)
{
	struct pt p = {.d.uid = HARNESS_USER};

	harness_open_fuse_to_all();
	walk_with_few(&p);
	cr_assert_eq(daemon_stop(&p.d), 0);
}

/* Clients sit in directories and hold files by O_PATH: nothing of that can be forgotten. */
FACT(pt_limits, what_clients_hold_does_not_use_up_descriptors)
{
	struct pt p = {.d.descriptors = FEW};
	int held[DIRS * 8];

	pt_make_source(&p);
	make_tree(&p, DIRS, FILES);
	pt_start(&p, NULL);
	for (unsigned i = 0; i < DIRS * 8; i++) {
		held[i] = open(pt_mnt(&p, "d%u/f%u", i % DIRS, i / DIRS), O_PATH | O_CLOEXEC);
		cr_assert(held[i] >= 0, "%s", strerror(errno));
	}
	cr_assert_eq(walk((void *)p.d.mnt), 0);
	for (unsigned i = 0; i < DIRS * 8; i++) {
		cr_assert_eq(files_stat(held[i]).st_ino,
			     pt_stat(pt_src(&p, "d%u/f%u", i % DIRS, i / DIRS)).st_ino);
		close(held[i]);
	}
	pt_stop(&p);
}

/* How many files can be open at the same time; they are in `fd`. */
static int open_until_emfile(const struct pt *p, int *fd, int max, int flags)
{
	int n = 0;

	while (n < max) {
		fd[n] = open(pt_mnt(p, "d%u/f%u", n % DIRS, n / DIRS), flags | O_CLOEXEC);
		if (fd[n] < 0) {
			cr_assert_eq(errno, EMFILE, "%s", strerror(errno));
			break;
		}
		n++;
	}
	return n;
}

static void exhaust(const char *options)
{
	struct pt p = {.d.descriptors = FEW};
	int fd[FEW * 2], n;
	char got[8];

	pt_make_source(&p);
	make_tree(&p, DIRS, FILES);
	pt_start(&p, options, NULL);
	cr_assert_eq(walk((void *)p.d.mnt), 0);
	for (int round = 0; round < 2; round++) {
		n = open_until_emfile(&p, fd, FEW * 2, O_RDONLY);
		cr_assert_geq(n, 32, "only %d files could be open", n);
		cr_assert_lt(n, FEW, "that many do not fit");
		/* what is open works, and so does all that needs no open file */
		for (int i = 0; i < n; i++)
			cr_assert_gt(pread(fd[i], got, sizeof got, 0), 0, "%s", strerror(errno));
		for (unsigned d = 0; d < DIRS; d++) {
			PT_OK(chmod(pt_mnt(&p, "d%u/f50", d), 0600 + d));
			cr_assert_eq(pt_stat(pt_src(&p, "d%u/f50", d)).st_mode & 0777, 0600 + d);
			PT_OK(rename(pt_mnt(&p, "d%u/f50", d), pt_mnt(&p, "d%u/g", d)));
			PT_OK(rename(pt_mnt(&p, "d%u/g", d), pt_mnt(&p, "d%u/f50", d)));
		}
		PT_FAILS(open(pt_mnt(&p, "d3/f59"), O_RDONLY), EMFILE);
		for (int i = 0; i < n; i++)
			close(fd[i]);
		cr_assert(eventually(pt_has(pt_mnt(&p, "d3/f59"), "3/59")));
		cr_assert_eq(walk((void *)p.d.mnt), 0);
	}
	pt_stop(&p);
}

FACT(pt_limits, emfile_comes_for_open_files_only_and_goes_when_they_are_closed)
{
	exhaust("-opassthrough=auto");
}

FACT(pt_limits, emfile_comes_for_open_files_only_without_kernel_passthrough)
{
	exhaust("-opassthrough=off");
}

/* ---- memory ---- */

static void look_at_all(const struct pt *p, unsigned dirs, unsigned files)
{
	char path[256];
	struct stat st;

	for (unsigned d = 0; d < dirs; d++)
		for (unsigned f = 0; f < files; f++) {
			snprintf(path, sizeof path, "%s/d%u/f%u", p->d.mnt, d, f);
			cr_assert_eq(lstat(path, &st), 0, "%s: %s", path, strerror(errno));
		}
}

FACT(pt_limits, memory_and_descriptors_are_given_back_after_forgets)
{
	struct pt p = {.d.descriptors = 1000};
	long before, peak;
	unsigned fds;

	pt_make_source(&p);
	make_tree(&p, 20, 1200);
	pt_start(&p, NULL);
	look_at_all(&p, 1, 1);
	files_forget(&p.d);
	before = daemon_status_of(&p.d, "VmRSS:");
	fds = daemon_count_fds(&p.d);
	for (int round = 0; round < 2; round++) {
		look_at_all(&p, 20, 1200);
		peak = daemon_status_of(&p.d, "VmRSS:");
		cr_assert_gt(daemon_count_fds(&p.d), fds + 100, "are there no descriptors?");
		if (!daemon_is_sanitized())
			cr_assert_lt(peak - before, 24000 * 400 / 1024, "%ld KiB more",
				     peak - before);
		files_forget(&p.d);
		cr_assert(eventually(daemon_count_fds(&p.d) <= fds + 2), "%u, and %u before",
			  daemon_count_fds(&p.d), fds);
		if (!daemon_is_sanitized())
			cr_assert(eventually(daemon_status_of(&p.d, "VmRSS:") - before <
					     (peak - before) / 4 + 256),
				  "%ld KiB at the start, %ld with all, %ld now", before, peak,
				  daemon_status_of(&p.d, "VmRSS:"));
	}
	pt_stop(&p);
}

/*
 * The rules on lookup counts: whatever was counted is forgotten, in lists, and until then an inode
 * lives on without a name.
 */
#include "sem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define CHILDREN 3
#define STEPS    1500
#define MANY     1200

/* ---- a random workload ---- */

struct walker {
	const struct daemon *d;
	unsigned seed;
};

static unsigned roll(struct walker *w, unsigned sides)
{
	return (unsigned)rand_r(&w->seed) % sides;
}

/* One of a few places in a few directories, so that the walkers get into each other's way. */
static char *somewhere(struct walker *w)
{
	unsigned depth = roll(w, 3);

	if (depth == 0)
		return daemon_path(w->d, "n%u", roll(w, 8));
	if (depth == 1)
		return daemon_path(w->d, "n%u/n%u", roll(w, 8), roll(w, 4));
	return daemon_path(w->d, "n%u/n%u/n%u", roll(w, 8), roll(w, 4), roll(w, 4));
}

static int create_and_write(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, "text", 4);
	close(fd);
	return n < 0 ? -1 : 0;
}

static void list(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	struct stat st;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW);
	closedir(dir);
}

/* Each may fail: what lies there is whatever the others have made. */
static void step(struct walker *w)
{
	char *path = somewhere(w), *other = somewhere(w);
	struct stat st;
	int ret = 0;

	switch (roll(w, 10)) {
	case 0:
	case 1:
		ret = create_and_write(path);
		break;
	case 2:
		ret = mkdir(path, 0755);
		break;
	case 3:
		ret = symlink("target", path);
		break;
	case 4:
		ret = link(path, other);
		break;
	case 5:
		ret = unlink(path);
		break;
	case 6:
		ret = rmdir(path);
		break;
	case 7:
		ret = renameat2(AT_FDCWD, path, AT_FDCWD, other, roll(w, 3));
		break;
	case 8:
		list(path);
		break;
	default:
		ret = lstat(path, &st);
	}
	(void)ret;
	free(path);
	free(other);
}

static int walk(void *arg)
{
	for (int i = 0; i < STEPS; i++)
		step(arg);
	return 0;
}

static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)type;
	(void)ftw;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

/* Distinct inodes below the root, each with a lookup count of its own. */
static unsigned long known_after_a_walk(const struct daemon *d)
{
	cr_assert_eq(nftw(d->mnt, count_one, 16, FTW_PHYS), 0, "%s", strerror(errno));
	return sem_value("known");
}

static void walk_in_parallel(const struct daemon *d)
{
	struct walker w[CHILDREN];
	pid_t pid[CHILDREN];

	for (unsigned i = 0; i < CHILDREN; i++) {
		w[i] = (struct walker){.d = d, .seed = i + 1};
		pid[i] = harness_fork(walk, &w[i]);
	}
	for (unsigned i = 0; i < CHILDREN; i++)
		cr_assert_eq(harness_reap(pid[i], 60000), 0);
}

SEM_FACT_WITHIN(forget, after_a_random_workload_the_counts_equal_what_the_kernel_knows, 90)
{
	struct daemon d;
	int fd[3];

	sem_start(&d, backend, NULL);
	walk_in_parallel(&d);
	/* three more, which stay in use: one in a directory, one without a name any more */
	cr_assert_eq(mkdir(daemon_path(&d, "own"), 0755), 0);
	fd[0] = files_create(daemon_path(&d, "own/a"));
	fd[1] = files_create(daemon_path(&d, "own/b"));
	fd[2] = files_create(daemon_path(&d, "c"));
	cr_assert_eq(unlink(daemon_path(&d, "c")), 0);
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 4), "%lu are known, not own, a, b and c",
		  sem_value("known"));
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 0), "%lu are still known", sem_value("known"));
	cr_assert_eq(sem_value("lookups"), 0);
	cr_assert(eventually(sem_value("open") == 0));
	/* nothing is kept that has no name, and nothing with a name is lost */
	cr_assert_eq(known_after_a_walk(&d), sem_value("nodes"));
	cr_assert_eq(nftw(d.mnt, remove_one, 16, FTW_PHYS | FTW_DEPTH), 0, "%s", strerror(errno));
	files_forget(&d);
	cr_assert(eventually(sem_value("nodes") == 0), "%lu nodes are left", sem_value("nodes"));
	sem_stop(&d);
}

SEM_FACT(forget, comes_as_lists)
{
	unsigned long calls, pairs;
	struct daemon d;

	sem_start(&d, backend, NULL);
	for (int i = 0; i < MANY; i++)
		close(files_create(daemon_path(&d, "f%d", i)));
	cr_assert_eq(sem_value("known"), MANY);
	calls = sem_value("calls.forget");
	pairs = sem_value("forgotten");
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 0));
	cr_assert_eq(sem_value("forgotten") - pairs, MANY);
	/* how long the lists are depends on how fast they are read */
	cr_assert_lt(sem_value("calls.forget") - calls, MANY);
	cr_assert_gt(sem_value("most_forgotten"), 8);
	sem_stop(&d);
}

SEM_FACT(forget, a_pair_takes_back_many_lookups_at_once)
{
	unsigned long pairs;
	struct daemon d;
	struct stat st;

	sem_start(&d, backend, "-o", "entry_timeout=0", NULL);
	close(files_create(daemon_path(&d, "f")));
	for (int i = 0; i < 20; i++)
		cr_assert_eq(stat(daemon_path(&d, "f"), &st), 0);
	cr_assert_gt(sem_value("lookups"), 20);
	pairs = sem_value("forgotten");
	files_forget(&d);
	cr_assert(eventually(sem_value("lookups") == 0));
	/* the backend's special files are in use, and so is the root */
	cr_assert_eq(sem_value("forgotten") - pairs, 1);
	sem_stop(&d);
}

/* ---- readdirplus ---- */

static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

SEM_FACT(forget, readdirplus_counts_each_entry_once_but_not_dot_and_dot_dot)
{
	unsigned long messages, root_count, dir_count;
	int root, dir;
	struct daemon d;
	struct stat st;

	sem_start(&d, backend, NULL);
	root = open(d.mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	for (int i = 0; i < 300; i++)
		close(files_create(daemon_path(&d, "dir/f%d", i)));
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 0));
	dir = open(daemon_path(&d, "dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root_count = sem_count(root);
	dir_count = sem_count(dir);
	cr_assert_eq(dir_count, 1);
	messages = sem_messages(&d, "READDIRPLUS");
	cr_assert_eq(count_entries(daemon_path(&d, "dir")), 302);
	cr_assert_gt(sem_messages(&d, "READDIRPLUS"), messages, "nothing was tested");
	cr_assert_eq(sem_count(root), root_count);
	cr_assert_eq(sem_count(dir), dir_count);
	/* later parts of a listing may come without attributes; each that did counts once */
	cr_assert_eq(sem_value("lookups"), sem_value("known"));
	cr_assert_gt(sem_value("known"), 20);
	/* what came with attributes needs no lookup */
	SEM_MESSAGES(&d, "", cr_assert_eq(stat(daemon_path(&d, "dir/f0"), &st), 0));
	close(dir);
	close(root);
	files_forget(&d);
	cr_assert(eventually(sem_value("lookups") == 0), "%lu lookups are left",
		  sem_value("lookups"));
	sem_stop(&d);
}

SEM_FACT(forget, readdirplus_does_not_count_an_entry_without_attributes)
{
	struct daemon d;
	struct stat st;

	sem_start(&d, backend, NULL);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	close(files_create(daemon_path(&d, "dir/bare")));
	close(files_create(daemon_path(&d, "dir/full")));
	files_forget(&d);
	cr_assert(eventually(sem_value("known") == 0));
	cr_assert_eq(count_entries(daemon_path(&d, "dir")), 4);
	cr_assert_eq(sem_value("lookups"), 2, "dir and full");
	SEM_MESSAGES(&d, "LOOKUP+1", cr_assert_eq(stat(daemon_path(&d, "dir/bare"), &st), 0));
	SEM_MESSAGES(&d, "", cr_assert_eq(stat(daemon_path(&d, "dir/full"), &st), 0));
	files_forget(&d);
	cr_assert(eventually(sem_value("lookups") == 0));
	sem_stop(&d);
}

/* ---- without a name ---- */

static void check_contents(int fd, const char *expected)
{
	char text[64];
	ssize_t n;

	files_forget_data(fd);
	n = pread(fd, text, sizeof text - 1, 0);
	cr_assert(n >= 0, "%s", strerror(errno));
	text[n] = '\0';
	cr_assert_str_eq(text, expected);
}

SEM_FACT(forget, an_unlinked_file_keeps_its_contents_until_it_is_closed_and_forgotten)
{
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	sem_put(&d, "f", "the text");
	fd = open(daemon_path(&d, "f"), O_RDWR | O_CLOEXEC);
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), ENOENT, "the name goes at once");
	cr_assert_eq(files_stat(fd).st_nlink, 0);
	check_contents(fd, "the text");
	cr_assert_eq(pwrite(fd, "more", 4, 8), 4);
	check_contents(fd, "the textmore");
	close(fd);
	cr_assert(eventually(sem_value("nodes") == 0), "it was not given up");
	sem_stop(&d);
}

SEM_FACT(forget, a_closed_file_without_a_name_lives_while_it_is_known)
{
	char link[64], text[16];
	struct daemon d;
	int known, fd;

	sem_start(&d, backend, NULL);
	sem_put(&d, "f", "the text");
	known = open(daemon_path(&d, "f"), O_PATH | O_CLOEXEC);
	cr_assert(known >= 0);
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	cr_assert(eventually(sem_value("open") == 0));
	cr_assert_eq(sem_value("nodes"), 1);
	snprintf(link, sizeof link, "/proc/self/fd/%d", known);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s", strerror(errno));
	cr_assert_eq(read(fd, text, sizeof text), 8);
	cr_assert_eq(memcmp(text, "the text", 8), 0);
	close(fd);
	close(known);
	cr_assert(eventually(sem_value("nodes") == 0), "it was not given up");
	sem_stop(&d);
}

SEM_FACT(forget, a_file_that_another_was_renamed_over_keeps_its_contents)
{
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	sem_put(&d, "old", "old text");
	sem_put(&d, "new", "new text");
	fd = open(daemon_path(&d, "old"), O_RDONLY | O_CLOEXEC);
	cr_assert_eq(rename(daemon_path(&d, "new"), daemon_path(&d, "old")), 0);
	cr_assert_str_eq(sem_get(&d, "old"), "new text");
	check_contents(fd, "old text");
	cr_assert_eq(files_stat(fd).st_nlink, 0);
	cr_assert_eq(sem_value("nodes"), 2);
	close(fd);
	cr_assert(eventually(sem_value("nodes") == 1), "it was not given up");
	sem_stop(&d);
}

SEM_FACT(forget, a_removed_directory_stays_what_it_is_until_it_is_closed)
{
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0750), 0);
	fd = open(daemon_path(&d, "dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(rmdir(daemon_path(&d, "dir")), 0);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "dir")), ENOENT);
	cr_assert_eq(fchmod(fd, 0700), 0, "%s", strerror(errno));
	cr_assert_eq(files_stat(fd).st_mode, S_IFDIR | 0700);
	cr_assert_eq(sem_value("nodes"), 1);
	close(fd);
	cr_assert(eventually(sem_value("nodes") == 0), "it was not given up");
	sem_stop(&d);
}

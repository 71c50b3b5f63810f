/*
 * memfs: many threads at once, each checking what only it changes.  Worth most under a sanitizer.
 */
#include "memfs_fixture.h"
#include "memfs_stress.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS 4
#define ROUNDS  300

static struct fx fx;
static uint64_t shared_dir;
static uint64_t shared_file;
static atomic_int failures;

static void start(void)
{
	fx_start(&fx, "size=16m");
	shared_dir = (uint64_t)fx_mkdir(&fx, ROOT, "shared", 0755);
	shared_file = (uint64_t)fx_file(&fx, shared_dir, "file");
	atomic_store(&failures, 0);
}

static void stop(void)
{
	fx_stop(&fx);
}

TestSuite(memfs_threads, .init = start, .fini = stop, .timeout = 120);

/* Assertions of criterion are not for threads: they count here. */
static void expect(int truth)
{
	if (!truth)
		atomic_fetch_add(&failures, 1);
}

/* A file of one's own: written, read, moved into the shared directory and removed. */
static void work_alone(struct fx *mine, unsigned who, unsigned round)
{
	char bytes[9000];
	char back[9000];
	char name[32];
	char moved[32];
	int64_t file;

	snprintf(name, sizeof(name), "own-%u-%u", who, round);
	snprintf(moved, sizeof(moved), "moved-%u", who);
	file = fx_file_held(mine, ROOT, name);
	expect(file > 0);
	memset(bytes, (int)(who + round), sizeof(bytes));
	expect(fx_write(mine, (uint64_t)file, round, bytes, sizeof(bytes)) == sizeof(bytes));
	expect(fx_setxattr(mine, (uint64_t)file, "user.x", bytes, 100, 0) == 0);
	expect(fx_rename(mine, ROOT, name, shared_dir, moved, 0) == 0);
	expect(fx_lookup(mine, ROOT, name) == -ENOENT);
	expect(fx_read(mine, (uint64_t)file, round, back, sizeof(back)) == sizeof(back));
	expect(memcmp(bytes, back, sizeof(back)) == 0);
	expect(fx_unlink(mine, shared_dir, moved) == 0);
	expect(fx_truncate(mine, (uint64_t)file, 100) == 0);
	fx_forget(mine, (uint64_t)file, 1);
}

static int refuse(struct llfused_dirents *dirents, const char *name, size_t namelen, uint64_t ino,
		  uint32_t mode, uint64_t next, const struct llfused_entry *entry)
{
	(void)dirents;
	(void)name;
	(void)ino;
	(void)mode;
	(void)next;
	(void)entry;
	return namelen <= 2; /* the dots only, so that nothing is counted */
}

/* Things that all threads do to the same inodes, with any result. */
static void work_together(struct fx *mine, unsigned who, unsigned round)
{
	struct llfused_dirents dirents = {.plus = round % 2, .add = refuse};
	struct llfused_attr_out attr;
	uint64_t copied;
	char bytes[5000];

	memset(bytes, 'a' + (int)who, sizeof(bytes));
	fx_write(mine, shared_file, round * 10, bytes, sizeof(bytes));
	fx_read(mine, shared_file, 0, bytes, sizeof(bytes));
	mine->ops->readdir(&mine->ctx, shared_dir, 0, 0, &dirents);
	mine->ops->getattr(&mine->ctx, shared_file, NULL, &attr);
	fx_lookup(mine, shared_dir, "file");
	fx_chmod(mine, shared_file, 0600 + who);
	if (round % 16 == 0)
		fx_truncate(mine, shared_file, round);
	fx_mkdir(mine, shared_dir, "both", 0755);
	fx_rename(mine, shared_dir, "both", ROOT, "other", 0);
	fx_rename(mine, ROOT, "other", shared_dir, "both", 2);
	fx_rmdir(mine, ROOT, "other");
	fx_link(mine, shared_file, ROOT, "second");
	mine->ops->copy_file_range(&mine->ctx, shared_file, 0, 0, shared_file, 0, 1 << 20, 5000, 0,
				   &copied);
	fx_unlink(mine, ROOT, "second");
	fx_statfs(mine);
	/* A nodeid that may live or be dead. */
	mine->ops->getattr(&mine->ctx, UINT64_C(8) << 32 | (round % 8), NULL, &attr);
}

static void *worker(void *arg)
{
	unsigned who = *(unsigned *)arg;
	struct fx mine = fx;

	for (unsigned round = 0; round < ROUNDS; round++) {
		work_alone(&mine, who, round);
		work_together(&mine, who, round);
	}
	return NULL;
}

Test(memfs_threads, hammer_loses_and_leaks_nothing)
{
	pthread_t threads[THREADS];
	unsigned who[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		who[i] = i;
		cr_assert_eq(pthread_create(&threads[i], NULL, worker, &who[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(atomic_load(&failures), 0);
	cr_expect_eq(fx_stat(&fx, shared_file).nlink, 1);
	fx_unlink(&fx, shared_dir, "file");
	fx_rmdir(&fx, shared_dir, "both");
	fx_rmdir(&fx, ROOT, "other");
	cr_expect_eq(fx_stat(&fx, shared_dir).size, 40);
	cr_expect_eq(fx_stat(&fx, shared_dir).nlink, 2);
	cr_expect_eq(fx_rmdir(&fx, ROOT, "shared"), 0);
	cr_expect_eq(fx_stat(&fx, ROOT).nlink, 2);
	fx_expect_empty(&fx);
}

Test(memfs_threads, a_tree_under_many_hands_stays_whole)
{
	const char *wrong = memfs_stress(1);

	cr_expect_null(wrong, "%s", wrong);
}

/* Between the look and the wait the last file without a name may have been forgotten. */
Test(memfs_threads, who_found_no_space_looks_once_more_when_there_is_nothing_to_wait_for)
{
	unsigned tries = 0;

	cr_expect_eq(fs_await_space(fx.fs, &tries), 1);
	cr_expect_eq(fs_await_space(fx.fs, &tries), 0);
}

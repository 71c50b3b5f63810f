/*
 * memfs and its limits: size, inodes, the longest file.  df tells the truth.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct statvfs statvfs_of(const struct daemon *d)
{
	struct statvfs vfs;

	cr_assert_eq(statvfs(d->mnt, &vfs), 0);
	return vfs;
}

FACT(limits, statfs_tells_size_and_nr_inodes)
{
	struct daemon d = {0};
	struct statvfs before, after;
	int fd;

	daemon_start(&d, "-osize=10m,nr_inodes=100", NULL);
	before = statvfs_of(&d);
	cr_assert_eq(before.f_blocks * before.f_frsize, 10u << 20);
	cr_assert_eq(before.f_bfree, before.f_blocks);
	cr_assert_eq(before.f_files, 100);
	cr_assert_eq(before.f_ffree, 99, "the root is one");
	cr_assert_eq(before.f_namemax, 255);
	fd = files_create(daemon_path(&d, "f"));
	cr_assert_eq(posix_fallocate(fd, 0, 1 << 20), 0);
	after = statvfs_of(&d);
	cr_assert_eq((before.f_bfree - after.f_bfree) * after.f_frsize, 1u << 20);
	cr_assert_eq(after.f_ffree, 98);
	cr_assert_eq(files_stat(fd).st_blocks, (1 << 20) / 512);
	close(fd);
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	cr_assert(eventually(statvfs_of(&d).f_bfree == before.f_bfree), "the space is not back");
	cr_assert(eventually(statvfs_of(&d).f_ffree == 99), "the inode is not back");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(limits, the_mode_and_owner_of_the_root_are_options)
{
	struct daemon d = {0}, plain = {0};
	struct stat st;

	daemon_start(&d, "-omode=750,uid=1234,gid=4321", NULL);
	cr_assert_eq(stat(d.mnt, &st), 0);
	cr_assert_eq(st.st_mode, S_IFDIR | 0750);
	cr_assert_eq(st.st_uid, 1234);
	cr_assert_eq(st.st_gid, 4321);
	daemon_start(&plain, NULL);
	cr_assert_eq(stat(plain.mnt, &st), 0);
	cr_assert_eq(st.st_mode, S_IFDIR | 01777);
	cr_assert_eq(daemon_stop(&d), 0);
	cr_assert_eq(daemon_stop(&plain), 0);
}

/* Writes until it fails; returns the bytes that went in. */
static size_t fill(int fd, const char *chunk, size_t size)
{
	size_t sum = 0;
	ssize_t n;

	while ((n = write(fd, chunk, size)) > 0)
		sum += (size_t)n;
	cr_assert_eq(n, -1);
	cr_assert_eq(errno, ENOSPC, "%s", strerror(errno));
	return sum;
}

FACT(limits, full_is_enospc_at_once_and_nothing_is_lost)
{
	enum { CHUNK = 65536 };
	char *chunk = malloc(CHUNK), *back = malloc(CHUNK);
	struct daemon d = {0};
	struct statvfs before;
	size_t sum;
	int fd;

	daemon_start(&d, "-osize=4m", NULL);
	before = statvfs_of(&d);
	memset(chunk, 'x', CHUNK);
	fd = files_create(daemon_path(&d, "f"));
	sum = fill(fd, chunk, CHUNK);
	cr_assert_eq(sum, 4u << 20, "%zu bytes went in", sum);
	cr_assert_eq(statvfs_of(&d).f_bavail, 0);
	cr_assert_eq((size_t)files_stat(fd).st_size, sum);
	files_forget_data(fd);
	for (size_t at = 0; at < sum; at += CHUNK) {
		cr_assert_eq(pread(fd, back, CHUNK, (off_t)at), CHUNK);
		cr_assert_eq(memcmp(chunk, back, CHUNK), 0, "at %zu", at);
	}
	/* What is there can be changed, and names need no space. */
	cr_assert_eq(pwrite(fd, "y", 1, 4096), 1);
	close(files_create(daemon_path(&d, "empty")));
	close(fd);
	cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	cr_assert(eventually(statvfs_of(&d).f_bfree == before.f_bfree), "the space is not back");
	fd = files_create(daemon_path(&d, "g"));
	cr_assert_eq(fill(fd, chunk, CHUNK), sum);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(limits, nr_inodes_is_enospc_and_comes_back)
{
	struct daemon d = {0};

	daemon_start(&d, "-onr_inodes=10", NULL);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 9; i++)
			cr_assert_eq(mkdir(daemon_path(&d, "d%d", i), 0755), 0, "%d: %s", i,
				     strerror(errno));
		cr_assert_eq(mkdir(daemon_path(&d, "more"), 0755), -1);
		cr_assert_eq(errno, ENOSPC);
		cr_assert_eq(access(daemon_path(&d, "more"), F_OK), -1);
		for (int i = 0; i < 9; i++)
			cr_assert_eq(rmdir(daemon_path(&d, "d%d", i)), 0);
		cr_assert(eventually(statvfs_of(&d).f_ffree == 9), "inodes are not back");
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(limits, the_space_of_a_deleted_file_is_there_at_once)
{
	static char block[1 << 20];
	struct daemon d = {0};

	daemon_start(&d, "-osize=16m", NULL);
	for (int round = 0; round < 60; round++) {
		int fd = files_create(daemon_path(&d, "f"));

		for (int i = 0; i < 15; i++)
			cr_assert_eq(write(fd, block, sizeof block), (ssize_t)sizeof block,
				     "round %d: %s", round, strerror(errno));
		close(fd);
		cr_assert_eq(unlink(daemon_path(&d, "f")), 0);
	}
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(limits, a_sparse_file_reaches_8_eib_less_1)
{
	struct daemon d = {0};
	char text[2] = "";
	struct stat st;
	int fd;

	daemon_start(&d, "-osize=1m", NULL);
	fd = files_create(daemon_path(&d, "f"));
	cr_assert_eq(ftruncate(fd, INT64_MAX), 0, "%s", strerror(errno));
	cr_assert_eq(files_stat(fd).st_size, INT64_MAX);
	cr_assert_eq(pwrite(fd, "z", 1, INT64_MAX - 1), 1, "%s", strerror(errno));
	cr_assert_eq(pwrite(fd, "m", 1, INT64_MAX / 2), 1, "%s", strerror(errno));
	files_forget_data(fd);
	st = files_stat(fd);
	cr_assert_eq(st.st_size, INT64_MAX);
	cr_assert_eq(st.st_blocks, 16);
	cr_assert_eq(pread(fd, text, 1, INT64_MAX - 1), 1);
	cr_assert_str_eq(text, "z");
	cr_assert_eq(lseek(fd, 0, SEEK_DATA), INT64_MAX / 2 / 4096 * 4096);
	cr_assert_eq(lseek(fd, INT64_MAX / 2, SEEK_HOLE), (INT64_MAX / 2 / 4096 + 1) * 4096);
	close(fd);
	cr_assert_eq(daemon_unmount(&d), 0);
}

/*
 * Passthrough: the data of files: holes, space, copies, and what a sync promises.
 */
#include "pt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "files.h"

#define BLOCK ((off_t)4096)

/* Both sides show the same file, and its space is as it is told. */
static void check_same(const struct pt *p, const char *name, off_t size)
{
	struct stat ours = pt_stat(pt_mnt(p, "%s", name));
	struct stat theirs = pt_stat(pt_src(p, "%s", name));
	char *here = pt_get(pt_mnt(p, "%s", name)), *there = pt_get(pt_src(p, "%s", name));

	cr_assert_eq(theirs.st_size, size);
	cr_assert_eq(ours.st_size, size);
	cr_assert_eq(ours.st_blocks, theirs.st_blocks);
	cr_assert_arr_eq(here, there, (size_t)size);
	free(here);
	free(there);
}

PT_FACT(pt_data, fallocate_has_the_modes_of_the_source)
{
	struct pt p = {.kind = kind};
	int fd;

	pt_start(&p, NULL);
	pt_fill(pt_mnt(&p, "f"), 16 * BLOCK);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	PT_OK(fallocate(fd, 0, 16 * BLOCK, BLOCK));
	check_same(&p, "f", 17 * BLOCK);
	PT_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 17 * BLOCK, 8 * BLOCK));
	check_same(&p, "f", 17 * BLOCK);
	cr_assert_geq(pt_stat(pt_src(&p, "f")).st_blocks, 25 * BLOCK / 512);
	PT_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * BLOCK, 3 * BLOCK));
	check_same(&p, "f", 17 * BLOCK);
	PT_FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, BLOCK), EOPNOTSUPP);
	PT_FAILS(fallocate(fd, FALLOC_FL_ZERO_RANGE, 6 * BLOCK, BLOCK),
		 kind == PT_EXT4 ? 0 : EOPNOTSUPP);
	check_same(&p, "f", 17 * BLOCK);
	/* FUSE has no message for these */
	PT_FAILS(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, BLOCK, BLOCK), EOPNOTSUPP);
	PT_FAILS(fallocate(fd, FALLOC_FL_INSERT_RANGE, BLOCK, BLOCK), EOPNOTSUPP);
	PT_FAILS(fallocate(fd, 0, 0, (off_t)1 << 40), ENOSPC);
	close(fd);
	pt_stop(&p);
}

PT_FACT(pt_data, holes_are_found)
{
	struct pt p = {.kind = kind};
	int fd;

	pt_start(&p, NULL);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR | O_CREAT);
	cr_assert_eq(pwrite(fd, "data", 4, 8 * BLOCK), 4);
	PT_OK(ftruncate(fd, 16 * BLOCK));
	cr_assert_eq(lseek(fd, 0, SEEK_DATA), 8 * BLOCK);
	cr_assert_eq(lseek(fd, 0, SEEK_HOLE), 0);
	cr_assert_eq(lseek(fd, 8 * BLOCK, SEEK_HOLE), 9 * BLOCK);
	PT_FAILS(lseek(fd, 9 * BLOCK, SEEK_DATA), ENXIO);
	PT_FAILS(lseek(fd, 16 * BLOCK, SEEK_HOLE), ENXIO);
	cr_assert_eq(lseek(fd, -BLOCK, SEEK_END), 15 * BLOCK);
	close(fd);
	pt_stop(&p);
}

PT_FACT(pt_data, ranges_are_copied_from_file_to_file)
{
	struct pt p = {.kind = kind};
	off_t from = 1000, to = 0;
	size_t left = 3000000;
	char *in, *out;
	int a, b;

	pt_start(&p, NULL);
	pt_fill(pt_mnt(&p, "a"), left + 1000);
	a = pt_open(pt_mnt(&p, "a"), O_RDONLY);
	b = pt_open(pt_mnt(&p, "b"), O_RDWR | O_CREAT);
	while (left > 0) {
		ssize_t n = copy_file_range(a, &from, b, &to, left, 0);

		cr_assert(n > 0, "%s", strerror(errno));
		left -= (size_t)n;
	}
	cr_assert_eq(copy_file_range(a, &from, b, &to, 1, 0), 0, "there is nothing behind the end");
	cr_assert_eq(files_stat(b).st_size, 3000000);
	check_same(&p, "b", 3000000);
	in = pt_get(pt_mnt(&p, "a"));
	out = pt_get(pt_mnt(&p, "b"));
	cr_assert_arr_eq(in + 1000, out, 3000000);
	from = 0;
	to = 2000000;
	cr_assert_eq(copy_file_range(b, &from, b, &to, 5000, 0), 5000, "within a file: %s",
		     strerror(errno));
	cr_assert_arr_eq(pt_get(pt_src(&p, "b")) + 2000000, in + 1000, 5000);
	PT_FAILS(copy_file_range(b, NULL, a, NULL, 10, 0), EBADF);
	close(a);
	close(b);
	pt_stop(&p);
}

PT_FACT(pt_data, a_file_larger_than_4_gib_is_right)
{
	const off_t far = ((off_t)1 << 32) + 12345;
	struct pt p = {.kind = kind};
	char text[6] = "";
	int fd;

	pt_start(&p, NULL);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR | O_CREAT);
	cr_assert_eq(pwrite(fd, "hello", 5, far), 5);
	cr_assert_eq(files_stat(fd).st_size, far + 5);
	cr_assert_eq(pt_stat(pt_src(&p, "f")).st_size, far + 5);
	files_forget_data(fd);
	cr_assert_eq(pread(fd, text, 5, far), 5);
	cr_assert_str_eq(text, "hello");
	cr_assert_eq(lseek(fd, 0, SEEK_DATA), far / BLOCK * BLOCK);
	close(fd);
	pt_stop(&p);
}

static bool has_space(const struct pt *p)
{
	struct statvfs space;

	PT_OK(statvfs(p->src, &space));
	return space.f_bfree * space.f_frsize > 4 << 20;
}

PT_FACT(pt_data, a_full_source_says_so_and_goes_on)
{
	struct pt p = {.kind = kind};
	static char block[1 << 20];
	struct statvfs space;
	unsigned written = 0;
	int fd;

	pt_make_source(&p);
	if (kind == PT_TMPFS)
		PT_OK(mount(NULL, p.src, NULL, MS_REMOUNT, "size=8m"));
	PT_OK(statvfs(p.src, &space));
	fd = pt_open(pt_src(&p, "ballast"), O_WRONLY | O_CREAT);
	PT_OK(fallocate(fd, 0, 0, (off_t)((space.f_bfree * space.f_frsize - (4 << 20)))));
	close(fd);
	pt_start(&p, NULL);
	fd = pt_open(pt_mnt(&p, "f"), O_WRONLY | O_CREAT);
	while (written < 8 && write(fd, block, sizeof block) == (ssize_t)sizeof block)
		written++;
	cr_assert(written >= 2 && written <= 4, "%u MiB had room", written);
	PT_FAILS(pwrite(fd, block, sizeof block, (off_t)100 << 20), ENOSPC);
	PT_FAILS(fallocate(fd, 0, 0, (off_t)8 << 20), ENOSPC);
	close(fd);
	PT_OK(unlink(pt_mnt(&p, "f")));
	PT_OK(unlink(pt_mnt(&p, "ballast")));
	/* what takes long to close is closed in the background */
	cr_assert(eventually(has_space(&p)));
	pt_put(pt_mnt(&p, "f"), "hello");
	cr_assert_str_eq(pt_get(pt_src(&p, "f")), "hello");
	pt_stop(&p);
}

/* ---- syncs: what is in the image of the file system is on its disk ---- */

static bool disk_has(const char *text, size_t len)
{
	int fd = pt_open(harness_path("disk.img"), O_RDONLY);
	size_t size = (size_t)files_stat(fd).st_size;
	void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	bool found;

	cr_assert_neq(map, MAP_FAILED);
	found = memmem(map, size, text, len) != NULL;
	munmap(map, size);
	close(fd);
	return found;
}

/* Does what was just written get to the disk by this, and not before?  Something else may have
 * written it: then again. */
static void write_and_sync(struct pt *p, const char *option, int (*sync_it)(int))
{
	bool was_there = true;
	char mark[64];
	int fd;

	p->src = pt_make_fs(PT_EXT4, "disk", 0);
	pt_start(p, option, NULL);
	fd = pt_open(pt_mnt(p, "f"), O_RDWR | O_CREAT);
	for (int i = 0; was_there && i < 20; i++) {
		snprintf(mark, sizeof mark, "what was synced by %d, %d", (int)getpid(), i);
		cr_assert_eq(write(fd, mark, sizeof mark), (ssize_t)sizeof mark);
		was_there = disk_has(mark, sizeof mark);
		PT_OK(sync_it(fd));
		cr_assert(disk_has(mark, sizeof mark), "it is not on the disk");
	}
	cr_assert(!was_there, "the disk was always faster");
	close(fd);
	pt_stop(p);
}

FACT(pt_data, fsync_reaches_the_disk)
{
	struct pt p = {0};

	write_and_sync(&p, "-opassthrough=off", fsync);
}

FACT(pt_data, fdatasync_reaches_the_disk)
{
	struct pt p = {0};

	write_and_sync(&p, "-opassthrough=off", fdatasync);
}

FACT(pt_data, fsync_of_a_file_in_kernel_passthrough_reaches_the_disk)
{
	struct pt p = {0};

	write_and_sync(&p, "-opassthrough=auto", fsync);
}

FACT(pt_data, fsync_of_a_directory_puts_its_names_on_the_disk)
{
	struct pt p = {.src = pt_make_fs(PT_EXT4, "disk", 0)};
	bool was_there = true;
	char name[64];
	int dir;

	pt_start(&p, NULL);
	dir = pt_open(p.d.mnt, O_RDONLY | O_DIRECTORY);
	for (int i = 0; was_there && i < 20; i++) {
		snprintf(name, sizeof name, "a-name-that-is-found-nowhere-else-%d", i);
		PT_OK(mkdir(pt_mnt(&p, "%s", name), 0755));
		was_there = disk_has(name, strlen(name));
		PT_OK(fsync(dir));
		cr_assert(disk_has(name, strlen(name)), "it is not on the disk");
	}
	cr_assert(!was_there, "the disk was always faster");
	close(dir);
	pt_stop(&p);
}

FACT(pt_data, what_is_written_with_o_sync_is_on_the_disk)
{
	struct pt p = {.src = pt_make_fs(PT_EXT4, "disk", 0)};
	char mark[64];
	int fd;

	for (int off = 0; off < 2; off++) {
		p.d = (struct daemon){0};
		pt_start(&p, off ? "-opassthrough=off" : "-opassthrough=auto", NULL);
		fd = pt_open(pt_mnt(&p, "f%d", off), O_WRONLY | O_CREAT | O_SYNC);
		snprintf(mark, sizeof mark, "written by %d with O_SYNC, %d", (int)getpid(), off);
		cr_assert_eq(write(fd, mark, sizeof mark), (ssize_t)sizeof mark);
		cr_assert(disk_has(mark, sizeof mark), "it is not on the disk");
		close(fd);
		pt_stop(&p);
	}
}

/*
 * passthrough: data of open files, on threads that may wait and on those that may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "passthrough/creds.h"
#include "passthrough/engine.h"
#include "passthrough/file.h"
#include "pt_ops.h"

static uint64_t fh;

static uint64_t open_as(const char *name, uint32_t flags)
{
	struct llfused_open out = {.flags = 0};

	cr_assert_eq(pt_ops->open(&pt_ops_pool, pt_ops_find(name), flags, &out), 0);
	return out.fh;
}

static void release(uint64_t handle)
{
	cr_assert_eq(pt_ops->release(&pt_ops_pool, 0, handle, 0, 0), 0);
}

static void begin(void)
{
	pt_ops_begin("");
	pt_ops_write("file", "0123456789");
	fh = open_as("file", O_RDWR);
}

static void end(void)
{
	release(fh);
	pt_ops_end();
}

TestSuite(pt_io, .init = begin, .fini = end, .timeout = 30);

/* Length, or a negative errno. */
static ssize_t read_at(struct llfused_ctx *ctx, uint64_t handle, uint64_t offset, void *data,
		       size_t cap)
{
	struct llfused_buf buf = {.data = data, .cap = cap};
	int ret = pt_ops->read(ctx, 0, handle, offset, 0, &buf);

	return ret < 0 ? ret : ret == LLFUSED_AGAIN ? -EAGAIN : (ssize_t)buf.len;
}

static ssize_t write_at(struct llfused_ctx *ctx, uint64_t handle, uint64_t offset, const char *text,
			uint32_t flags)
{
	size_t written = 0;
	int ret = pt_ops->write(ctx, 0, handle, offset, text, strlen(text), flags, &written);

	pt_ops_come_back();
	return ret < 0 ? ret : ret == LLFUSED_AGAIN ? -EAGAIN : (ssize_t)written;
}

static void expect_contents(const char *name, const char *text)
{
	char room[64] = "";
	int fd = open(name, O_RDONLY);

	cr_assert_geq(read(fd, room, sizeof room - 1), 0);
	close(fd);
	cr_expect_str_eq(room, text);
}

static void change_pace(enum pt_pace pace)
{
	pt_ops_fs->source.mounts[0].pace = pace;
}

/* ---- reading and writing ---- */

Test(pt_io, reads_what_is_there_up_to_the_end)
{
	char room[32];

	cr_expect_eq(read_at(&pt_ops_worker, fh, 0, room, 4), 4);
	cr_expect_arr_eq(room, "0123", 4);
	cr_expect_eq(read_at(&pt_ops_worker, fh, 7, room, sizeof room), 3);
	cr_expect_arr_eq(room, "789", 3);
	cr_expect_eq(read_at(&pt_ops_worker, fh, 10, room, sizeof room), 0);
	cr_expect_eq(read_at(&pt_ops_worker, fh, 1 << 20, room, sizeof room), 0);
}

Test(pt_io, writes_where_it_is_told)
{
	cr_expect_eq(write_at(&pt_ops_worker, fh, 2, "ab", O_RDWR), 2);
	cr_expect_eq(write_at(&pt_ops_worker, fh, 12, "c", O_RDWR), 1);
	cr_expect_eq(pt_ops_stat("file").st_size, 13);
	expect_contents("file", "01ab456789");
}

Test(pt_io, appends_at_the_end_of_the_source_wherever_the_kernel_believes_it)
{
	cr_expect_eq(write_at(&pt_ops_worker, fh, 3, "+", O_RDWR | O_APPEND), 1);
	expect_contents("file", "0123456789+");
	/* A page of a mapping goes to its place. */
	cr_expect_eq(write_at(&pt_ops_worker, fh, 0, "=", O_RDWR | O_APPEND | LLFUSED_WRITE_CACHE),
		     1);
	expect_contents("file", "=123456789+");
}

Test(pt_io, access_of_the_handle_counts)
{
	uint64_t reader = open_as("file", O_RDONLY);
	uint64_t writer = open_as("file", O_WRONLY);
	char room[8];

	cr_expect_eq(write_at(&pt_ops_worker, reader, 0, "x", O_RDONLY), -EBADF);
	cr_expect_eq(read_at(&pt_ops_worker, writer, 0, room, sizeof room), -EBADF);
	release(reader);
	release(writer);
}

static unsigned mode_after_write(uint32_t flags)
{
	pt_creds_restore();
	cr_assert_eq(chmod("file", 06755), 0);
	cr_assert_eq(write_at(&pt_ops_worker, fh, 0, "x", O_RDWR | flags), 1);
	return pt_ops_stat("file").st_mode & 07777;
}

Test(pt_io, setuid_and_setgid_go_when_the_kernel_says_so)
{
	cr_expect_eq(mode_after_write(0), 06755, "root keeps them");
	cr_expect_eq(mode_after_write(LLFUSED_WRITE_KILL_SUIDGID), 0755);
	cr_expect_eq(mode_after_write(0), 06755, "the thread has its right again");
}

Test(pt_io, root_has_its_rights_after_a_write_of_a_user)
{
	struct llfused_attr_out out = {.timeout = 0};
	const struct llfused_setattr set = {.valid = LLFUSED_SET_MODE, .mode = 02755};
	uint64_t other;

	pt_ops_write("other", "0123456789");
	other = open_as("other", O_RDWR);
	cr_assert_eq(chown("other", 0, 5), 0);
	cr_assert_eq(mode_after_write(LLFUSED_WRITE_KILL_SUIDGID), 0755);
	cr_expect_eq(pt_ops->setattr(&pt_ops_worker, pt_ops_find("other"), &set, &out), 0);
	cr_expect_eq(pt_ops_stat("other").st_mode & 07777, 02755, "setgid of a foreign group");

	cr_assert_eq(mode_after_write(LLFUSED_WRITE_KILL_SUIDGID), 0755);
	cr_assert_eq(write_at(&pt_ops_worker, other, 0, "x", O_RDWR), 1);
	cr_expect_eq(pt_ops_stat("other").st_mode & 07777, 02755, "kept by root's write");
	release(other);
}

/* ---- which thread ---- */

Test(pt_io, slow_file_systems_are_never_waited_for)
{
	struct pt_engine *engine = pt_ops_fs->engine;
	char room[8];

	change_pace(PT_PACE_SLOW);
	pt_ops_fs->engine = NULL;
	cr_expect_eq(read_at(&pt_ops_worker, fh, 0, room, sizeof room), -EAGAIN);
	cr_expect_eq(write_at(&pt_ops_worker, fh, 0, "x", O_RDWR), -EAGAIN);
	cr_expect_eq(pt_ops->fsync(&pt_ops_worker, 0, fh, 0), LLFUSED_AGAIN);
	expect_contents("file", "0123456789");
	cr_expect_eq(read_at(&pt_ops_pool, fh, 0, room, sizeof room), 8);
	cr_expect_eq(write_at(&pt_ops_pool, fh, 0, "x", O_RDWR), 1);
	cr_expect_eq(pt_ops->fsync(&pt_ops_pool, 0, fh, 0), 0);
	pt_ops_fs->engine = engine;
}

Test(pt_io, without_an_engine_writes_that_take_setuid_away_go_to_the_pool)
{
	struct pt_engine *engine = pt_ops_fs->engine;

	change_pace(PT_PACE_DISK);
	pt_ops_fs->engine = NULL;
	cr_assert_eq(chmod("file", 04755), 0);
	cr_expect_eq(write_at(&pt_ops_worker, fh, 0, "x", O_RDWR | LLFUSED_WRITE_KILL_SUIDGID),
		     -EAGAIN);
	cr_expect_eq(write_at(&pt_ops_pool, fh, 0, "x", O_RDWR | LLFUSED_WRITE_KILL_SUIDGID), 1);
	cr_expect_eq(pt_ops_stat("file").st_mode & 07777, 0755);
	pt_ops_fs->engine = engine;
}

Test(pt_io, in_memory_only_large_allocations_go_to_the_pool)
{
	cr_expect_eq(pt_ops->fsync(&pt_ops_worker, 0, fh, 1), 0);
	cr_expect_eq(pt_ops->fallocate(&pt_ops_worker, 0, fh, 0, 1 << 20, 0), 0);
	cr_expect_eq(pt_ops->fallocate(&pt_ops_worker, 0, fh, 0, 1 << 30, 0), LLFUSED_AGAIN);
	change_pace(PT_PACE_DISK);
	cr_expect_eq(pt_ops->fallocate(&pt_ops_worker, 0, fh, 0, 1, 0), LLFUSED_AGAIN);
}

/* A file on the disk that the tests are on, whose pages the kernel has not got. */
static int make_cold(const char *path)
{
	static char page[65536];
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	cr_assert_geq(fd, 0);
	memset(page, 'c', sizeof page);
	cr_assert_eq(write(fd, page, sizeof page), (ssize_t)sizeof page);
	cr_assert_eq(fsync(fd), 0);
	cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	return fd;
}

Test(pt_io, on_disks_only_what_is_in_memory_is_read_at_once)
{
	struct pt_engine *engine = pt_ops_fs->engine;
	char path[] = "/var/tmp/pt-io-XXXXXX";
	char name[] = "cold", room[65536];
	struct pt_file *file = pt_file_at(pt_ops_fs, fh);
	int own = file->fd;

	cr_assert_not_null(mkdtemp(path));
	cr_assert_eq(chdir(path), 0);
	file->fd = make_cold(name);
	change_pace(PT_PACE_DISK);
	pt_ops_fs->engine = NULL;
	cr_expect_eq(read_at(&pt_ops_worker, fh, 0, room, sizeof room), -EAGAIN);
	cr_expect_eq(read_at(&pt_ops_pool, fh, 0, room, sizeof room), sizeof room);
	cr_expect_eq(read_at(&pt_ops_worker, fh, 0, room, sizeof room), sizeof room);
	cr_expect_eq(read_at(&pt_ops_worker, fh, 65530, room, 64), 6);
	close(file->fd);
	file->fd = own;
	pt_ops_fs->engine = engine;
	cr_expect_eq(unlink(name), 0);
	cr_expect_eq(chdir("/"), 0);
	cr_expect_eq(rmdir(path), 0);
}

/* ---- space, holes, copies ---- */

Test(pt_io, allocates_punches_and_zeroes)
{
	cr_expect_eq(pt_ops->fallocate(&pt_ops_worker, 0, fh, 0, 8192, 0), 0);
	cr_expect_eq(pt_ops_stat("file").st_size, 8192);
	cr_expect_eq(pt_ops->fallocate(&pt_ops_worker, 0, fh, 2, 3,
				       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE),
		     0);
	expect_contents("file", "01");
	cr_expect_eq(pt_ops->fallocate(&pt_ops_worker, 0, fh, 0, 0, 0), -EINVAL);
}

static unsigned mode_after_fallocate(struct llfused_ctx *ctx)
{
	cr_assert_eq(chmod("file", 04755), 0);
	cr_assert_eq(pt_ops->fallocate(ctx, 0, fh, 0, 100, 0), 0);
	pt_ops_come_back();
	return pt_ops_stat("file").st_mode & 07777;
}

/* The kernel asks for it by a request of its own, where the caller may not keep it. */
Test(pt_io, allocating_by_itself_leaves_setuid_alone)
{
	struct llfused_ctx user = pt_ops_worker, unknown = pt_ops_worker;

	user.uid = 1000;
	unknown.flags |= LLFUSED_CTX_NOCREDS;
	cr_expect_eq(mode_after_fallocate(&pt_ops_worker), 04755);
	cr_expect_eq(mode_after_fallocate(&user), 04755);
	cr_expect_eq(mode_after_fallocate(&unknown), 04755);
}

Test(pt_io, finds_data_and_holes)
{
	uint64_t at;

	cr_assert_eq(truncate("file", 1 << 20), 0);
	cr_assert_eq(pt_ops->lseek(&pt_ops_worker, 0, fh, 5, SEEK_DATA, &at), 0);
	cr_expect_eq(at, 5);
	cr_assert_eq(pt_ops->lseek(&pt_ops_worker, 0, fh, 5, SEEK_HOLE, &at), 0);
	cr_expect_eq(at, 4096);
	cr_expect_eq(pt_ops->lseek(&pt_ops_worker, 0, fh, 4096, SEEK_DATA, &at), -ENXIO);
	cr_expect_eq(pt_ops->lseek(&pt_ops_worker, 0, fh, 2 << 20, SEEK_HOLE, &at), -ENXIO);
	cr_expect_eq(pt_ops->lseek(&pt_ops_worker, 0, fh, 0, SEEK_END, &at), -EINVAL);
}

static int copy(struct llfused_ctx *ctx, uint64_t from, uint64_t off_in, uint64_t to,
		uint64_t off_out, uint64_t length, uint64_t *copied)
{
	return pt_ops->copy_file_range(ctx, 0, from, off_in, 0, to, off_out, length, 0, copied);
}

Test(pt_io, copies_between_files_on_the_pool)
{
	uint64_t to, copied;

	pt_ops_write("other", "abcdefghijkl");
	to = open_as("other", O_RDWR);
	cr_expect_eq(copy(&pt_ops_worker, fh, 1, to, 2, 4, &copied), LLFUSED_AGAIN);
	cr_assert_eq(copy(&pt_ops_pool, fh, 1, to, 2, 4, &copied), 0);
	cr_expect_eq(copied, 4);
	expect_contents("other", "ab1234ghijkl");
	cr_assert_eq(copy(&pt_ops_pool, fh, 100, to, 0, 4, &copied), 0);
	cr_expect_eq(copied, 0, "past the end");
	cr_expect_eq(copy(&pt_ops_pool, fh, 0, fh, 2, 4, &copied), -EINVAL, "onto itself");
	cr_expect_eq(copy(&pt_ops_pool, fh, 0, 4711, 0, 4, &copied), -EBADF);
	release(to);
}

Test(pt_io, one_copy_takes_no_more_than_64_mib)
{
	uint64_t to, copied;

	pt_ops_write("other", "");
	to = open_as("other", O_RDWR);
	cr_assert_eq(truncate("file", 100 << 20), 0);
	cr_assert_eq(copy(&pt_ops_pool, fh, 0, to, 0, 100 << 20, &copied), 0);
	cr_expect_leq(copied, 64 << 20);
	cr_expect_gt(copied, 0);
	release(to);
}

/*
 * passthrough: opening, the mode in which an inode is open, and handles.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "passthrough/file.h"
#include "pt_ops.h"

static void begin(void)
{
	pt_ops_begin("");
	pt_ops_write("file", "contents");
}

TestSuite(pt_file, .init = begin, .fini = pt_ops_end, .timeout = 30);

static int try_open(uint64_t nodeid, uint32_t flags, struct llfused_open *out)
{
	*out = (struct llfused_open){.flags = LLFUSED_OPEN_KEEP_CACHE};
	return pt_ops->open(&pt_ops_worker, nodeid, flags, out);
}

static struct llfused_open open_file(const char *name, uint32_t flags)
{
	struct llfused_open out;

	cr_assert_eq(try_open(pt_ops_find(name), flags, &out), 0);
	return out;
}

static void release(const struct llfused_open *open)
{
	cr_assert_eq(pt_ops->release(&pt_ops_worker, 0, open->fh, 0, 0), 0);
}

static int fd_of(const struct llfused_open *open)
{
	return pt_file_at(pt_ops_fs, open->fh)->fd;
}

static void change_pace(enum pt_pace pace)
{
	pt_ops_fs->source.mounts[0].pace = pace;
}

Test(pt_file, has_a_descriptor_until_its_release)
{
	uint64_t nodeid = pt_ops_find("file");
	unsigned before = pt_ops_open_fds();
	struct llfused_open out;

	cr_assert_eq(try_open(nodeid, O_RDONLY, &out), 0);
	cr_expect_neq(out.fh, 0);
	cr_expect_eq(pt_ops_open_fds(), before + 1);
	release(&out);
	cr_expect_eq(pt_ops_open_fds(), before);
	cr_expect_null(pt_file_at(pt_ops_fs, out.fh));
}

Test(pt_file, what_is_no_handle_is_none)
{
	size_t written;

	cr_expect_null(pt_file_at(pt_ops_fs, 0));
	cr_expect_null(pt_file_at(pt_ops_fs, 1));
	cr_expect_null(pt_file_at(pt_ops_fs, UINT64_MAX));
	cr_expect_eq(pt_ops->release(&pt_ops_worker, 0, 1, 0, 0), -EBADF);
	cr_expect_eq(pt_ops->flush(&pt_ops_worker, 0, 1, 0), -EBADF);
	cr_expect_eq(pt_ops->write(&pt_ops_worker, 0, 1, 0, "x", 1, 0, &written), -EBADF);
}

Test(pt_file, unknown_inode_is_stale)
{
	struct llfused_open out;

	cr_expect_eq(try_open(4711, O_RDONLY, &out), -ESTALE);
}

Test(pt_file, access_is_what_the_caller_asked_for)
{
	static const uint32_t ways[] = {O_RDONLY, O_WRONLY, O_RDWR};

	for (size_t i = 0; i < 3; i++) {
		struct llfused_open out = open_file("file", ways[i]);

		cr_expect_eq((uint32_t)fcntl(fd_of(&out), F_GETFL) & O_ACCMODE, ways[i]);
		release(&out);
	}
}

Test(pt_file, flags_of_single_requests_are_not_the_descriptors)
{
	struct llfused_open out = open_file("file", O_RDWR | O_APPEND | O_DIRECT | O_SYNC);
	int has = fcntl(fd_of(&out), F_GETFL);

	cr_expect_eq(has & (O_APPEND | O_DIRECT | O_SYNC | O_DSYNC), 0);
	release(&out);
}

Test(pt_file, truncates_when_told_on_a_thread_that_may_wait)
{
	struct llfused_open out;

	change_pace(PT_PACE_DISK);
	cr_expect_eq(try_open(pt_ops_find("file"), O_WRONLY | O_TRUNC, &out), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops_stat("file").st_size, 8);
	cr_assert_eq(pt_ops->open(&pt_ops_pool, pt_ops_find("file"), O_WRONLY | O_TRUNC, &out), 0);
	cr_expect_eq(pt_ops_stat("file").st_size, 0);
	release(&out);
}

static void set_attributes(const char *name, int flags)
{
	int fd = open(name, O_RDONLY);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	close(fd);
}

Test(pt_file, immutable_file_is_not_opened_for_writing)
{
	struct llfused_open out;

	set_attributes("file", FS_IMMUTABLE_FL);
	cr_expect_eq(try_open(pt_ops_find("file"), O_RDWR, &out), -EPERM);
	cr_expect_eq(try_open(pt_ops_find("file"), O_RDWR | O_APPEND, &out), -EPERM);
	set_attributes("file", 0);
}

Test(pt_file, append_only_file_is_opened_to_append)
{
	uint64_t nodeid = pt_ops_find("file");
	struct llfused_open out;
	size_t written = 0;

	set_attributes("file", FS_APPEND_FL);
	cr_expect_eq(try_open(nodeid, O_WRONLY, &out), -EPERM);
	cr_assert_eq(try_open(nodeid, O_WRONLY | O_APPEND, &out), 0);
	cr_expect_eq(pt_ops->write(&pt_ops_worker, nodeid, out.fh, 0, "!", 1, O_WRONLY | O_APPEND,
				   &written),
		     0);
	cr_expect_eq(pt_ops_stat("file").st_size, 9);
	release(&out);
	set_attributes("file", 0);
}

Test(pt_file, lease_of_another_is_waited_for_elsewhere)
{
	uint64_t nodeid = pt_ops_find("file");
	struct llfused_open out;
	int fd = open("file", O_RDONLY);

	signal(SIGIO, SIG_IGN);
	cr_assert_eq(fcntl(fd, F_SETLEASE, F_WRLCK), 0, "%s", strerror(errno));
	cr_expect_eq(try_open(nodeid, O_RDONLY, &out), LLFUSED_AGAIN);
	close(fd);
	cr_assert_eq(try_open(nodeid, O_RDONLY, &out), 0);
	release(&out);
}

Test(pt_file, a_mount_without_access_times_leaves_those_of_the_source)
{
	struct llfused_open out = open_file("file", O_RDONLY);

	cr_expect_not(fcntl(fd_of(&out), F_GETFL) & O_NOATIME);
	release(&out);
	pt_ops_fs->mount_flags = LLFUSED_MOUNT_NOATIME;
	out = open_file("file", O_RDONLY);
	cr_expect(fcntl(fd_of(&out), F_GETFL) & O_NOATIME);
	release(&out);
}

/* ---- modes ---- */

static void expect_mode(const struct llfused_open *open, enum pt_file_mode mode, uint32_t flags)
{
	cr_expect_eq(pt_file_at(pt_ops_fs, open->fh)->mode, mode);
	cr_expect_eq(open->flags, flags, "%#x", open->flags);
}

#define CACHED (LLFUSED_OPEN_KEEP_CACHE | LLFUSED_OPEN_NOFLUSH)
#define DIRECT (LLFUSED_OPEN_DIRECT_IO | LLFUSED_OPEN_PARALLEL_WRITES | LLFUSED_OPEN_NOFLUSH)

Test(pt_file, pages_stay_from_one_open_to_the_next)
{
	struct llfused_open out = open_file("file", O_RDWR);

	expect_mode(&out, PT_FILE_CACHED, CACHED);
	release(&out);
}

Test(pt_file, without_cache_all_is_direct)
{
	struct llfused_open out;

	pt_ops_fs->options.cache = PT_CACHE_NONE;
	out = open_file("file", O_RDWR);
	expect_mode(&out, PT_FILE_DIRECT, DIRECT);
	release(&out);
}

Test(pt_file, mode_stays_until_the_last_release)
{
	struct llfused_open first = open_file("file", O_RDONLY);
	struct llfused_open second;

	pt_ops_fs->options.cache = PT_CACHE_NONE;
	second = open_file("file", O_RDONLY);
	expect_mode(&second, PT_FILE_CACHED, CACHED);
	release(&first);
	first = open_file("file", O_RDONLY);
	expect_mode(&first, PT_FILE_CACHED, CACHED);
	release(&first);
	release(&second);
	first = open_file("file", O_RDONLY);
	expect_mode(&first, PT_FILE_DIRECT, DIRECT);
	release(&first);
}

Test(pt_file, each_close_is_told_where_errors_come_late)
{
	struct llfused_open out;

	change_pace(PT_PACE_SLOW);
	cr_assert_eq(pt_ops->open(&pt_ops_pool, pt_ops_find("file"), O_RDWR, &out), 0);
	cr_expect_not(out.flags & LLFUSED_OPEN_NOFLUSH);
	cr_expect_eq(pt_ops->flush(&pt_ops_worker, 0, out.fh, 0), LLFUSED_AGAIN);
	cr_expect_eq(pt_ops->flush(&pt_ops_pool, 0, out.fh, 0), 0);
	release(&out);
}

Test(pt_file, changes_are_seen_without_kernel_passthrough)
{
	struct llfused_open out = open_file("file", O_RDWR);

	cr_expect_not(pt_file_changes_unseen(pt_ops_fs, pt_file_at(pt_ops_fs, out.fh)->node));
	release(&out);
}

/* ---- handles that come otherwise ---- */

static int created(const char *name, uint32_t flags, uint64_t *nodeid, struct llfused_open *out)
{
	struct llfused_entry entry = {.nodeid = 0};
	int ret;

	*out = (struct llfused_open){.flags = LLFUSED_OPEN_KEEP_CACHE};
	ret = pt_ops->create(&pt_ops_worker, LLFUSED_ROOT_ID, name, 0644, flags | O_CREAT, &entry,
			     out);
	*nodeid = entry.nodeid;
	pt_ops_come_back();
	return ret;
}

Test(pt_file, created_file_has_a_handle_as_an_opened_one)
{
	struct llfused_open out;
	uint64_t nodeid;
	size_t written = 0;

	cr_assert_eq(created("new", O_WRONLY, &nodeid, &out), 0);
	expect_mode(&out, PT_FILE_CACHED, CACHED);
	cr_expect_eq(
		pt_ops->write(&pt_ops_worker, nodeid, out.fh, 0, "text", 4, O_WRONLY, &written), 0);
	cr_expect_eq(pt_ops_stat("new").st_size, 4);
	release(&out);
}

Test(pt_file, open_file_outlives_its_name_and_the_kernels_memory_of_it)
{
	const struct llfused_forget all = {.nodeid = pt_ops_find("file"), .nlookup = 1};
	struct llfused_open out;
	char room[16];
	struct llfused_buf buf = {.data = room, .cap = sizeof room};

	cr_assert_eq(try_open(all.nodeid, O_RDONLY, &out), 0);
	cr_assert_eq(pt_ops->unlink(&pt_ops_worker, LLFUSED_ROOT_ID, "file"), 0);
	pt_ops->forget(&pt_ops_worker, &all, 1);
	cr_expect_eq(pt_ops->read(&pt_ops_worker, all.nodeid, out.fh, 0, 0, &buf), 0);
	cr_expect_eq(buf.len, 8);
	release(&out);
}

Test(pt_file, whatever_is_open_at_the_end_is_closed)
{
	struct llfused_open out;
	unsigned before;

	pt_backend.destroy(pt_ops_fs);
	before = pt_ops_open_fds();
	pt_ops_serve(".", "");
	for (int i = 0; i < 10; i++)
		out = open_file("file", O_RDWR);
	cr_expect_neq(out.fh, 0);
	pt_backend.destroy(pt_ops_fs);
	cr_expect_eq(pt_ops_open_fds(), before);
	pt_ops_fs = NULL;
}

/* ---- descriptors ---- */

#define FILES_MAX 128

static void serve_with_few_descriptors(const char *source)
{
	const struct rlimit limit = {.rlim_cur = FILES_MAX, .rlim_max = FILES_MAX};

	pt_backend.destroy(pt_ops_fs);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	pt_ops_serve(source, "");
}

Test(pt_file, closed_files_and_failed_opens_use_up_no_descriptors)
{
	struct llfused_open out;

	pt_ops_write("fixed", "contents");
	set_attributes("fixed", FS_IMMUTABLE_FL);
	serve_with_few_descriptors(".");
	for (int i = 0; i < 2 * FILES_MAX; i++) {
		out = open_file("file", O_RDWR);
		release(&out);
		cr_assert_eq(try_open(pt_ops_find("fixed"), O_RDWR, &out), -EPERM);
	}
	set_attributes("fixed", 0);
}

Test(pt_file, an_open_that_fails_late_uses_up_no_descriptor)
{
	struct llfused_open out;
	unsigned before;

	serve_with_few_descriptors("/proc/sys/kernel");
	for (int i = 0; i < 2 * FILES_MAX; i++)
		cr_assert_eq(pt_ops->open(&pt_ops_pool, pt_ops_find("ostype"), O_RDONLY | O_DIRECT,
					  &out),
			     -EINVAL);
	before = pt_ops_open_fds();
	pt_ops->open(&pt_ops_pool, pt_ops_find("ostype"), O_RDONLY | O_DIRECT, &out);
	cr_expect_eq(pt_ops_open_fds(), before);
}

Test(pt_file, too_many_open_files_are_an_error_that_passes)
{
	struct llfused_open opened[FILES_MAX], out;
	int ret = 0;
	int n = 0;

	serve_with_few_descriptors(".");
	while (n < FILES_MAX && (ret = try_open(pt_ops_find("file"), O_RDONLY, &out)) == 0)
		opened[n++] = out;
	cr_expect_eq(ret, -EMFILE);
	cr_expect_gt(n, FILES_MAX / 4);
	while (n > 0)
		release(&opened[--n]);
	out = open_file("file", O_RDONLY);
	release(&out);
}

Test(pt_file, files_that_are_made_as_they_are_read_are_direct)
{
	struct llfused_open out;
	char room[64];
	struct llfused_buf buf = {.data = room, .cap = sizeof room};

	pt_backend.destroy(pt_ops_fs);
	pt_ops_serve("/proc/sys/kernel", "");
	cr_assert_eq(pt_ops->open(&pt_ops_pool, pt_ops_find("ostype"), O_RDONLY, &out), 0);
	expect_mode(&out, PT_FILE_DIRECT, DIRECT & ~LLFUSED_OPEN_NOFLUSH);
	cr_expect_eq(pt_ops->read(&pt_ops_pool, 0, out.fh, 0, 0, &buf), 0);
	cr_expect_eq(buf.len, 6);
	cr_expect_arr_eq(room, "Linux\n", 6);
	release(&out);
	cr_expect_eq(pt_ops->open(&pt_ops_pool, pt_ops_find("ostype"), O_RDONLY | O_DIRECT, &out),
		     -EINVAL);
}

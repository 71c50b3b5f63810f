/*
 * passthrough: file attributes by ioctl.
 */
#include "pt_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

TestSuite(pt_ioctl, .timeout = 60, .fini = pt_ops_end);

static uint64_t file, handle;

/* A file, open for reading only. */
static void begin(void)
{
	struct llfused_open open = {.fh = 0};

	pt_ops_begin("");
	pt_ops_write("file", "");
	file = pt_ops_find("file");
	cr_assert_eq(pt_ops->open(&pt_ops_pool, file, O_RDONLY, &open), 0);
	handle = open.fh;
}

static int ask(uint32_t cmd, void *value, size_t size)
{
	struct llfused_ioctl io = {.cmd = cmd, .result = -1};
	struct llfused_buf out = {.data = value, .cap = size};
	int result = pt_ops->ioctl(&pt_ops_pool, file, handle, &io, &out);

	if (result == 0) {
		cr_expect_eq(io.result, 0);
		cr_expect_leq(out.len, size);
	}
	return result;
}

static int tell(uint32_t cmd, const void *value, size_t size)
{
	struct llfused_ioctl io = {.cmd = cmd, .in = value, .in_size = size, .result = -1};
	struct llfused_buf out = {.cap = 0};
	int result = pt_ops->ioctl(&pt_ops_pool, file, handle, &io, &out);

	if (result == 0) {
		cr_expect_eq(io.result, 0);
		cr_expect_eq(out.len, 0);
	}
	return result;
}

static int flags_on_source(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int flags = -1;

	cr_assert_eq(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	close(fd);
	return flags;
}

Test(pt_ioctl, flags_reach_the_source_and_come_back)
{
	int flags = FS_NODUMP_FL | FS_NOATIME_FL, seen = 0;

	begin();
	cr_assert_eq(tell((uint32_t)FS_IOC_SETFLAGS, &flags, sizeof flags), 0);
	cr_expect_eq(flags_on_source("file"), flags);
	cr_assert_eq(ask((uint32_t)FS_IOC_GETFLAGS, &seen, sizeof seen), 0);
	cr_expect_eq(seen, flags);
}

/* Nobody has checked who sends them: the kernel turns those of such programs into its own. */
Test(pt_ioctl, numbers_of_32_bit_programs_are_refused)
{
	int flags = FS_NODUMP_FL, seen = 0;

	begin();
	cr_assert_eq(tell((uint32_t)FS_IOC32_SETFLAGS, &flags, sizeof flags), -ENOTTY);
	cr_expect_eq(flags_on_source("file"), 0);
	cr_assert_eq(ask((uint32_t)FS_IOC32_GETFLAGS, &seen, sizeof seen), -ENOTTY);
}

Test(pt_ioctl, extended_flags_reach_the_source_and_come_back)
{
	struct fsxattr value = {.fsx_xflags = 0}, seen = {.fsx_xflags = 0};

	begin();
	cr_assert_eq(ask((uint32_t)FS_IOC_FSGETXATTR, &value, sizeof value), 0);
	cr_expect_eq(value.fsx_xflags, 0);
	value.fsx_xflags = FS_XFLAG_NODUMP;
	cr_assert_eq(tell((uint32_t)FS_IOC_FSSETXATTR, &value, sizeof value), 0);
	cr_expect_eq(flags_on_source("file"), FS_NODUMP_FL);
	cr_assert_eq(ask((uint32_t)FS_IOC_FSGETXATTR, &seen, sizeof seen), 0);
	cr_expect_eq(seen.fsx_xflags, FS_XFLAG_NODUMP);
}

Test(pt_ioctl, an_immutable_file_refuses_changes_through_us)
{
	struct llfused_setattr change = {.valid = LLFUSED_SET_MODE, .mode = 0600};
	struct llfused_attr_out out = {.timeout = 0};
	int flags = FS_IMMUTABLE_FL;

	begin();
	cr_assert_eq(tell((uint32_t)FS_IOC_SETFLAGS, &flags, sizeof flags), 0);
	cr_expect_eq(pt_ops->setattr(&pt_ops_pool, file, &change, &out), -EPERM);
	flags = 0;
	cr_assert_eq(tell((uint32_t)FS_IOC_SETFLAGS, &flags, sizeof flags), 0);
	cr_expect_eq(pt_ops->setattr(&pt_ops_pool, file, &change, &out), 0);
}

Test(pt_ioctl, of_a_long_only_the_int_is_touched)
{
	long value = -1;
	struct llfused_ioctl io = {.cmd = (uint32_t)FS_IOC_GETFLAGS};
	struct llfused_buf out = {.data = &value, .cap = sizeof value};

	begin();
	cr_assert_eq(pt_ops->ioctl(&pt_ops_pool, file, handle, &io, &out), 0);
	cr_expect_eq(out.len, sizeof(int));
	cr_expect_eq(value, (long)~UINT64_C(0xffffffff));
}

Test(pt_ioctl, directories_are_asked_by_their_own_handle)
{
	struct llfused_open dir = {.fh = 0};
	struct llfused_ioctl io = {.cmd = (uint32_t)FS_IOC_SETFLAGS, .flags = 16};
	int flags = FS_NODUMP_FL;
	struct llfused_buf out = {.cap = 0};

	begin();
	io.in = &flags;
	io.in_size = sizeof flags;
	cr_assert_eq(pt_ops->opendir(&pt_ops_pool, LLFUSED_ROOT_ID, O_RDONLY, &dir), 0);
	cr_assert_eq(pt_ops->ioctl(&pt_ops_pool, LLFUSED_ROOT_ID, dir.fh, &io, &out), 0);
	cr_expect_eq(flags_on_source("."), FS_NODUMP_FL);
	cr_expect_eq(flags_on_source("file"), 0);
}

Test(pt_ioctl, others_are_no_ioctls_of_ours)
{
	int value = 0;

	begin();
	cr_expect_eq(ask((uint32_t)FIONREAD, &value, sizeof value), -ENOTTY);
	cr_expect_eq(ask((uint32_t)FS_IOC_FIEMAP, &value, sizeof value), -ENOTTY);
	cr_expect_eq(tell((uint32_t)FICLONE, &value, sizeof value), -ENOTTY);
	cr_expect_eq(ask(0, NULL, 0), -ENOTTY);
	/* tmpfs has no versions */
	cr_expect_eq(ask((uint32_t)FS_IOC_GETVERSION, &value, sizeof value), -ENOTTY);
}

Test(pt_ioctl, too_little_room_is_refused)
{
	struct fsxattr value = {.fsx_xflags = 0};
	int flags = FS_NODUMP_FL;

	begin();
	cr_expect_eq(ask((uint32_t)FS_IOC_GETFLAGS, &flags, 3), -EINVAL);
	cr_expect_eq(ask((uint32_t)FS_IOC_FSGETXATTR, &value, sizeof value - 1), -EINVAL);
	cr_expect_eq(tell((uint32_t)FS_IOC_SETFLAGS, &flags, 0), -EINVAL);
	cr_expect_eq(tell((uint32_t)FS_IOC_FSSETXATTR, &value, 4), -EINVAL);
	cr_expect_eq(flags_on_source("file"), 0);
}

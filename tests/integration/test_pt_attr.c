/*
 * Passthrough: attributes of files: times, extended attributes, ACLs, flags, and of the file
 * system.
 */
#include "pt.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

static struct statx stat_all(const char *path)
{
	struct statx stx;

	cr_assert_eq(
		statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &stx),
		0, "%s: %s", path, strerror(errno));
	return stx;
}

#define CHECK_TIME(a, b, field) \
	do { \
		cr_assert_eq((a).field.tv_sec, (b).field.tv_sec, "%s", #field); \
		cr_assert_eq((a).field.tv_nsec, (b).field.tv_nsec, "%s", #field); \
	} while (0)

/* What both sides tell of a name, after a change that came through the mount. */
static void check_same(const struct pt *p, const char *name)
{
	struct statx ours = stat_all(pt_mnt(p, "%s", name));
	struct statx theirs = stat_all(pt_src(p, "%s", name));

	cr_assert_eq(ours.stx_mask & (STATX_BASIC_STATS | STATX_BTIME),
		     STATX_BASIC_STATS | STATX_BTIME);
	CHECK_TIME(ours, theirs, stx_atime);
	CHECK_TIME(ours, theirs, stx_mtime);
	CHECK_TIME(ours, theirs, stx_ctime);
	CHECK_TIME(ours, theirs, stx_btime);
	cr_assert_eq(ours.stx_ino, theirs.stx_ino);
	cr_assert_eq(ours.stx_mode, theirs.stx_mode);
	cr_assert_eq(ours.stx_nlink, theirs.stx_nlink);
	cr_assert_eq(ours.stx_uid, theirs.stx_uid);
	cr_assert_eq(ours.stx_gid, theirs.stx_gid);
	cr_assert_eq(ours.stx_size, theirs.stx_size);
	cr_assert_eq(ours.stx_blocks, theirs.stx_blocks);
	cr_assert_eq(ours.stx_blksize, theirs.stx_blksize);
}

PT_FACT(pt_attr, attributes_are_those_of_the_source_to_the_nanosecond)
{
	struct pt p = {.kind = kind};

	pt_start(&p, NULL);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 01775));
	pt_fill(pt_mnt(&p, "dir/f"), 12345);
	PT_OK(link(pt_mnt(&p, "dir/f"), pt_mnt(&p, "f")));
	PT_OK(symlink("dir", pt_mnt(&p, "l")));
	PT_OK(mkfifo(pt_mnt(&p, "fifo"), 0600));
	check_same(&p, "dir");
	check_same(&p, "dir/f");
	check_same(&p, "f");
	check_same(&p, "l");
	check_same(&p, "fifo");
	PT_OK(chmod(pt_mnt(&p, "f"), 02640));
	PT_OK(chown(pt_mnt(&p, "f"), 5, (gid_t)-1));
	check_same(&p, "dir/f");
	PT_OK(truncate(pt_mnt(&p, "f"), 99));
	check_same(&p, "f");
	PT_OK(rename(pt_mnt(&p, "f"), pt_mnt(&p, "dir/g")));
	check_same(&p, "dir");
	check_same(&p, "dir/g");
	pt_stop(&p);
}

PT_FACT(pt_attr, times_are_set_to_the_nanosecond)
{
	static const struct timespec sets[][2] = {
		{{1000000000, 123456789}, {1700000000, 987654321}},
		{{-1000, 1}, {-1, 999999999}}, /* before 1970 */
		{{4102444800, 5}, {0, 0}},     /* 2100 */
		{{0, UTIME_OMIT}, {77, 7}},
		{{88, 8}, {0, UTIME_OMIT}},
		{{0, UTIME_NOW}, {0, UTIME_NOW}},
	};
	struct pt p = {.kind = kind};
	struct timespec before, after;
	struct stat st;
	int fd;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "x");
	PT_OK(symlink("f", pt_mnt(&p, "l")));
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		PT_OK(utimensat(AT_FDCWD, pt_mnt(&p, "f"), sets[i], 0));
		PT_OK(utimensat(AT_FDCWD, pt_mnt(&p, "l"), sets[i], AT_SYMLINK_NOFOLLOW));
		check_same(&p, "f");
		check_same(&p, "l");
	}
	st = pt_stat(pt_mnt(&p, "f"));
	clock_gettime(CLOCK_REALTIME, &after);
	cr_assert_leq(after.tv_sec - st.st_mtim.tv_sec, 5, "that was not now");
	PT_OK(utimensat(AT_FDCWD, pt_mnt(&p, "f"), sets[0], 0));
	st = pt_stat(pt_mnt(&p, "f"));
	cr_assert_eq(st.st_atim.tv_nsec, 123456789);
	cr_assert_eq(st.st_mtim.tv_sec, 1700000000);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR);
	PT_OK(futimens(fd, sets[1]));
	before = files_stat(fd).st_mtim;
	cr_assert_eq(before.tv_sec, -1);
	cr_assert_eq(before.tv_nsec, 999999999);
	close(fd);
	check_same(&p, "f");
	pt_stop(&p);
}

/* Every namespace that the source has. */
PT_FACT(pt_attr, xattrs_of_all_namespaces_go_both_ways)
{
	static const char *const names[] = {"user.one", "trusted.two", "security.three"};
	char value[3000], got[4000], list[256];
	struct pt p = {.kind = kind};
	ssize_t n;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "");
	for (size_t i = 0; i < 3; i++) {
		PT_OK(setxattr(pt_mnt(&p, "f"), names[i], "val\0ue", 6, XATTR_CREATE));
		cr_assert_eq(getxattr(pt_src(&p, "f"), names[i], got, sizeof got), 6);
		cr_assert_arr_eq(got, "val\0ue", 6);
		cr_assert_eq(getxattr(pt_mnt(&p, "f"), names[i], NULL, 0), 6);
		cr_assert_eq(getxattr(pt_mnt(&p, "f"), names[i], got, sizeof got), 6);
		PT_FAILS(getxattr(pt_mnt(&p, "f"), names[i], got, 5), ERANGE);
		PT_FAILS(setxattr(pt_mnt(&p, "f"), names[i], "", 0, XATTR_CREATE), EEXIST);
	}
	n = listxattr(pt_mnt(&p, "f"), list, sizeof list);
	cr_assert_eq(n, listxattr(pt_src(&p, "f"), got, sizeof got));
	cr_assert_arr_eq(list, got, (size_t)n);
	cr_assert_not_null(memmem(list, (size_t)n, "trusted.two", 12));
	PT_FAILS(listxattr(pt_mnt(&p, "f"), list, 5), ERANGE);
	PT_FAILS(setxattr(pt_mnt(&p, "f"), "user.absent", "", 0, XATTR_REPLACE), ENODATA);
	memset(value, 'v', sizeof value);
	PT_OK(setxattr(pt_mnt(&p, "f"), "user.one", value, sizeof value, XATTR_REPLACE));
	cr_assert_eq(getxattr(pt_mnt(&p, "f"), "user.one", got, sizeof got), sizeof value);
	PT_OK(setxattr(pt_src(&p, "f"), "user.there", "1", 1, 0));
	cr_assert_eq(getxattr(pt_mnt(&p, "f"), "user.there", got, sizeof got), 1);
	PT_OK(removexattr(pt_mnt(&p, "f"), "user.one"));
	PT_FAILS(getxattr(pt_src(&p, "f"), "user.one", got, sizeof got), ENODATA);
	PT_FAILS(removexattr(pt_mnt(&p, "f"), "user.one"), ENODATA);
	PT_FAILS(setxattr(pt_mnt(&p, "f"), "nonsense.x", "1", 1, 0), EOPNOTSUPP);
	pt_stop(&p);
}

PT_FACT(pt_attr, xattrs_of_links_are_the_links_own)
{
	struct pt p = {.kind = kind};
	char got[16];

	pt_start(&p, NULL);
	PT_OK(symlink("f", pt_mnt(&p, "l")));
	PT_OK(lsetxattr(pt_mnt(&p, "l"), "trusted.x", "link", 4, 0));
	cr_assert_eq(lgetxattr(pt_src(&p, "l"), "trusted.x", got, sizeof got), 4);
	cr_assert_eq(lgetxattr(pt_mnt(&p, "l"), "trusted.x", got, sizeof got), 4);
	PT_FAILS(lsetxattr(pt_mnt(&p, "l"), "user.x", "link", 4, 0), EPERM);
	PT_OK(lremovexattr(pt_mnt(&p, "l"), "trusted.x"));
	PT_FAILS(lgetxattr(pt_src(&p, "l"), "trusted.x", got, sizeof got), ENODATA);
	pt_stop(&p);
}

PT_FACT(pt_attr, the_file_system_is_told_as_that_of_the_source)
{
	struct statvfs ours, theirs;
	struct pt p = {.kind = kind};
	int fd;

	pt_start(&p, NULL);
	pt_fill(pt_mnt(&p, "f"), 1 << 20);
	fd = pt_open(p.src, O_RDONLY | O_DIRECTORY);
	PT_OK(syncfs(fd)); /* ext4 takes the space when it is written back */
	close(fd);
	PT_OK(statvfs(p.src, &theirs));
	PT_OK(statvfs(pt_mnt(&p, "f"), &ours));
	cr_assert_eq(ours.f_blocks, theirs.f_blocks);
	cr_assert_eq(ours.f_bfree, theirs.f_bfree);
	cr_assert_eq(ours.f_bavail, theirs.f_bavail);
	cr_assert_eq(ours.f_files, theirs.f_files);
	cr_assert_eq(ours.f_ffree, theirs.f_ffree);
	cr_assert_eq(ours.f_bsize, theirs.f_bsize);
	cr_assert_eq(ours.f_frsize, theirs.f_frsize);
	cr_assert_eq(ours.f_namemax, theirs.f_namemax);
	pt_stop(&p);
}

/* ---- ioctls: what lsattr, chattr and xfs_io use ---- */

static int flags_of(const char *path)
{
	int fd = pt_open(path, O_RDONLY), flags = 0;

	PT_OK(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	close(fd);
	return flags;
}

static int change_flags(const char *path, int on, int off)
{
	int fd = pt_open(path, O_RDONLY), flags = flags_of(path), ret;

	flags = (flags | on) & ~off;
	ret = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
	return ret;
}

FACT(pt_attr, file_flags_can_be_read_and_set)
{
	struct pt p = {.kind = PT_EXT4};
	struct fsxattr ours, theirs;
	int fd;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	PT_OK(change_flags(pt_mnt(&p, "f"), FS_NODUMP_FL | FS_NOATIME_FL, 0));
	cr_assert(flags_of(pt_src(&p, "f")) & FS_NODUMP_FL);
	cr_assert_eq(flags_of(pt_mnt(&p, "f")), flags_of(pt_src(&p, "f")));
	PT_OK(change_flags(pt_mnt(&p, "dir"), FS_NODUMP_FL, 0));
	cr_assert(flags_of(pt_src(&p, "dir")) & FS_NODUMP_FL);
	cr_assert_eq(flags_of(pt_mnt(&p, "dir")), flags_of(pt_src(&p, "dir")));
	fd = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	PT_OK(ioctl(fd, FS_IOC_FSGETXATTR, &ours));
	cr_assert(ours.fsx_xflags & FS_XFLAG_NOATIME, "%x", ours.fsx_xflags);
	ours.fsx_xflags &= ~(unsigned)FS_XFLAG_NOATIME;
	PT_OK(ioctl(fd, FS_IOC_FSSETXATTR, &ours));
	close(fd);
	fd = pt_open(pt_src(&p, "f"), O_RDONLY);
	PT_OK(ioctl(fd, FS_IOC_FSGETXATTR, &theirs));
	cr_assert_eq(theirs.fsx_xflags, ours.fsx_xflags);
	close(fd);
	pt_stop(&p);
}

static bool tells_ctime(const struct pt *p, const char *name)
{
	struct timespec ours = pt_stat(pt_mnt(p, "%s", name)).st_ctim;
	struct timespec theirs = pt_stat(pt_src(p, "%s", name)).st_ctim;

	return ours.tv_sec == theirs.tv_sec && ours.tv_nsec == theirs.tv_nsec;
}

FACT(pt_attr, the_ctime_of_changed_file_flags_is_told_before_the_attributes_are_old)
{
	struct pt p = {.kind = PT_EXT4};
	struct fsxattr attr;
	int fd;

	pt_start(&p, "-oattr_timeout=3600,entry_timeout=3600", NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	fd = pt_open(pt_mnt(&p, "f"), O_RDONLY);
	cr_assert(tells_ctime(&p, "f") && tells_ctime(&p, "dir"));
	nap(20); /* the source's clock ticks in milliseconds */
	PT_OK(change_flags(pt_mnt(&p, "f"), FS_NODUMP_FL, 0));
	cr_assert(eventually_within(2000, tells_ctime(&p, "f")));
	PT_OK(change_flags(pt_mnt(&p, "dir"), FS_NODUMP_FL, 0));
	cr_assert(eventually_within(2000, tells_ctime(&p, "dir")));
	nap(20);
	PT_OK(ioctl(fd, FS_IOC_FSGETXATTR, &attr));
	attr.fsx_xflags |= FS_XFLAG_NOATIME;
	PT_OK(ioctl(fd, FS_IOC_FSSETXATTR, &attr));
	cr_assert(eventually_within(2000, tells_ctime(&p, "f")));
	close(fd);
	pt_stop(&p);
}

static int set_flags_as_32_bit_programs_do(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), flags = FS_NODUMP_FL, error = 0;

	if (fd < 0)
		return errno;
	if (ioctl(fd, FS_IOC32_SETFLAGS, &flags) < 0)
		error = errno;
	close(fd);
	return error;
}

/* The kernel checks who sends its own number only. */
FACT(pt_attr, nobody_sets_flags_by_a_number_that_the_kernel_does_not_check)
{
	struct pt p = {.kind = PT_EXT4};

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	cr_assert_eq(harness_as(65534, set_flags_as_32_bit_programs_do, pt_mnt(&p, "f")), ENOTTY);
	cr_assert_eq(set_flags_as_32_bit_programs_do(pt_mnt(&p, "f")), ENOTTY);
	cr_assert_eq(flags_of(pt_src(&p, "f")) & FS_NODUMP_FL, 0);
	pt_stop(&p);
}

FACT(pt_attr, an_immutable_file_stays_as_it_is)
{
	struct pt p = {.kind = PT_EXT4};
	int fd;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "hello");
	PT_OK(change_flags(pt_mnt(&p, "f"), FS_IMMUTABLE_FL, 0));
	PT_FAILS(open(pt_mnt(&p, "f"), O_WRONLY), EPERM);
	PT_FAILS(open(pt_mnt(&p, "f"), O_RDONLY | O_TRUNC), EPERM);
	PT_FAILS(truncate(pt_mnt(&p, "f"), 0), EPERM);
	PT_FAILS(unlink(pt_mnt(&p, "f")), EPERM);
	PT_FAILS(rename(pt_mnt(&p, "f"), pt_mnt(&p, "g")), EPERM);
	PT_FAILS(link(pt_mnt(&p, "f"), pt_mnt(&p, "g")), EPERM);
	PT_FAILS(chmod(pt_mnt(&p, "f"), 0600), EPERM);
	PT_FAILS(chown(pt_mnt(&p, "f"), 1, 1), EPERM);
	PT_FAILS(setxattr(pt_mnt(&p, "f"), "user.x", "1", 1, 0), EPERM);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "hello");
	PT_OK(change_flags(pt_mnt(&p, "f"), FS_APPEND_FL, FS_IMMUTABLE_FL));
	PT_FAILS(open(pt_mnt(&p, "f"), O_WRONLY), EPERM);
	fd = pt_open(pt_mnt(&p, "f"), O_WRONLY | O_APPEND);
	cr_assert_eq(write(fd, "+", 1), 1, "%s", strerror(errno));
	PT_FAILS(ftruncate(fd, 0), EPERM);
	close(fd);
	cr_assert_str_eq(pt_get(pt_src(&p, "f")), "hello+");
	PT_OK(change_flags(pt_mnt(&p, "f"), 0, FS_APPEND_FL));
	PT_OK(unlink(pt_mnt(&p, "f")));
	pt_stop(&p);
}

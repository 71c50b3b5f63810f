/*
 * Passthrough without privileges: through fusermount3, and in a user namespace.
 */
#include "pt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

#define USER HARNESS_USER

/* Each step in the current directory; the number of the one that fails. */
#define TRY(call) \
	do { \
		if (!(call)) \
			return __LINE__ % 250 + 1; \
	} while (0)

static int use_data(void)
{
	char text[16] = "", *map;
	struct stat st;
	int fd;

	TRY((fd = open("f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640)) >= 0);
	TRY(write(fd, "hello", 5) == 5);
	TRY(pread(fd, text, sizeof text, 0) == 5 && strcmp(text, "hello") == 0);
	TRY(ftruncate(fd, 8192) == 0 && fsync(fd) == 0 && fallocate(fd, 0, 0, 16384) == 0);
	TRY(fstat(fd, &st) == 0 && st.st_size == 16384 && st.st_uid == geteuid());
	TRY(lseek(fd, 0, SEEK_DATA) == 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	TRY(map != MAP_FAILED);
	map[0] = 'J';
	TRY(msync(map, 4096, MS_SYNC) == 0 && munmap(map, 4096) == 0);
	TRY(pread(fd, text, 5, 0) == 5 && strcmp(text, "Jello") == 0);
	TRY(close(fd) == 0);
	TRY((fd = open("f", O_WRONLY | O_APPEND | O_CLOEXEC)) >= 0);
	TRY(write(fd, "+", 1) == 1 && close(fd) == 0);
	TRY(stat("f", &st) == 0 && st.st_size == 16385);
	TRY((fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) >= 0);
	TRY(write(fd, "x", 1) == 1 && close(fd) == 0);
	return 0;
}

static int use_names(void)
{
	struct timespec times[2] = {{1000, 1}, {2000, 2}};
	struct statvfs space;
	char target[8] = "";
	struct stat st;

	TRY(mkdir("dir", 0755) == 0 && rename("f", "dir/g") == 0);
	TRY(link("dir/g", "f") == 0 && symlink("f", "l") == 0 && mkfifo("fifo", 0600) == 0);
	TRY(stat("dir/g", &st) == 0 && st.st_nlink == 2);
	TRY(readlink("l", target, sizeof target) == 1 && target[0] == 'f');
	TRY(chmod("f", 0604) == 0 && stat("dir/g", &st) == 0 && st.st_mode == (S_IFREG | 0604));
	TRY(utimensat(AT_FDCWD, "f", times, 0) == 0);
	TRY(stat("f", &st) == 0 && st.st_mtim.tv_nsec == 2);
	TRY(setxattr("f", "user.x", "val", 3, 0) == 0);
	TRY(getxattr("f", "user.x", target, sizeof target) == 3);
	TRY(statvfs(".", &space) == 0 && space.f_blocks > 0);
	TRY(renameat2(AT_FDCWD, "f", AT_FDCWD, "l", RENAME_EXCHANGE) == 0);
	TRY(rmdir("dir") < 0 && errno == ENOTEMPTY);
	TRY(unlink("dir/g") == 0 && rmdir("dir") == 0);
	TRY(unlink("f") == 0 && unlink("l") == 0 && unlink("fifo") == 0);
	return 0;
}

static int use_all(void *dir)
{
	int ret;

	TRY(chdir(dir) == 0);
	umask(022);
	ret = use_data();
	return ret ? ret : use_names();
}

static int chown_away(void *path)
{
	return chown(path, 0, 0) < 0 ? errno : 0;
}

static int mknod_errno(void *path)
{
	return mknod(path, S_IFCHR | 0666, 0x103) < 0 ? errno : 0;
}

static int open_errno(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : close(fd);
}

/* What the start line says is off, and why. */
static void check_no_kernel_passthrough(const struct pt *p)
{
	char *log = daemon_log(&p->d, 0), *at = strstr(log, " off=");

	cr_assert(!pt_passes_through(p), "%s", log);
	at = at ? strstr(at, "passthrough(") : NULL;
	cr_assert_not_null(at, "%s", log);
	cr_assert_not_null(strstr(at, "CAP_SYS_ADMIN"), "%s", at);
	free(log);
}

PT_FACT(pt_user, a_user_serves_a_directory_of_his_own)
{
	struct pt p = {.kind = kind, .d.uid = USER};

	harness_open_fuse_to_all();
	pt_make_source(&p);
	pt_put(pt_src(&p, "roots"), "secret");
	PT_OK(chmod(pt_src(&p, "roots"), 0600));
	PT_OK(mkdir(pt_src(&p, "closed"), 0700));
	pt_start(&p, NULL);
	cr_assert_eq(harness_as(USER, use_all, (void *)p.d.mnt), 0);
	cr_assert_eq(harness_as(USER, open_errno, pt_mnt(&p, "roots")), EACCES);
	cr_assert_eq(harness_as(USER, files_stat_errno, pt_mnt(&p, "closed/x")), EACCES);
	cr_assert_eq(harness_as(USER, chown_away, (void *)p.d.mnt), EPERM);
	cr_assert_eq(harness_as(USER, mknod_errno, pt_mnt(&p, "null")), EPERM);
	/* without allow_other it is his alone */
	cr_assert_eq(harness_as(4321, files_stat_errno, (void *)p.d.mnt), EACCES);
	PT_FAILS(access(p.d.mnt, F_OK), EACCES);
	cr_assert_str_eq(pt_list(p.src), "closed roots");
	check_no_kernel_passthrough(&p);
	cr_assert_eq(daemon_stop(&p.d), 0);
	cr_assert(!daemon_mounted(&p.d));
}

FACT(pt_user, a_source_that_the_user_may_not_read_is_refused_with_one_line)
{
	struct pt p = {.d = {.uid = USER, .backend = "passthrough"}};
	char *text;

	harness_open_fuse_to_all();
	p.src = harness_mkdir("roots", 0);
	PT_OK(chmod(p.src, 0700));
	PT_OK(mkdir(harness_path("roots/dir"), 0755));
	daemon_spawn(&p.d, pt_source_option(&p), NULL);
	cr_assert_eq(daemon_wait(&p.d), 2);
	text = daemon_log(&p.d, 0);
	cr_assert_not_null(strstr(text, "no permission"), "%s", text);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "not one line: %s", text);
	cr_assert(!daemon_mounted(&p.d));
}

PT_FACT(pt_user, a_user_namespace_serves_and_mounts)
{
	struct pt p = {.kind = kind, .d = {.uid = USER, .userns = true, .env = "PATH=/nowhere"}};

	harness_open_fuse_to_all();
	pt_make_source(&p);
	pt_put(pt_src(&p, "roots"), "secret");
	PT_OK(chmod(pt_src(&p, "roots"), 0600));
	pt_start(&p, NULL);
	cr_assert_eq(harness_inside(p.d.pid, use_all, (void *)p.d.mnt), 0);
	cr_assert_eq(harness_inside(p.d.pid, open_errno, pt_mnt(&p, "roots")), EACCES);
	/* root's files are nobody's here, and stay root's */
	cr_assert_eq(harness_inside(p.d.pid, chown_away, pt_mnt(&p, "roots")), EPERM);
	cr_assert_eq(harness_inside(p.d.pid, mknod_errno, pt_mnt(&p, "null")), EPERM);
	cr_assert_str_eq(pt_list(p.src), "roots");
	check_no_kernel_passthrough(&p);
	cr_assert_eq(daemon_stop(&p.d), 0);
}

/*
 * Passthrough: attempts to reach what lies outside the source.  Clients here follow no links, so
 * whatever of the outside shows was reached by the daemon.
 */
#include "pt.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

#define SECRET "secret"

/* The source beside a directory that must not be reached, on one file system. */
static void start(struct pt *p, const char *options)
{
	p->kind = PT_DIR;
	pt_make_source(p);
	harness_mkdir("outside", 0);
	pt_put(harness_path("outside/f"), SECRET);
	pt_put(pt_src(p, "f"), "inside");
	pt_start(p, options, NULL);
}

/* The outside is as it was. */
static void check_outside(void)
{
	cr_assert_str_eq(pt_list(harness_path("outside")), "f");
	cr_assert_str_eq(pt_get(harness_path("outside/f")), SECRET);
	cr_assert_eq(pt_stat(harness_path("outside/f")).st_mode, S_IFREG | 0644);
}

/* Follows no links at all, and crosses no mounts. */
static int open_beneath(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? 0644 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

/* ---- links ---- */

static int read_in_jail(void *dir)
{
	static const char *const paths[] = {"absolute", "above", "/sub/above2", "sub/absolute2"};
	char text[16] = "";
	int fd;

	if (chroot(dir) < 0 || chdir("/") < 0)
		return errno;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof text - 1) != 6 || strcmp(text, "inside") != 0)
			return 10 + (int)i;
		close(fd);
	}
	return 0;
}

FACT(pt_escape, links_are_followed_by_the_client_in_its_own_world)
{
	char target[64] = "";
	struct pt p = {0};

	start(&p, NULL);
	PT_OK(mkdir(pt_mnt(&p, "sub"), 0755));
	PT_OK(symlink("/f", pt_mnt(&p, "absolute")));
	PT_OK(symlink("../../../f", pt_mnt(&p, "above")));
	PT_OK(symlink("../../../../f", pt_mnt(&p, "sub/above2")));
	PT_OK(symlink("/sub/../f", pt_mnt(&p, "sub/absolute2")));
	PT_OK(symlink("../outside/f", pt_mnt(&p, "out")));
	PT_OK(readlink(pt_mnt(&p, "out"), target, sizeof target - 1));
	cr_assert_str_eq(target, "../outside/f");
	/* for a client in a jail the mount is the world */
	cr_assert_eq(harness_as(0, read_in_jail, (void *)p.d.mnt), 0);
	/* a link is no directory and no file */
	PT_FAILS(open(pt_mnt(&p, "out"), O_RDONLY | O_NOFOLLOW), ELOOP);
	PT_FAILS(open(pt_mnt(&p, "out"), O_WRONLY | O_CREAT | O_NOFOLLOW, 0644), ELOOP);
	PT_FAILS(open(pt_mnt(&p, "out"), O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	PT_FAILS(mkdir(pt_mnt(&p, "out"), 0755), EEXIST);
	PT_OK(lchown(pt_mnt(&p, "out"), 7, 7));
	cr_assert_eq(pt_stat(harness_path("outside/f")).st_uid, 0);
	check_outside();
	pt_stop(&p);
}

/* The client still has a file or a directory in its cache where the source has a link by now. */
FACT(pt_escape, what_was_replaced_by_a_link_leads_nowhere)
{
	struct pt p = {0};
	int dir;

	start(&p, "-oentry_timeout=100,attr_timeout=100");
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	pt_put(pt_mnt(&p, "dir/f"), "inside");
	pt_put(pt_mnt(&p, "file"), "inside");
	dir = pt_open(p.d.mnt, O_RDONLY | O_DIRECTORY);
	PT_OK(rename(pt_src(&p, "dir"), pt_src(&p, "moved")));
	PT_OK(symlink(harness_path("outside"), pt_src(&p, "dir")));
	PT_OK(unlink(pt_src(&p, "file")));
	PT_OK(symlink(harness_path("outside/f"), pt_src(&p, "file")));
	for (int i = 0; i < 3; i++) {
		int fd = open_beneath(dir, "dir/f", O_RDWR);
		char text[16] = "";

		if (fd >= 0) {
			cr_assert_eq(read(fd, text, 6), 6);
			cr_assert_str_eq(text, "inside");
			close(fd);
		}
		fd = open_beneath(dir, "file", O_RDWR | O_TRUNC);
		if (fd >= 0)
			close(fd);
		fd = open_beneath(dir, "dir/new", O_WRONLY | O_CREAT);
		if (fd >= 0)
			close(fd);
		check_outside();
		files_forget(&p.d);
	}
	close(dir);
	pt_stop(&p);
}

/* ---- races ---- */

struct race {
	struct pt p;
	atomic_bool stop;
	atomic_ulong swaps;
	unsigned long inside, outside, refused;
};

/* "d" is a directory and "l" a link to the outside, and then it is the other way round. */
static void *swap(void *arg)
{
	struct race *r = arg;
	const char *d = pt_src(&r->p, "d"), *l = pt_src(&r->p, "l");

	while (!atomic_load(&r->stop)) {
		if (renameat2(AT_FDCWD, d, AT_FDCWD, l, RENAME_EXCHANGE) < 0)
			return NULL;
		atomic_fetch_add(&r->swaps, 1);
		if (atomic_load(&r->swaps) % 15 == 0)
			usleep(300);
	}
	return NULL;
}

static void count(struct race *r, int fd)
{
	char text[16] = "";

	if (fd < 0) {
		r->refused++;
		return;
	}
	if (read(fd, text, sizeof text - 1) == 6 && strcmp(text, SECRET) == 0)
		r->outside++;
	else
		r->inside++;
	close(fd);
}

/* Reads, makes, changes and removes below "d", by one path and by descriptors. */
static void attack(struct race *r, int dir, unsigned round)
{
	int d, fd;
	char name[64];

	count(r, open_beneath(dir, "d/f", O_RDWR));
	snprintf(name, sizeof name, "d/made%u", round % 8);
	fd = open_beneath(dir, name, O_RDWR | O_CREAT);
	if (fd >= 0 && write(fd, "inside", 6) == 6 && fchmod(fd, 0600) == 0)
		close(fd);
	d = open_beneath(dir, round % 2 ? "d" : "l", O_RDONLY | O_DIRECTORY);
	if (d < 0)
		return;
	count(r, open_beneath(d, "f", O_RDONLY));
	snprintf(name, sizeof name, "sub%u", round % 8);
	(void)!mkdirat(d, name, 0755);
	(void)!symlinkat("x", d, "link");
	(void)!renameat(d, "link", d, name + 3);
	(void)!unlinkat(d, name, AT_REMOVEDIR);
	(void)!fchmodat(d, "made1", 0666, 0);
	close(d);
}

static void race(const char *options)
{
	struct race r = {.stop = false};
	unsigned long end;
	pthread_t thread;
	int dir;

	start(&r.p, options);
	PT_OK(mkdir(pt_src(&r.p, "d"), 0755));
	pt_put(pt_src(&r.p, "d/f"), "inside");
	PT_OK(symlink(harness_path("outside"), pt_src(&r.p, "l")));
	dir = pt_open(r.p.d.mnt, O_RDONLY | O_DIRECTORY);
	cr_assert_eq(pthread_create(&thread, NULL, swap, &r), 0);
	end = pt_now_ms() + 1000;
	for (unsigned round = 0; pt_now_ms() < end; round++) {
		attack(&r, dir, round);
		if (r.outside)
			break;
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	cr_assert_eq(r.outside, 0, "the secret was read");
	check_outside();
	/* it was a race */
	cr_assert_gt(atomic_load(&r.swaps), 100);
	cr_assert_gt(r.inside, 20, "%lu inside, %lu refused", r.inside, r.refused);
	cr_assert_gt(r.refused, 0);
	close(dir);
	pt_stop(&r.p);
}

FACT(pt_escape, a_directory_that_turns_into_a_link_under_way_leads_nowhere)
{
	race("-ocache=none,passthrough=off");
}

FACT(pt_escape, nor_with_caches_and_kernel_passthrough)
{
	race("-oentry_timeout=0.002,attr_timeout=0.002");
}

/* ---- what was moved ---- */

FACT(pt_escape, above_a_directory_that_was_moved_out_is_nothing_of_the_outside)
{
	struct pt p = {0};
	char text[16] = "";
	int sub, fd;

	start(&p, "-ocache=none");
	PT_OK(mkdir(pt_mnt(&p, "a"), 0755));
	PT_OK(mkdir(pt_mnt(&p, "a/b"), 0755));
	pt_put(pt_mnt(&p, "a/f"), "inside");
	sub = pt_open(pt_mnt(&p, "a/b"), O_RDONLY | O_DIRECTORY);
	PT_OK(rename(pt_src(&p, "a/b"), harness_path("outside/b")));
	fd = openat(sub, "../f", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		cr_assert_eq(read(fd, text, 6), 6);
		cr_assert_str_eq(text, "inside", "'..' led out of the source");
		close(fd);
	}
	fd = openat(sub, "../../f", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		cr_assert_eq(read(fd, text, 6), 6);
		cr_assert_str_eq(text, "inside");
		close(fd);
	}
	cr_assert(!pt_exists(pt_mnt(&p, "a/b")));
	close(sub);
	PT_OK(rename(harness_path("outside/b"), pt_src(&p, "a/b")));
	check_outside();
	pt_stop(&p);
}

/* A handle as FUSE makes it. */
struct handle {
	struct file_handle head;
	uint32_t nodeid_high, nodeid_low, generation;
	unsigned char rest[128 - 12];
};

/* The kernel asks for ".." when it looks for the place of a directory, and lists what is there.
 * What the daemon has told it then could be opened by a handle that somebody made up. */
static void check_handle(int mount_fd, struct handle *handle)
{
	int fd = open_by_handle_at(mount_fd, &handle->head, O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	struct stat st;

	if (fd < 0)
		return;
	st = files_stat(fd);
	cr_assert_neq(st.st_ino, pt_stat(harness_path("outside")).st_ino, "nodeid %u",
		      handle->nodeid_low);
	cr_assert_neq(st.st_ino, pt_stat(harness_path("outside/f")).st_ino, "nodeid %u",
		      handle->nodeid_low);
	if (S_ISREG(st.st_mode) && st.st_size == 6 && read(fd, text, 6) == 6)
		cr_assert_str_neq(text, SECRET, "nodeid %u", handle->nodeid_low);
	close(fd);
}

FACT(pt_escape, the_parent_of_a_directory_that_was_moved_out_is_refused)
{
	struct handle handle = {.head.handle_bytes = sizeof handle - sizeof handle.head};
	int mount_fd, mount_id;
	struct pt p = {0};

	start(&p, "-oexport,entry_timeout=0,attr_timeout=0");
	PT_OK(mkdir(pt_mnt(&p, "a"), 0755));
	PT_OK(mkdir(pt_mnt(&p, "a/b"), 0755));
	PT_OK(name_to_handle_at(AT_FDCWD, pt_mnt(&p, "a/b"), &handle.head, &mount_id, 0));
	mount_fd = pt_open(p.d.mnt, O_RDONLY | O_DIRECTORY);
	check_handle(mount_fd, &handle);
	PT_OK(rename(pt_src(&p, "a/b"), harness_path("outside/b")));
	files_forget(&p.d);
	check_handle(mount_fd, &handle);
	for (unsigned i = 0; i < 50 * 50; i++) {
		handle.nodeid_low = i / 50;
		handle.generation = i % 50;
		check_handle(mount_fd, &handle);
	}
	close(mount_fd);
	PT_OK(rmdir(harness_path("outside/b")));
	check_outside();
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "inside");
	pt_stop(&p);
}

FACT(pt_escape, a_directory_that_was_replaced_stays_what_it_was_for_who_has_it_open)
{
	struct pt p = {0};
	int dir, fd;

	start(&p, "-oentry_timeout=0.05,attr_timeout=0.05");
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	pt_put(pt_mnt(&p, "dir/f"), "first");
	dir = pt_open(pt_mnt(&p, "dir"), O_RDONLY | O_DIRECTORY);
	PT_OK(rename(pt_src(&p, "dir"), pt_src(&p, "old")));
	PT_OK(mkdir(pt_src(&p, "dir"), 0755));
	pt_put(pt_src(&p, "dir/f"), "second");
	cr_assert(eventually(pt_has(pt_mnt(&p, "dir/f"), "second")));
	cr_assert_eq(unlinkat(dir, "f", 0), 0);
	fd = openat(dir, "mine", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	PT_OK(fd);
	close(fd);
	cr_assert_str_eq(pt_list(pt_src(&p, "old")), "mine");
	cr_assert_str_eq(pt_list(pt_src(&p, "dir")), "f");
	close(dir);
	pt_stop(&p);
}

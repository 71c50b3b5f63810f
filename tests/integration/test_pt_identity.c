/*
 * Passthrough: which inode is which: hard links, inode numbers used again, mounts beneath the
 * source, file handles.
 */
#include "pt.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "files.h"

PT_FACT(pt_identity, hard_links_are_one_inode)
{
	struct pt p = {.kind = kind};
	struct stat a, b;

	pt_start(&p, "-oentry_timeout=0.05,attr_timeout=100", NULL);
	pt_put(pt_mnt(&p, "a"), "one");
	PT_OK(link(pt_mnt(&p, "a"), pt_mnt(&p, "b")));
	a = pt_stat(pt_mnt(&p, "a"));
	b = pt_stat(pt_mnt(&p, "b"));
	cr_assert_eq(a.st_ino, b.st_ino);
	cr_assert_eq(a.st_nlink, 2);
	/* what one name has in the caches the other has, too */
	pt_append(pt_mnt(&p, "a"), "+two");
	cr_assert_eq(pt_stat(pt_mnt(&p, "b")).st_size, 7);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "b")), "one+two");
	PT_OK(chmod(pt_mnt(&p, "b"), 0600));
	cr_assert_eq(pt_stat(pt_mnt(&p, "a")).st_mode & 07777, 0600);
	/* a name that was made on the source */
	PT_OK(link(pt_src(&p, "a"), pt_src(&p, "c")));
	cr_assert_eq(pt_stat(pt_mnt(&p, "c")).st_ino, a.st_ino);
	pt_append(pt_mnt(&p, "c"), "+three");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "a")), "one+two+three");
	PT_OK(unlink(pt_mnt(&p, "a")));
	cr_assert_eq(pt_stat(pt_mnt(&p, "c")).st_nlink, 2);
	pt_stop(&p);
}

PT_FACT(pt_identity, inode_numbers_are_those_of_the_source)
{
	static const char *const names[] = {"dir", "dir/f", "l", "fifo", "."};
	struct pt p = {.kind = kind};
	const struct dirent *entry;
	DIR *dir;

	pt_start(&p, NULL);
	PT_OK(mkdir(pt_src(&p, "dir"), 0755));
	pt_put(pt_src(&p, "dir/f"), "");
	PT_OK(symlink("dir", pt_mnt(&p, "l")));
	PT_OK(mkfifo(pt_mnt(&p, "fifo"), 0600));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		cr_assert_eq(pt_stat(pt_mnt(&p, "%s", names[i])).st_ino,
			     pt_stat(pt_src(&p, "%s", names[i])).st_ino, "%s", names[i]);
	dir = opendir(p.d.mnt);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, "..") != 0)
			cr_assert_eq(entry->d_ino, pt_stat(pt_src(&p, "%s", entry->d_name)).st_ino,
				     "%s", entry->d_name);
	closedir(dir);
	pt_stop(&p);
}

/*
 * With few descriptors the daemon keeps no inode from being freed: its number comes again.  With
 * cache=always nothing but the identity keeps the old file's data from being shown for the new one.
 */
FACT(pt_identity, a_number_that_is_used_again_is_a_new_file)
{
	struct pt p = {.kind = PT_EXT4, .d.descriptors = 128};
	unsigned n = 0;
	ino_t ino;

	pt_make_source(&p);
	pt_put(pt_src(&p, "old"), "old contents");
	for (unsigned i = 0; i < 300; i++)
		pt_put(pt_src(&p, "f%u", i), "");
	pt_start(&p, "-ocache=always,passthrough=off", NULL);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "old")), "old contents");
	ino = pt_stat(pt_mnt(&p, "old")).st_ino;
	for (unsigned i = 0; i < 300; i++)
		pt_stat(pt_mnt(&p, "f%u", i));
	PT_OK(unlink(pt_src(&p, "old")));
	do {
		cr_assert(n < 100, "the number does not come again: is a descriptor kept?");
		pt_put(pt_src(&p, "new%u", n), "new contents");
	} while (pt_stat(pt_src(&p, "new%u", n++)).st_ino != ino);
	n--;
	cr_assert_str_eq(pt_get(pt_mnt(&p, "new%u", n)), "new contents");
	cr_assert_eq(pt_stat(pt_mnt(&p, "new%u", n)).st_ino, ino);
	/* who still has the old name cached gets nothing of the new file */
	PT_FAILS(open(pt_mnt(&p, "old"), O_RDWR), ENOENT);
	pt_put(pt_mnt(&p, "new%u", n), "newer");
	cr_assert_str_eq(pt_get(pt_src(&p, "new%u", n)), "newer");
	pt_stop(&p);
}

/* ---- mounts beneath the source ---- */

static void add_submount(struct pt *p)
{
	pt_make_source(p);
	pt_put(pt_src(p, "f"), "above");
	PT_OK(mkdir(pt_src(p, "sub"), 0755));
	pt_put(pt_src(p, "sub/hidden"), "beneath");
	PT_OK(mount("sub", pt_src(p, "sub"), "tmpfs", 0, "size=1m"));
	pt_put(pt_src(p, "sub/g"), "inside");
}

PT_FACT(pt_identity, what_is_mounted_beneath_the_source_is_shown)
{
	struct pt p = {.kind = kind};
	struct statvfs space;

	add_submount(&p);
	pt_start(&p, NULL);
	cr_assert_str_eq(pt_list(pt_mnt(&p, "sub")), "g");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "sub/g")), "inside");
	pt_put(pt_mnt(&p, "sub/new"), "there");
	cr_assert_str_eq(pt_get(pt_src(&p, "sub/new")), "there");
	PT_OK(statvfs(pt_mnt(&p, "sub"), &space));
	cr_assert_eq(space.f_blocks * space.f_frsize, 1 << 20);
	/* two file systems they are */
	PT_FAILS(rename(pt_mnt(&p, "f"), pt_mnt(&p, "sub/f")), EXDEV);
	PT_FAILS(link(pt_mnt(&p, "f"), pt_mnt(&p, "sub/f")), EXDEV);
	PT_FAILS(rmdir(pt_mnt(&p, "sub")), EBUSY);
	pt_stop(&p);
}

/* Both roots of two file systems of the same sort have the same number. */
FACT(pt_identity, inodes_of_several_file_systems_are_not_mixed_up)
{
	struct pt p = {.kind = PT_TMPFS};
	char text[2] = "0";
	ino_t seen[9];

	pt_make_source(&p);
	for (int i = 0; i < 4; i++) {
		PT_OK(mkdir(pt_src(&p, "m%d", i), 0755));
		PT_OK(mount("sub", pt_src(&p, "m%d", i), "tmpfs", 0, NULL));
		text[0] = (char)('0' + i);
		pt_put(pt_src(&p, "m%d/f", i), text);
	}
	pt_start(&p, "-ocache=always,passthrough=off", NULL);
	seen[8] = pt_stat(p.d.mnt).st_ino;
	for (int i = 0; i < 4; i++) {
		text[0] = (char)('0' + i);
		cr_assert_str_eq(pt_get(pt_mnt(&p, "m%d/f", i)), text);
		seen[2 * i] = pt_stat(pt_mnt(&p, "m%d", i)).st_ino;
		seen[2 * i + 1] = pt_stat(pt_mnt(&p, "m%d/f", i)).st_ino;
	}
	for (int i = 0; i < 9; i++)
		for (int j = 0; j < i; j++)
			cr_assert_neq(seen[i], seen[j], "two inodes have one number");
	pt_stop(&p);
}

PT_FACT(pt_identity, mounts_that_come_and_go_on_the_source_are_followed)
{
	struct pt p = {.kind = kind};

	pt_start(&p, "-oentry_timeout=0.05,attr_timeout=0.05", NULL);
	PT_OK(mkdir(pt_mnt(&p, "sub"), 0755));
	pt_put(pt_mnt(&p, "sub/hidden"), "beneath");
	PT_OK(mount("sub", pt_src(&p, "sub"), "tmpfs", 0, NULL));
	pt_put(pt_src(&p, "sub/g"), "inside");
	cr_assert(eventually(pt_has(pt_mnt(&p, "sub/g"), "inside")));
	cr_assert(!pt_exists(pt_mnt(&p, "sub/hidden")));
	PT_OK(umount2(pt_src(&p, "sub"), MNT_DETACH));
	cr_assert(eventually(pt_has(pt_mnt(&p, "sub/hidden"), "beneath")));
	pt_stop(&p);
}

PT_FACT(pt_identity, submounts_stop_ends_at_them)
{
	struct pt p = {.kind = kind};

	add_submount(&p);
	pt_start(&p, "-osubmounts=stop", NULL);
	cr_assert_str_eq(pt_list(p.d.mnt), "f sub");
	cr_assert(S_ISDIR(pt_stat(pt_mnt(&p, "sub")).st_mode));
	cr_assert_str_eq(pt_list(pt_mnt(&p, "sub")), "");
	PT_FAILS(open(pt_mnt(&p, "sub/g"), O_RDONLY), ENOENT);
	PT_FAILS(open(pt_mnt(&p, "sub/hidden"), O_RDONLY), ENOENT);
	cr_assert(open(pt_mnt(&p, "sub/new"), O_WRONLY | O_CREAT, 0644) < 0);
	cr_assert(mkdir(pt_mnt(&p, "sub/new"), 0755) < 0);
	cr_assert(rename(pt_mnt(&p, "f"), pt_mnt(&p, "sub/f")) < 0);
	cr_assert(rmdir(pt_mnt(&p, "sub")) < 0);
	cr_assert_str_eq(pt_list(pt_src(&p, "sub")), "g");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "above");
	pt_stop(&p);
}

/* ---- file handles ---- */

struct handle {
	struct file_handle head;
	unsigned char bytes[128];
};

static void get_handle(const char *path, struct handle *handle)
{
	int mount_id;

	handle->head.handle_bytes = sizeof handle->bytes;
	cr_assert_eq(name_to_handle_at(AT_FDCWD, path, &handle->head, &mount_id, 0), 0, "%s: %s",
		     path, strerror(errno));
}

static int open_handle(const struct pt *p, struct handle *handle, int flags)
{
	int mount_fd = pt_open(p->d.mnt, O_RDONLY | O_DIRECTORY);
	int fd = open_by_handle_at(mount_fd, &handle->head, flags | O_CLOEXEC);
	int error = errno;

	close(mount_fd);
	errno = error;
	return fd;
}

static bool is_stale(const struct pt *p, struct handle *handle)
{
	int fd = open_handle(p, handle, O_RDONLY), error = errno;

	if (fd >= 0)
		close(fd);
	return fd < 0 && error == ESTALE;
}

PT_FACT(pt_identity, with_export_a_file_is_found_by_its_handle)
{
	struct handle file, dir, gone;
	struct pt p = {.kind = kind};
	char text[8] = "", path[64], name[512] = "";
	int fd;

	pt_start(&p, "-oexport", NULL);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	PT_OK(mkdir(pt_mnt(&p, "dir/sub"), 0755));
	pt_put(pt_mnt(&p, "dir/sub/f"), "hello");
	pt_put(pt_mnt(&p, "gone"), "");
	get_handle(pt_mnt(&p, "dir/sub/f"), &file);
	get_handle(pt_mnt(&p, "dir/sub"), &dir);
	get_handle(pt_mnt(&p, "gone"), &gone);
	fd = open_handle(&p, &file, O_RDWR);
	PT_OK(fd);
	close(fd);
	/* nothing of it is cached any more */
	files_forget(&p.d);
	fd = open_handle(&p, &file, O_RDWR);
	cr_assert(fd >= 0, "%s", strerror(errno));
	cr_assert_eq(read(fd, text, sizeof text), 5);
	cr_assert_str_eq(text, "hello");
	close(fd);
	/* a directory, and from there its place */
	files_forget(&p.d);
	fd = open_handle(&p, &dir, O_RDONLY | O_DIRECTORY);
	cr_assert(fd >= 0, "%s", strerror(errno));
	cr_assert_eq(faccessat(fd, "f", R_OK, 0), 0);
	cr_assert_eq(faccessat(fd, "../sub/f", R_OK, 0), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	PT_OK(readlink(path, name, sizeof name - 1));
	cr_assert_str_eq(name, pt_mnt(&p, "dir/sub"));
	close(fd);
	PT_OK(unlink(pt_mnt(&p, "gone")));
	files_forget(&p.d);
	/* a FORGET may be overtaken */
	cr_assert(eventually(is_stale(&p, &gone)));
	pt_stop(&p);
}

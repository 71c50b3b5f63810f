/*
 * Passthrough: names, links and sorts of files, each as on the source.
 */
#include "pt.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

/* renameat2(2) on two names of the mount. */
static int rename_flags(const struct pt *p, const char *from, const char *to, unsigned flags)
{
	return renameat2(AT_FDCWD, pt_mnt(p, "%s", from), AT_FDCWD, pt_mnt(p, "%s", to), flags);
}

PT_FACT(pt_basic, what_is_made_through_the_mount_is_on_the_source)
{
	struct pt p = {.kind = kind};

	pt_start(&p, NULL);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0751));
	pt_put(pt_mnt(&p, "dir/f"), "hello");
	PT_OK(chmod(pt_mnt(&p, "dir/f"), 0604));
	PT_OK(chown(pt_mnt(&p, "dir/f"), 11, 12));
	cr_assert_str_eq(pt_get(pt_src(&p, "dir/f")), "hello");
	cr_assert_eq(pt_stat(pt_src(&p, "dir")).st_mode, S_IFDIR | 0751);
	cr_assert_eq(pt_stat(pt_src(&p, "dir/f")).st_mode, S_IFREG | 0604);
	cr_assert_eq(pt_stat(pt_src(&p, "dir/f")).st_uid, 11);
	cr_assert_eq(pt_stat(pt_src(&p, "dir/f")).st_gid, 12);
	PT_OK(truncate(pt_mnt(&p, "dir/f"), 2));
	cr_assert_str_eq(pt_get(pt_src(&p, "dir/f")), "he");
	PT_OK(rename(pt_mnt(&p, "dir/f"), pt_mnt(&p, "g")));
	cr_assert_str_eq(pt_list(p.src), "dir g");
	PT_FAILS(unlink(pt_mnt(&p, "dir/f")), ENOENT);
	PT_OK(unlink(pt_mnt(&p, "g")));
	PT_OK(rmdir(pt_mnt(&p, "dir")));
	cr_assert_str_eq(pt_list(p.src), "");
	pt_stop(&p);
}

PT_FACT(pt_basic, what_was_on_the_source_is_shown)
{
	struct pt p = {.kind = kind};

	pt_make_source(&p);
	PT_OK(mkdir(pt_src(&p, "dir"), 0755));
	pt_put(pt_src(&p, "dir/f"), "hello");
	PT_OK(symlink("dir/f", pt_src(&p, "l")));
	pt_start(&p, NULL);
	cr_assert_str_eq(pt_list(p.d.mnt), "dir l");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "dir/f")), "hello");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "l")), "hello");
	pt_stop(&p);
	cr_assert_str_eq(pt_get(pt_src(&p, "l")), "hello");
}

PT_FACT(pt_basic, the_errors_of_the_source_are_the_mounts)
{
	char name[300];
	struct pt p = {.kind = kind};

	pt_start(&p, NULL);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	PT_OK(mkdir(pt_mnt(&p, "dir/sub"), 0755));
	pt_put(pt_mnt(&p, "f"), "");
	PT_FAILS(mkdir(pt_mnt(&p, "dir"), 0755), EEXIST);
	PT_FAILS(rmdir(pt_mnt(&p, "dir")), ENOTEMPTY);
	PT_FAILS(rmdir(pt_mnt(&p, "f")), ENOTDIR);
	PT_FAILS(unlink(pt_mnt(&p, "dir")), EISDIR);
	PT_FAILS(rename(pt_mnt(&p, "dir"), pt_mnt(&p, "dir/sub/x")), EINVAL);
	PT_FAILS(rename(pt_mnt(&p, "dir/sub"), pt_mnt(&p, "f")), ENOTDIR);
	PT_FAILS(rename(pt_mnt(&p, "f"), pt_mnt(&p, "dir")), EISDIR);
	PT_FAILS(link(pt_mnt(&p, "dir"), pt_mnt(&p, "link")), EPERM);
	PT_FAILS(open(pt_mnt(&p, "absent"), O_RDONLY), ENOENT);
	PT_FAILS(open(pt_mnt(&p, "f/x"), O_RDONLY), ENOTDIR);
	PT_FAILS(truncate(pt_mnt(&p, "f"), -1), EINVAL);
	memset(name, 'n', sizeof name);
	name[256] = '\0';
	PT_FAILS(mkdir(pt_mnt(&p, "%s", name), 0755), ENAMETOOLONG);
	PT_FAILS(open(pt_mnt(&p, "%s", name), O_RDONLY), ENAMETOOLONG);
	pt_stop(&p);
}

PT_FACT(pt_basic, links_name_their_target)
{
	struct pt p = {.kind = kind};
	char target[4096], got[4097] = "";

	pt_start(&p, NULL);
	memset(target, 't', sizeof target);
	target[kind == PT_EXT4 ? 4000 : 4095] = '\0'; /* ext4: what fits into a block */
	PT_OK(symlink(target, pt_mnt(&p, "long")));
	PT_OK(readlink(pt_mnt(&p, "long"), got, sizeof got - 1));
	cr_assert_str_eq(got, target);
	cr_assert_eq(pt_stat(pt_mnt(&p, "long")).st_size, (off_t)strlen(target));
	PT_OK(symlink("nowhere", pt_mnt(&p, "dangling")));
	PT_FAILS(open(pt_mnt(&p, "dangling"), O_RDONLY), ENOENT);
	/* a name of the link itself */
	PT_OK(link(pt_mnt(&p, "dangling"), pt_mnt(&p, "again")));
	cr_assert_eq(pt_stat(pt_src(&p, "again")).st_mode & S_IFMT, S_IFLNK);
	cr_assert_eq(pt_stat(pt_src(&p, "again")).st_nlink, 2);
	PT_OK(lchown(pt_mnt(&p, "dangling"), 11, 12));
	cr_assert_eq(pt_stat(pt_src(&p, "again")).st_uid, 11);
	cr_assert_eq(pt_stat(pt_mnt(&p, "again")).st_gid, 12);
	pt_stop(&p);
}

static int listen_at(const char *path, struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
	PT_OK(bind(fd, (struct sockaddr *)address, sizeof *address));
	PT_OK(listen(fd, 1));
	return fd;
}

PT_FACT(pt_basic, special_files_work)
{
	struct pt p = {.kind = kind};
	struct sockaddr_un address;
	char text[8] = "";
	int fd, peer;

	pt_start(&p, NULL);
	PT_OK(mkfifo(pt_mnt(&p, "fifo"), 0644));
	fd = pt_open(pt_mnt(&p, "fifo"), O_RDWR);
	cr_assert_eq(write(fd, "through", 7), 7);
	cr_assert_eq(read(fd, text, sizeof text), 7);
	close(fd);
	PT_OK(mknod(pt_mnt(&p, "zero"), S_IFCHR | 0666, makedev(1, 5)));
	PT_OK(mknod(pt_mnt(&p, "large"), S_IFBLK | 0600, makedev(4000, 70000)));
	cr_assert_eq(pt_stat(pt_src(&p, "zero")).st_rdev, makedev(1, 5));
	cr_assert_eq(pt_stat(pt_src(&p, "large")).st_rdev, makedev(4000, 70000));
	cr_assert_eq(pt_stat(pt_mnt(&p, "large")).st_rdev, makedev(4000, 70000));
	fd = pt_open(pt_mnt(&p, "zero"), O_RDONLY);
	cr_assert_eq(read(fd, text, sizeof text), sizeof text);
	cr_assert_eq(text[0], 0);
	close(fd);
	fd = listen_at(pt_mnt(&p, "socket"), &address);
	peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	PT_OK(connect(peer, (struct sockaddr *)&address, sizeof address));
	cr_assert_eq(pt_stat(pt_src(&p, "socket")).st_mode & S_IFMT, S_IFSOCK);
	close(peer);
	close(fd);
	pt_stop(&p);
}

PT_FACT(pt_basic, rename_knows_its_flags)
{
	struct pt p = {.kind = kind};
	struct stat st;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "a"), "1");
	pt_put(pt_mnt(&p, "b"), "2");
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	PT_FAILS(rename_flags(&p, "a", "b", RENAME_NOREPLACE), EEXIST);
	PT_OK(rename_flags(&p, "a", "b", RENAME_EXCHANGE));
	cr_assert_str_eq(pt_get(pt_src(&p, "a")), "2");
	cr_assert_str_eq(pt_get(pt_mnt(&p, "b")), "1");
	PT_OK(rename_flags(&p, "a", "dir", RENAME_EXCHANGE));
	cr_assert_str_eq(pt_get(pt_mnt(&p, "dir")), "2");
	cr_assert_str_eq(pt_list(pt_mnt(&p, "a")), "");
	PT_FAILS(rename_flags(&p, "b", "absent", RENAME_EXCHANGE), ENOENT);
	PT_FAILS(rename_flags(&p, "b", "a", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	PT_OK(rename_flags(&p, "b", "c", RENAME_WHITEOUT));
	st = pt_stat(pt_mnt(&p, "b"));
	cr_assert(S_ISCHR(st.st_mode) && st.st_rdev == 0, "no whiteout: mode %o", st.st_mode);
	cr_assert_eq(pt_stat(pt_src(&p, "b")).st_ino, st.st_ino);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "c")), "1");
	cr_assert_str_eq(pt_list(p.src), "a b c dir");
	pt_stop(&p);
}

PT_FACT(pt_basic, a_file_without_a_name_can_get_one)
{
	struct pt p = {.kind = kind};
	char path[64];
	int fd;

	pt_start(&p, NULL);
	fd = pt_open(p.d.mnt, O_TMPFILE | O_RDWR);
	cr_assert_eq(write(fd, "hello", 5), 5);
	cr_assert_eq(files_stat(fd).st_nlink, 0);
	cr_assert_str_eq(pt_list(p.src), "");
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	PT_OK(linkat(AT_FDCWD, path, AT_FDCWD, pt_mnt(&p, "named"), AT_SYMLINK_FOLLOW));
	cr_assert_str_eq(pt_get(pt_src(&p, "named")), "hello");
	cr_assert_eq(files_stat(fd).st_nlink, 1);
	close(fd);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "named")), "hello");
	fd = pt_open(p.d.mnt, O_TMPFILE | O_RDWR | O_EXCL);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	PT_FAILS(linkat(AT_FDCWD, path, AT_FDCWD, pt_mnt(&p, "never"), AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
	pt_stop(&p);
}

PT_FACT(pt_basic, an_unlinked_open_file_works_until_it_is_closed)
{
	struct pt p = {.kind = kind};
	char text[6] = "";
	struct stat st;
	int fd, dir;

	pt_start(&p, NULL);
	fd = pt_open(pt_mnt(&p, "f"), O_RDWR | O_CREAT | O_EXCL);
	PT_OK(unlink(pt_mnt(&p, "f")));
	cr_assert_eq(write(fd, "hello", 5), 5);
	PT_OK(fchmod(fd, 0600));
	PT_OK(ftruncate(fd, 4));
	files_forget(&p.d);
	st = files_stat(fd);
	cr_assert_eq(st.st_nlink, 0);
	cr_assert_eq(st.st_size, 4);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(pread(fd, text, 5, 0), 4);
	cr_assert_str_eq(text, "hell");
	close(fd);
	PT_OK(mkdir(pt_mnt(&p, "dir"), 0755));
	dir = pt_open(pt_mnt(&p, "dir"), O_RDONLY | O_DIRECTORY);
	PT_OK(rmdir(pt_mnt(&p, "dir")));
	PT_FAILS(mkdirat(dir, "sub", 0755), ENOENT);
	cr_assert_eq(files_stat(dir).st_nlink, 0);
	close(dir);
	pt_stop(&p);
}

#define MANY 3000

/* How many names of the sort "nNNNN" a listing has from here on; each once. */
static unsigned count_names(DIR *dir, unsigned char seen[MANY])
{
	const struct dirent *entry;
	unsigned n = 0, number;

	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "n%u", &number) == 1) {
			cr_assert_eq(seen[number]++, 0, "%s came twice", entry->d_name);
			n++;
		}
	return n;
}

PT_FACT(pt_basic, a_long_listing_is_complete_and_can_go_on_anywhere)
{
	unsigned char seen[MANY] = {0}, again[MANY] = {0}, rest[MANY] = {0};
	struct pt p = {.kind = kind};
	unsigned n = 0;
	long place;
	DIR *dir;

	pt_make_source(&p);
	for (unsigned i = 0; i < MANY; i++)
		PT_OK(mknod(pt_src(&p, "n%u", i), S_IFREG | 0644, 0));
	pt_start(&p, NULL);
	dir = opendir(p.d.mnt);
	cr_assert_eq(count_names(dir, seen), MANY);
	rewinddir(dir);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_not_null(readdir(dir));
	place = telldir(dir);
	n = count_names(dir, again);
	seekdir(dir, place);
	cr_assert_eq(count_names(dir, rest), n);
	cr_assert_arr_eq(rest, again, MANY);
	/* what goes while it is read disturbs nobody */
	rewinddir(dir);
	for (unsigned i = 0; i < MANY; i += 2)
		PT_OK(unlink(pt_mnt(&p, "n%u", i)));
	memset(seen, 0, sizeof seen);
	cr_assert_geq(count_names(dir, seen), MANY / 2);
	for (unsigned i = 1; i < MANY; i += 2)
		cr_assert_eq(seen[i], 1, "n%u is missing", i);
	closedir(dir);
	pt_stop(&p);
}

/* ---- submounts=stop ---- */

PT_FACT(pt_basic, nothing_that_is_mounted_beneath_is_touched_where_submounts_stop)
{
	struct pt p = {.kind = kind};
	char text[64];
	const char *sub;

	pt_make_source(&p);
	pt_put(pt_src(&p, "f"), "mounted");
	pt_put(pt_src(&p, "on"), "beneath");
	PT_OK(mkdir(pt_src(&p, "sub"), 0755));
	PT_OK(mount(pt_src(&p, "f"), pt_src(&p, "on"), NULL, MS_BIND, NULL));
	PT_OK(mount("sub", pt_src(&p, "sub"), "tmpfs", 0, "mode=755"));
	PT_OK(setxattr(pt_src(&p, "sub"), "trusted.x", "val", 3, 0));
	pt_start(&p, "-osubmounts=stop", NULL);
	for (int i = 0; i < 2; i++) {
		PT_FAILS(open(pt_mnt(&p, "on"), O_RDONLY), ENOENT);
		PT_FAILS(open(pt_mnt(&p, "on"), O_WRONLY), ENOENT);
		PT_FAILS(chmod(pt_mnt(&p, "on"), 0600), ENOENT);
		/* after a listing with attributes, too */
		cr_assert_str_eq(pt_list(p.d.mnt), "f on sub");
	}
	cr_assert(open(pt_mnt(&p, "on"), O_WRONLY | O_CREAT | O_TRUNC, 0644) < 0);
	sub = pt_mnt(&p, "sub");
	PT_FAILS(chmod(sub, 0700), EPERM);
	PT_FAILS(chown(sub, 7, 7), EPERM);
	PT_FAILS(utimensat(AT_FDCWD, sub, NULL, 0), EPERM);
	PT_FAILS(setxattr(sub, "trusted.y", "v", 1, 0), EPERM);
	PT_FAILS(removexattr(sub, "trusted.x"), EPERM);
	PT_FAILS(getxattr(sub, "trusted.x", text, sizeof text), ENODATA);
	cr_assert_eq(listxattr(sub, text, sizeof text), 0);
	cr_assert_eq(pt_stat(pt_src(&p, "sub")).st_mode & 07777, 0755);
	cr_assert_eq(pt_stat(pt_src(&p, "sub")).st_uid, 0);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "mounted");
	pt_stop(&p);
}

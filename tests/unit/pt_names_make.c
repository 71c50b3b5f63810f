/*
 * passthrough: making inodes, open files and links; to whom they belong.
 */
#include "pt_names_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "passthrough/creds.h"
#include "passthrough/file.h"

static void start(void)
{
	src_start_for_alice("");
}

TestSuite(pt_names_make, .init = start, .fini = src_stop, .timeout = 60);

Test(pt_names_make, special_files_belong_to_the_caller)
{
	static const uint32_t types[] = {S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct llfused_entry entry = {.nodeid = 0};
		uint64_t rdev = S_ISCHR(types[i]) || S_ISBLK(types[i]) ? makedev(259, 70000) : 0;

		cr_assert_eq(pt_ops->mknod(&src_alice, ROOT, "n", types[i] | 0666, rdev, &entry),
			     0);
		src_expect_alices("n", &entry, types[i] | 0640);
		cr_expect_eq(src_stat("n").st_rdev, rdev);
		cr_expect_eq(entry.attr.rdev, rdev);
		cr_assert_eq(unlinkat(src_fd, "n", 0), 0);
	}
}

Test(pt_names_make, directories_and_links_belong_to_the_caller)
{
	struct llfused_entry d = {.nodeid = 0}, l = {.nodeid = 0};
	char got[8];
	struct llfused_buf buf = {.data = got, .cap = sizeof(got)};

	cr_assert_eq(pt_ops->mkdir(&src_alice, ROOT, "d", 01777, &d), 0);
	src_expect_alices("d", &d, S_IFDIR | 01750);
	cr_assert_eq(pt_ops->symlink(&src_alice, ROOT, "l", "to", &l), 0);
	src_expect_alices("l", &l, S_IFLNK | 0777);
	cr_assert_eq(pt_ops->readlink(&src_alice, l.nodeid, &buf), 0);
	cr_expect_eq(buf.len, 2);
	cr_expect_arr_eq(got, "to", 2);
}

static struct pt_file *file_of(const struct llfused_open *out)
{
	struct pt_file *file = pt_file_at(pt_ops_fs, out->fh);

	cr_assert_not_null(file);
	return file;
}

Test(pt_names_make, created_file_belongs_to_the_caller_and_is_open)
{
	struct llfused_entry entry;
	struct llfused_open out;

	cr_assert_eq(src_create("f", O_RDWR | O_EXCL | O_APPEND, &entry, &out), 0);
	src_expect_alices("f", &entry, S_IFREG | 0640);
	cr_expect_eq(pwrite(file_of(&out)->fd, "12345", 5, 0), 5);
	cr_expect_eq(pwrite(file_of(&out)->fd, "x", 1, 0), 1);
	cr_expect_eq(src_stat("f").st_size, 5, "where the kernel says, not at the end");
	cr_expect_eq(pt_ops->release(&src_alice, entry.nodeid, out.fh, 0, 0), 0);
}

Test(pt_names_make, file_is_created_open_whatever_its_mode_allows)
{
	struct llfused_entry entry;
	struct llfused_open out;

	src_alice.umask = 0777;
	cr_assert_eq(src_create("f", O_RDWR, &entry, &out), 0);
	cr_expect_eq(src_stat("f").st_mode, S_IFREG);
	cr_expect_eq(pwrite(file_of(&out)->fd, "x", 1, 0), 1);
}

Test(pt_names_make, access_times_are_left_alone_where_the_mount_or_the_caller_says_so)
{
	struct llfused_entry entry;
	struct llfused_open out;

	cr_assert_eq(src_create("f", O_RDWR, &entry, &out), 0);
	cr_expect_not(fcntl(file_of(&out)->fd, F_GETFL) & O_NOATIME);
	cr_assert_eq(src_create("g", O_RDWR | O_NOATIME, &entry, &out), 0);
	cr_expect(fcntl(file_of(&out)->fd, F_GETFL) & O_NOATIME);
	pt_ops_fs->mount_flags = LLFUSED_MOUNT_NOATIME;
	cr_assert_eq(src_create("h", O_RDWR, &entry, &out), 0);
	cr_expect(fcntl(file_of(&out)->fd, F_GETFL) & O_NOATIME);
}

Test(pt_names_make, file_that_is_there_is_left_to_open)
{
	struct llfused_entry entry;
	struct llfused_open out;
	uint64_t nodes, fds;

	src_file("f");
	cr_assert_eq(symlinkat("none", src_fd, "l"), 0);
	cr_expect_eq(src_create("f", O_RDWR | O_EXCL, &entry, &out), -EEXIST);
	cr_expect_eq(src_create("f", O_RDWR | O_TRUNC, &entry, &out), -ESTALE);
	cr_expect_eq(src_create("l", O_RDWR, &entry, &out), -ESTALE);
	cr_expect_eq(faccessat(src_fd, "none", F_OK, 0), -1);
	pt_node_count(pt_ops_fs, &nodes, &fds);
	cr_expect_eq(nodes, 1);
}

static atomic_bool done;

/* Puts other inodes, of the type that `arg` points to, in the place of those that are made. */
static void *replace(void *arg)
{
	const mode_t *type = arg;

	while (!atomic_load(&done)) {
		mknodat(src_fd, "other", *type | 0600, 0);
		renameat(src_fd, "other", src_fd, "f");
	}
	return NULL;
}

static pthread_t start_replacing(mode_t *type)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, replace, type), 0);
	return thread;
}

static void stop_replacing(pthread_t thread)
{
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

Test(pt_names_make, created_file_is_the_open_one_though_its_name_was_taken)
{
	unsigned before = pt_ops_open_fds();
	mode_t type = S_IFREG;
	pthread_t thread = start_replacing(&type);
	struct llfused_entry entry;
	struct llfused_open out;
	struct stat st;
	int made = 0;

	for (int i = 0; i < 20000; i++) {
		if (src_create("f", O_RDWR | O_EXCL, &entry, &out) == 0) {
			made++;
			cr_assert_eq(fstat(file_of(&out)->fd, &st), 0);
			cr_expect_eq(entry.attr.ino, st.st_ino);
			cr_expect_eq(entry.attr.uid, ALICE);
			pt_ops->release(&src_alice, entry.nodeid, out.fh, 0, 0);
			src_forget((int64_t)entry.nodeid);
		}
		unlinkat(src_fd, "f", 0);
	}
	stop_replacing(thread);
	cr_expect_gt(made, 0);
	cr_expect_eq(pt_ops_open_fds(), before);
}

Test(pt_names_make, answer_is_of_the_type_asked_for_though_the_name_was_taken)
{
	unsigned before = pt_ops_open_fds();
	mode_t type = S_IFIFO;
	pthread_t thread = start_replacing(&type);
	int made = 0;

	for (int i = 0; i < 20000; i++) {
		struct llfused_entry entry;

		if (pt_ops->mknod(&src_alice, ROOT, "f", S_IFREG | 0600, 0, &entry) == 0) {
			made++;
			cr_expect_eq(entry.attr.mode & S_IFMT, S_IFREG);
			src_forget((int64_t)entry.nodeid);
		}
		unlinkat(src_fd, "f", 0);
	}
	stop_replacing(thread);
	cr_expect_gt(made, 0);
	cr_expect_eq(pt_ops_open_fds(), before);
}

Test(pt_names_make, for_a_caller_who_cannot_be_nothing_is_made)
{
	struct llfused_entry entry;
	struct llfused_open out;

	src_alice.uid = UINT32_MAX;
	cr_expect_eq(pt_ops->mkdir(&src_alice, ROOT, "f", 0700, &entry), -EOVERFLOW);
	cr_expect_eq(src_create("f", O_RDWR, &entry, &out), -EOVERFLOW);
	cr_expect_eq(faccessat(src_fd, "f", F_OK, 0), -1);
}

static bool may_keep_setgid(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];

	cr_assert_eq(syscall(SYS_capget, &head, caps), 0);
	return caps[0].effective & 1u << CAP_FSETID;
}

/* Seen by what the thread may do afterwards. */
Test(pt_names_make, where_there_is_no_room_a_limited_thread_tries_with_all_its_rights)
{
	struct llfused_entry entry = {.nodeid = 0};
	struct llfused_open out = {.fh = 0};
	struct pt_creds creds;

	cr_assert_eq(pt_creds_limit(&creds), 0);
	cr_assert_eq(fchdir(src_fd), 0);
	cr_assert_eq(mount(NULL, ".", NULL, MS_REMOUNT, "nr_inodes=2"), 0, "%m");
	cr_assert_eq(src_create("f", O_RDWR | O_EXCL, &entry, &out), 0);
	cr_expect_not(may_keep_setgid(), "nothing more is needed");
	cr_expect_eq(src_create("g", O_RDWR | O_EXCL, &entry, &out), -ENOSPC);
	cr_expect(may_keep_setgid());
}

Test(pt_names_make, nothing_is_made_when_descriptors_are_used_up)
{
	struct llfused_entry entry;
	struct llfused_open out;
	int taken = 0;

	while (pt_node_fd_take(pt_ops_fs) == 0)
		taken++;
	cr_expect_eq(src_create("f", O_RDWR, &entry, &out), -EMFILE);
	cr_expect_eq(faccessat(src_fd, "f", F_OK, 0), -1);
	cr_expect_eq(pt_ops->tmpfile(&src_alice, ROOT, 0600, O_RDWR, &entry, &out), -EMFILE);
	while (taken-- > 0)
		pt_node_fd_free(pt_ops_fs);
	cr_expect_eq(src_create("f", O_RDWR, &entry, &out), 0);
}

Test(pt_names_make, failures_keep_no_descriptor)
{
	unsigned before;
	struct llfused_entry entry;
	struct llfused_open out;

	src_dir("d");
	src_look(ROOT, "d");
	before = pt_ops_open_fds();
	cr_expect_eq(src_create("d", O_RDWR | O_EXCL, &entry, &out), -EEXIST);
	cr_expect_eq(pt_ops->mkdir(&src_alice, ROOT, "d", 0755, &entry), -EEXIST);
	cr_expect_eq(pt_ops->mkdir(&src_alice, ROOT, "..", 0755, &entry), -EEXIST);
	cr_expect_eq(pt_ops->mknod(&src_alice, ROOT, "x", S_IFDIR | 0755, 0, &entry), -EINVAL);
	cr_expect_eq(pt_ops->mknod(&src_alice, ROOT, "x", S_IFLNK | 0755, 0, &entry), -EINVAL);
	cr_expect_eq(pt_ops->symlink(&src_alice, ROOT, "x", "", &entry), -ENOENT);
	cr_expect_eq(pt_ops->link(&src_alice, (uint64_t)src_look(ROOT, "d"), ROOT, "x", &entry),
		     -EPERM);
	cr_expect_eq(pt_ops->link(&src_alice, 12345, ROOT, "x", &entry), -ESTALE);
	cr_expect_eq(pt_ops->mkdir(&src_alice, 12345, "x", 0755, &entry), -ESTALE);
	cr_expect_eq(pt_ops_open_fds(), before);
	for (unsigned taken = 0; taken < 100000; taken++)
		cr_assert_eq(src_create("d", O_RDWR | O_EXCL, &entry, &out), -EEXIST);
	cr_expect_eq(src_create("f", O_RDWR | O_EXCL, &entry, &out), 0);
}

static void expect_nodes(unsigned count)
{
	uint64_t nodes, fds;

	pt_node_count(pt_ops_fs, &nodes, &fds);
	cr_expect_eq(nodes, count);
}

static void expect_forgotten(struct llfused_entry *entry)
{
	cr_expect_gt(entry->nodeid, ROOT);
	src_forget((int64_t)entry->nodeid);
	expect_nodes(2);
	*entry = (struct llfused_entry){.nodeid = 0};
}

Test(pt_names_make, what_is_made_is_counted_once_and_its_directory_not_at_all)
{
	unsigned before = pt_ops_open_fds();
	struct llfused_entry entry;
	struct llfused_open out;
	uint64_t dir;
	char got[8];
	struct llfused_buf buf = {.data = got, .cap = sizeof(got)};

	src_dir("in");
	dir = (uint64_t)src_look(ROOT, "in");
	cr_assert_eq(pt_ops->mknod(&src_alice, dir, "n", S_IFREG | 0600, 0, &entry), 0);
	expect_forgotten(&entry);
	cr_assert_eq(pt_ops->mkdir(&src_alice, dir, "d", 0700, &entry), 0);
	expect_forgotten(&entry);
	cr_assert_eq(pt_ops->symlink(&src_alice, dir, "l", "x", &entry), 0);
	cr_assert_eq(pt_ops->readlink(&src_alice, entry.nodeid, &buf), 0);
	expect_forgotten(&entry);
	cr_assert_eq(pt_ops->create(&src_alice, dir, "f", 0600, O_RDWR, &entry, &out), 0);
	pt_ops->release(&src_alice, entry.nodeid, out.fh, 0, 0);
	cr_assert_eq(pt_ops->link(&src_alice, entry.nodeid, dir, "g", &entry), 0);
	src_forget((int64_t)entry.nodeid);
	expect_forgotten(&entry);
	cr_assert_eq(pt_ops->tmpfile(&src_alice, dir, 0600, O_RDWR, &entry, &out), 0);
	pt_ops->release(&src_alice, entry.nodeid, out.fh, 0, 0);
	expect_forgotten(&entry);
	src_forget((int64_t)dir);
	expect_nodes(1);
	cr_expect_eq(pt_ops_open_fds(), before);
}

/* ---- files without a name ---- */

Test(pt_names_make, file_without_a_name_can_get_one)
{
	struct llfused_entry entry, linked = {.nodeid = 0};
	struct llfused_open out;

	cr_assert_eq(src_tmpfile(O_RDWR, &entry, &out), 0);
	cr_expect_eq(entry.attr.nlink, 0);
	cr_expect_eq(pwrite(file_of(&out)->fd, "12345", 5, 0), 5);
	cr_assert_eq(pt_ops->link(&src_alice, entry.nodeid, ROOT, "f", &linked), 0);
	src_expect_alices("f", &linked, S_IFREG | 0640);
	cr_expect_eq(linked.nodeid, entry.nodeid);
	cr_expect_eq(linked.attr.nlink, 1);
	cr_expect_eq(src_stat("f").st_size, 5);
}

Test(pt_names_make, file_that_wants_no_name_gets_none)
{
	struct llfused_entry entry;
	struct llfused_open out;

	cr_assert_eq(src_tmpfile(O_WRONLY | O_EXCL, &entry, &out), 0);
	cr_expect_eq(pt_ops->link(&src_alice, entry.nodeid, ROOT, "f", &entry), -ENOENT);
}

/* ---- hard links ---- */

static void link_and_expect_same(const char *name)
{
	struct llfused_entry entry = {.nodeid = 0};
	int64_t node = src_look(ROOT, name);

	cr_assert_eq(pt_ops->link(&src_alice, (uint64_t)node, ROOT, "second", &entry), 0, "%s",
		     name);
	cr_expect_eq((int64_t)entry.nodeid, node);
	cr_expect_eq(entry.attr.nlink, 2);
	cr_expect_eq(src_stat("second").st_ino, src_stat(name).st_ino);
	cr_assert_eq(unlinkat(src_fd, "second", 0), 0);
}

static void give_up(unsigned cap)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	cr_assert_eq(syscall(SYS_capget, &head, data), 0);
	data[0].effective &= ~(1u << cap);
	cr_assert_eq(syscall(SYS_capset, &head, data), 0);
}

Test(pt_names_make, link_is_a_second_name_with_privileges_or_without)
{
	struct llfused_entry entry;

	src_file("f");
	cr_assert_eq(symlinkat("nowhere", src_fd, "l"), 0);
	for (int i = 0; i < 2; i++) {
		link_and_expect_same("f");
		link_and_expect_same("l");
		cr_expect_eq(
			pt_ops->link(&src_alice, (uint64_t)src_look(ROOT, "f"), ROOT, "l", &entry),
			-EEXIST);
		give_up(CAP_DAC_READ_SEARCH);
	}
}

Test(pt_names_make, no_links_across_mounts)
{
	struct llfused_entry entry;

	src_file("f");
	src_dir("m");
	src_mount("m", "tmpfs");
	cr_expect_eq(pt_ops->link(&pt_ops_pool, (uint64_t)src_look(ROOT, "f"),
				  (uint64_t)src_look(ROOT, "m"), "x", &entry),
		     -EXDEV);
}

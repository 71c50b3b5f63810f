/*
 * passthrough: the source of the tests of names; see pt_names_fixture.h.
 */
#include "pt_names_fixture.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int src_fd;

void src_start_with(const char *options)
{
	pt_ops_begin(options);
	src_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(src_fd, 0);
}

void src_start(void)
{
	src_start_with("");
}

void src_start_beneath(const char *options)
{
	src_start();
	pt_backend.destroy(pt_ops_fs);
	src_dir("source");
	pt_ops_serve("source", options);
}

void src_stop(void)
{
	close(src_fd);
	pt_ops_end();
}

struct stat src_stat(const char *name)
{
	struct stat st;

	cr_assert_eq(fstatat(src_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0, "%s: %m", name);
	return st;
}

void src_file(const char *name)
{
	int fd = openat(src_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%s: %m", name);
	close(fd);
}

void src_dir(const char *name)
{
	cr_assert_eq(mkdirat(src_fd, name, 0755), 0, "%s: %m", name);
}

void src_mount(const char *name, const char *type)
{
	cr_assert_eq(fchdir(src_fd), 0);
	cr_assert_eq(mount("pt-names", name, type, 0, NULL), 0, "%m");
}

int src_look_as(struct llfused_ctx *ctx, uint64_t dir, const char *name,
		struct llfused_entry *entry)
{
	*entry = (struct llfused_entry){.nodeid = 0};
	return pt_ops->lookup(ctx, dir, name, entry);
}

int64_t src_look(uint64_t dir, const char *name)
{
	struct llfused_entry entry;
	int error = src_look_as(&pt_ops_pool, dir, name, &entry);

	return error ? error : (int64_t)entry.nodeid;
}

void src_forget(int64_t nodeid)
{
	struct llfused_forget one = {.nodeid = (uint64_t)nodeid, .nlookup = 1};

	pt_ops->forget(&pt_ops_worker, &one, 1);
}

struct llfused_ctx src_alice;

void src_start_for_alice(const char *options)
{
	src_start_with(options);
	pt_ops_fs->wants |= LLFUSED_WANT_ACL;
	src_alice = pt_ops_worker;
	src_alice.uid = ALICE;
	src_alice.gid = ALICE + 1;
	src_alice.umask = 027;
}

void src_expect_alices(const char *name, const struct llfused_entry *entry, mode_t mode)
{
	struct stat st = src_stat(name);

	cr_expect_eq(st.st_uid, ALICE);
	cr_expect_eq(st.st_gid, ALICE + 1);
	cr_expect_eq(st.st_mode, mode, "%s: %o", name, st.st_mode);
	cr_expect_eq(entry->attr.uid, ALICE);
	cr_expect_eq(entry->attr.gid, ALICE + 1);
	cr_expect_eq(entry->attr.mode, mode);
	cr_expect_eq(entry->attr.ino, st.st_ino);
	cr_expect_eq((int64_t)entry->nodeid, src_look(ROOT, name));
	cr_expect_eq(syscall(SYS_setfsuid, -1), 0, "the thread is itself again");
}

int src_create(const char *name, uint32_t flags, struct llfused_entry *entry,
	       struct llfused_open *out)
{
	*entry = (struct llfused_entry){.nodeid = 0};
	*out = (struct llfused_open){.flags = LLFUSED_OPEN_KEEP_CACHE};
	return pt_ops->create(&src_alice, ROOT, name, S_IFREG | 0666, flags | O_CREAT, entry, out);
}

int src_tmpfile(uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	*entry = (struct llfused_entry){.nodeid = 0};
	*out = (struct llfused_open){.fh = 0};
	return pt_ops->tmpfile(&src_alice, ROOT, S_IFREG | 0666, flags, entry, out);
}

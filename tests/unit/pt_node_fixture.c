/*
 * A node table over a real directory.
 */
#include "pt_node_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static unsigned open_before;

unsigned nfx_open_fds(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	cr_assert_not_null(list);
	while (readdir(list))
		count++;
	closedir(list);
	return count - 3; /* the dots, and its own */
}

static void make_place(struct nfx *fx)
{
	memset(fx, 0, sizeof(*fx));
	snprintf(fx->dir, sizeof(fx->dir), "/tmp/llfused-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(fx->dir));
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "unshare: %s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("unit", fx->dir, "tmpfs", 0, "mode=0755"), 0, "%s", strerror(errno));
}

static void make_source(struct nfx *fx)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/source", fx->dir);
	cr_assert_eq(mkdir(path, 0755), 0);
	fx->source = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(fx->source, 0);
	pt_options_defaults(&fx->fs.options);
	fx->fs.options.submounts = true;
	fx->fs.proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fx->ctx = (struct llfused_ctx){.fs = &fx->fs, .flags = LLFUSED_CTX_MAY_SLEEP};
	open_before = nfx_open_fds();
}

void nfx_prepare(struct nfx *fx, unsigned descriptors)
{
	struct rlimit limit = {.rlim_cur = descriptors, .rlim_max = descriptors};

	make_place(fx);
	if (descriptors)
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	make_source(fx);
}

void nfx_open(struct nfx *fx)
{
	struct llfused_error error;
	char path[128];

	snprintf(path, sizeof(path), "%s/source", fx->dir);
	cr_assert_eq(pt_source_open(&fx->fs, path, &error), 0, "%s", error.text);
	cr_assert_eq(pt_nodes_open(&fx->fs, &error), 0, "%s", error.text);
}

void nfx_start(struct nfx *fx)
{
	nfx_prepare(fx, 0);
	nfx_open(fx);
}

void nfx_start_ext4(struct nfx *fx)
{
	char command[512];

	make_place(fx);
	snprintf(command, sizeof(command),
		 "cd %s && truncate -s 16M image && PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q image "
		 "&& "
		 "mkdir disk && mount -o loop image disk && mount --move disk .",
		 fx->dir);
	cr_assert_eq(system(command), 0, "an ext4 on a loop device (package e2fsprogs)");
	make_source(fx);
	nfx_open(fx);
}

static void close_all(struct nfx *fx)
{
	if (fx->fs.nodes)
		pt_nodes_close(&fx->fs);
	pt_source_close(&fx->fs);
}

void nfx_expect_closed(struct nfx *fx)
{
	close_all(fx);
	cr_assert_eq(nfx_open_fds(), open_before, "%u descriptors open, %u at the beginning",
		     nfx_open_fds(), open_before);
}

void nfx_stop(struct nfx *fx)
{
	close_all(fx);
	close(fx->fs.proc_fd);
	close(fx->source);
	/* Once, or twice: an ext4 lies over the tmpfs. */
	while (umount2(fx->dir, MNT_DETACH) == 0)
		;
	rmdir(fx->dir);
}

void nfx_make(struct nfx *fx, const char *name)
{
	int fd = openat(fx->source, name, O_CREAT | O_EXCL | O_WRONLY, 0644);

	cr_assert_geq(fd, 0, "%s: %s", name, strerror(errno));
	close(fd);
}

void nfx_make_dir(struct nfx *fx, const char *name)
{
	cr_assert_eq(mkdirat(fx->source, name, 0755), 0, "%s: %s", name, strerror(errno));
}

void nfx_remove(struct nfx *fx, const char *name)
{
	if (unlinkat(fx->source, name, 0) < 0)
		cr_assert_eq(unlinkat(fx->source, name, AT_REMOVEDIR), 0, "%s: %s", name,
			     strerror(errno));
}

static int enter(struct nfx *fx, const char *name, struct llfused_entry *out)
{
	struct statx stx;
	int fd = pt_sys_open(fx->source, name, O_PATH, 0);
	int mount;

	if (fd < 0)
		return fd;
	cr_assert_eq(pt_sys_stat(fd, "", &stx), 0);
	mount = pt_source_mount(&fx->fs, fd, &stx);
	if (mount < 0) {
		close(fd);
		return mount;
	}
	return pt_node_enter(&fx->fs, fd, (uint32_t)mount, &stx, out);
}

int64_t nfx_lookup_entry(struct nfx *fx, const char *name, struct llfused_entry *out)
{
	struct statx stx;
	int result = pt_sys_peek(fx->source, name, &stx);
	int mount;

	if (result)
		return result;
	mount = pt_source_known(&fx->fs, &stx);
	if (mount < 0 || !pt_node_revisit(&fx->fs, (uint32_t)mount, &stx, out))
		result = enter(fx, name, out);
	return result ? result : (int64_t)out->nodeid;
}

int64_t nfx_lookup(struct nfx *fx, const char *name)
{
	struct llfused_entry out;

	return nfx_lookup_entry(fx, name, &out);
}

void nfx_forget(struct nfx *fx, int64_t nodeid, uint64_t count)
{
	const struct llfused_forget one = {.nodeid = (uint64_t)nodeid, .nlookup = count};

	pt_node_forget(&fx->ctx, &one, 1);
}

int64_t nfx_ino(struct nfx *fx, int64_t nodeid)
{
	struct pt_ref ref;
	struct statx stx;
	int result = pt_node_get(&fx->fs, (uint64_t)nodeid, &ref);

	if (result)
		return result;
	result = pt_sys_stat(ref.fd, "", &stx);
	pt_node_put(&fx->fs, &ref);
	return result ? result : (int64_t)stx.stx_ino;
}

int64_t nfx_ino_of(struct nfx *fx, const char *name)
{
	struct statx stx;
	int result = pt_sys_stat(fx->source, name, &stx);

	return result ? result : (int64_t)stx.stx_ino;
}

uint64_t nfx_nodes(struct nfx *fx)
{
	uint64_t nodes, fds;

	pt_node_count(&fx->fs, &nodes, &fds);
	return nodes - 1;
}

uint64_t nfx_fds(struct nfx *fx)
{
	uint64_t nodes, fds;

	pt_node_count(&fx->fs, &nodes, &fds);
	return fds - 1;
}

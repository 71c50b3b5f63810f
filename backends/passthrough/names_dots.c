/*
 * "." and ".." for who comes by file handles (-o export): the only place where a step upwards is
 * made, and where it is checked that it stays beneath the source.
 */
#include "names_impl.h"

#include <errno.h>
#include <unistd.h>

#include "passthrough.h"
#include "system.h"

static bool is_same(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor && a->stx_mnt_id == b->stx_mnt_id;
}

/* From `fd`, taken over, to the directory above it. */
static int step_up(int fd, struct statx *stx)
{
	int above = pt_sys_parent(fd);
	int result;

	close(fd);
	if (above < 0)
		return above;
	result = pt_sys_stat(above, "", stx);
	if (result) {
		close(above);
		return result;
	}
	return above;
}

/* 0 if the way upwards from a directory (with its statx) meets the source's root, or -ESTALE: it
 * was moved away, and the way ended at "/". */
static int check_beneath(const struct pt *fs, int dir_fd, const struct statx *dir)
{
	struct statx root, at = *dir, above;
	int result = pt_sys_stat(fs->source.root_fd, "", &root);
	int fd = dup(dir_fd);

	if (fd < 0)
		return -errno;
	while (result == 0 && !is_same(&at, &root)) {
		fd = step_up(fd, &above);
		if (fd < 0)
			return fd;
		if (is_same(&at, &above))
			result = -ESTALE;
		at = above;
	}
	close(fd);
	return result;
}

static int look_up(struct pt *fs, const struct pt_ref *ref, struct llfused_entry *out)
{
	struct statx stx;
	int fd = pt_sys_parent(ref->fd);
	int result;

	if (fd < 0)
		return fd;
	result = pt_sys_stat(fd, "", &stx);
	if (result == 0)
		result = check_beneath(fs, fd, &stx);
	if (result) {
		close(fd);
		return result;
	}
	return pt_names_enter(fs, fd, &stx, out);
}

int pt_names_lookup_dots(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			 struct llfused_entry *out)
{
	struct pt *fs = pt_of(ctx);
	struct pt_ref ref;
	int result = pt_node_begin(ctx, nodeid, PT_WORK_LOOK, &ref);

	if (result)
		return result;
	if (name[1] == '\0' || nodeid == LLFUSED_ROOT_ID)
		result = pt_names_enter_ref(fs, &ref, out);
	else
		result = look_up(fs, &ref, out);
	pt_node_put(fs, &ref);
	return result;
}

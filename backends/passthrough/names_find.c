/*
 * From a name to its inode; targets of symbolic links.
 * Knows nothing of how names are made or removed.
 */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "attr.h"
#include "names_impl.h"
#include "passthrough.h"
#include "system.h"

/* A directory stands there, empty, for what is mounted on it; a file would be all that is mounted,
 * and is not shown. */
static bool is_hidden(const struct pt *fs, uint32_t mount, const struct statx *stx)
{
	return pt_source_stops_at(fs, mount) && !S_ISDIR(stx->stx_mode);
}

int pt_names_enter(struct pt *fs, int fd, const struct statx *stx, struct llfused_entry *out)
{
	int mount = pt_source_mount(fs, fd, stx);
	int result;

	if (mount >= 0 && is_hidden(fs, (uint32_t)mount, stx))
		mount = -ENOENT;
	if (mount < 0) {
		close(fd);
		return mount;
	}
	result = pt_node_enter(fs, fd, (uint32_t)mount, stx, out);
	if (result == 0)
		pt_attr_entry(fs, (uint32_t)mount, stx, out);
	return result;
}

int pt_names_enter_ref(struct pt *fs, const struct pt_ref *ref, struct llfused_entry *out)
{
	struct statx stx;
	int result = pt_sys_stat(ref->fd, "", &stx);
	int fd;

	if (result)
		return result;
	if (pt_node_revisit(fs, ref->node->mount, &stx, out)) {
		pt_attr_entry(fs, ref->node->mount, &stx, out);
		return 0;
	}
	fd = fcntl(ref->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : pt_names_enter(fs, fd, &stx, out);
}

static int open_and_enter(struct pt *fs, int dir_fd, const char *name, struct llfused_entry *out)
{
	struct statx stx;
	int fd = pt_sys_open(dir_fd, name, O_PATH | O_NOFOLLOW, 0);
	int result;

	if (fd < 0)
		return fd;
	result = pt_sys_stat(fd, "", &stx);
	if (result) {
		close(fd);
		return result;
	}
	return pt_names_enter(fs, fd, &stx, out);
}

/*
 * What is mounted on the name may be a server that does not answer, or this very daemon: it is
 * asked for nothing before that is known.  Local file systems tell the same when they are not
 * asked, so that a known inode takes one call.
 */
int pt_names_find(const struct llfused_ctx *ctx, int dir_fd, uint32_t dir_mount, const char *name,
		  struct llfused_entry *out)
{
	struct pt *fs = pt_of(ctx);
	struct statx stx;
	int mount, result;

	if (pt_source_stops_at(fs, dir_mount))
		return -ENOENT;
	if (pt_names_is_dots(name))
		return -EINVAL;
	result = pt_sys_peek(dir_fd, name, &stx);
	if (result)
		return result;
	mount = pt_source_known(fs, &stx);
	if (mount == -ENOENT)
		return ctx->flags & LLFUSED_CTX_MAY_SLEEP ? open_and_enter(fs, dir_fd, name, out)
							  : LLFUSED_AGAIN;
	if (mount < 0)
		return mount;
	if (is_hidden(fs, (uint32_t)mount, &stx))
		return -ENOENT;
	if ((uint32_t)mount != dir_mount && pt_source_pace(fs, ctx, (uint32_t)mount, PT_WORK_LOOK))
		return LLFUSED_AGAIN;
	if (pt_mount_at(&fs->source, (uint32_t)mount)->pace != PT_PACE_SLOW &&
	    pt_node_revisit(fs, (uint32_t)mount, &stx, out)) {
		pt_attr_entry(fs, (uint32_t)mount, &stx, out);
		return 0;
	}
	return open_and_enter(fs, dir_fd, name, out);
}

int pt_names_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		    struct llfused_entry *out)
{
	struct pt *fs = pt_of(ctx);
	struct pt_ref dir;
	int result;

	if (fs->options.export && pt_names_is_dots(name))
		return pt_names_lookup_dots(ctx, parent, name, out);
	result = pt_node_begin(ctx, parent, PT_WORK_LOOK, &dir);
	if (result)
		return result;
	result = pt_names_find(ctx, dir.fd, dir.node->mount, name, out);
	pt_node_put(fs, &dir);
	/* Others may make the name on the source at any time; who says cache=always says that they
	 * do not. */
	if (result == -ENOENT && fs->options.cache == PT_CACHE_ALWAYS) {
		*out = (struct llfused_entry){.entry_timeout = fs->options.entry_timeout};
		return 0;
	}
	return result;
}

int pt_names_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target)
{
	struct pt_ref ref;
	ssize_t size;
	int result = pt_node_begin(ctx, nodeid, PT_WORK_LOOK, &ref);

	if (result)
		return result;
	size = readlinkat(ref.fd, "", target->data, target->cap);
	if (size < 0)
		result = -errno;
	else
		target->len = (size_t)size;
	pt_node_put(pt_of(ctx), &ref);
	return result;
}

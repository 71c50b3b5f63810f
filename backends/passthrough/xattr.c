/*
 * Extended attributes, by paths of /proc/self/fd: the calls take no O_PATH descriptor, and such a
 * path means the inode itself, a symbolic link too.
 * Knows nothing of what an ACL says: the kernel checks it on the mount, the source stores it.
 */
#include "xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "passthrough.h"
#include "system.h"

#define TRUSTED    "trusted."
#define LIST_USUAL 1024

static bool is_access_acl(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0;
}

static bool is_acl(const char *name)
{
	return is_access_acl(name) || strcmp(name, "system.posix_acl_default") == 0;
}

/* The caller is neither in the group nor has CAP_FSETID.  The daemon has it, so the source's kernel
 * has left the bit. */
static int clear_setgid(int fd, const char *path)
{
	struct statx stx;
	int result = pt_sys_stat(fd, "", &stx);

	if (result || !(stx.stx_mode & S_ISGID))
		return result;
	return chmod(path, stx.stx_mode & 07777 & ~(unsigned)S_ISGID) < 0 ? -errno : 0;
}

/* Nothing is changed, and nothing seen, on a mount at which `submounts=stop` stops. */
static int begin_change(const struct llfused_ctx *ctx, uint64_t nodeid, struct pt_ref *ref)
{
	struct pt *fs = pt_of(ctx);
	int result = pt_node_begin(ctx, nodeid, PT_WORK_CHANGE, ref);

	if (result == 0 && pt_source_stops_at(fs, ref->node->mount)) {
		pt_node_put(fs, ref);
		return -EPERM;
	}
	return result;
}

int pt_xattr_set(struct llfused_ctx *ctx, uint64_t nodeid, const char *name, const void *value,
		 size_t size, uint32_t flags, uint32_t xflags)
{
	struct pt_ref ref;
	char path[32];
	int result = begin_change(ctx, nodeid, &ref);

	if (result)
		return result;
	pt_sys_fd_path(path, ref.fd);
	if (setxattr(path, name, value, size, (int)flags) < 0)
		result = -errno;
	else if (xflags & LLFUSED_XATTR_ACL_KILL_SGID && is_access_acl(name))
		result = clear_setgid(ref.fd, path);
	pt_node_put(pt_of(ctx), &ref);
	return result;
}

int pt_xattr_remove(struct llfused_ctx *ctx, uint64_t nodeid, const char *name)
{
	struct pt_ref ref;
	char path[32];
	int result = begin_change(ctx, nodeid, &ref);

	if (result)
		return result;
	pt_sys_fd_path(path, ref.fd);
	if (removexattr(path, name) < 0)
		result = -errno;
	pt_node_put(pt_of(ctx), &ref);
	return result;
}

/* Where the kernel enforces ACLs it asks for them before it lets anybody in: a source without them
 * has none, which is no error. */
int pt_xattr_get(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
		 struct llfused_buf *value)
{
	struct pt_ref ref;
	char path[32];
	ssize_t size;
	int result = pt_node_begin(ctx, nodeid, PT_WORK_LOOK, &ref);

	if (result)
		return result;
	if (pt_source_stops_at(pt_of(ctx), ref.node->mount)) {
		result = -ENODATA;
	} else {
		pt_sys_fd_path(path, ref.fd);
		size = getxattr(path, name, value->data, value->cap);
		if (size < 0)
			result = -errno;
		else
			value->len = (size_t)size;
	}
	pt_node_put(pt_of(ctx), &ref);
	if (result == -EOPNOTSUPP && (pt_of(ctx)->wants & LLFUSED_WANT_ACL) && is_acl(name))
		result = -ENODATA;
	return result;
}

/* ---- listing ---- */

static size_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return 0;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

/*
 * Is the caller root with CAP_SYS_ADMIN?  Natively trusted.* is shown to nobody else.  The request
 * does not tell it (LLFUSED_WANT_IDMAP), and as the caller waits, /proc does.  Its user id is as
 * the daemon's user namespace sees it, so the root of another one is not root here.
 */
static bool sees_trusted(const struct llfused_ctx *ctx)
{
	char path[32], text[4096];
	const char *uid, *caps;
	unsigned fsuid;

	snprintf(path, sizeof(path), "/proc/%u/status", ctx->pid);
	if (read_file(path, text, sizeof(text)) == 0)
		return false;
	uid = strstr(text, "\nUid:");
	caps = strstr(text, "\nCapEff:");
	if (!uid || !caps || sscanf(uid, "\nUid: %*u %*u %*u %u", &fsuid) != 1)
		return false;
	return fsuid == 0 && (strtoull(caps + strlen("\nCapEff:"), NULL, 16) >> CAP_SYS_ADMIN & 1);
}

static bool is_trusted(const char *name)
{
	return strncmp(name, TRUSTED, strlen(TRUSTED)) == 0;
}

static bool has_trusted(const char *list, size_t size)
{
	for (const char *name = list; name < list + size; name += strlen(name) + 1)
		if (is_trusted(name))
			return true;
	return false;
}

/* Takes them out of the list; its new size. */
static size_t drop_trusted(char *list, size_t size)
{
	char *to = list;
	size_t length;

	for (const char *name = list; name < list + size; name += length) {
		length = strlen(name) + 1;
		if (is_trusted(name))
			continue;
		memmove(to, name, length);
		to += length;
	}
	return (size_t)(to - list);
}

static ssize_t list_names(int fd, char *list, size_t room)
{
	char path[32];
	ssize_t size;

	pt_sys_fd_path(path, fd);
	size = listxattr(path, list, room);
	if (size < 0)
		return -errno;
	list[size] = '\0'; /* a server may have left the last one open */
	return size;
}

/* The names of an inode in `usual` or, if there are more, in memory for the caller to free.  Always
 * all of them: what is taken out of the list must not count for its length. */
static ssize_t read_names(int fd, char usual[LIST_USUAL + 1], char **list)
{
	ssize_t size = list_names(fd, usual, LIST_USUAL);

	*list = usual;
	if (size != -ERANGE)
		return size;
	*list = malloc(XATTR_LIST_MAX + 1);
	return *list ? list_names(fd, *list, XATTR_LIST_MAX) : -ENOMEM;
}

int pt_xattr_list(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names)
{
	char usual[LIST_USUAL + 1], *list = usual;
	struct pt_ref ref;
	ssize_t size = 0;
	int result = pt_node_begin(ctx, nodeid, PT_WORK_LOOK, &ref);

	if (result)
		return result;
	if (!pt_source_stops_at(pt_of(ctx), ref.node->mount))
		size = read_names(ref.fd, usual, &list);
	pt_node_put(pt_of(ctx), &ref);
	if (size > 0 && has_trusted(list, (size_t)size) && !sees_trusted(ctx))
		size = (ssize_t)drop_trusted(list, (size_t)size);
	result = size < 0 ? (int)size : llfused_buf_put(names, list, (size_t)size);
	if (list != usual)
		free(list);
	return result;
}

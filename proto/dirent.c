/*
 * Packs directory entries.  A record is added whole or not at all; where entries come from is not
 * known here.
 */
#include "dirent.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int name_check(const char *name, size_t namelen)
{
	if (namelen == 0 || namelen > PROTO_NAME_LIMIT)
		return -EINVAL;
	if (memchr(name, '/', namelen) || memchr(name, '\0', namelen))
		return -EINVAL;
	return 0;
}

/* Appends `head`, the name and zeros up to the next multiple of 8. */
static int record_add(struct proto_dirents *d, const void *head, size_t headlen, const char *name,
		      size_t namelen)
{
	size_t used = headlen + namelen;
	size_t size = FUSE_REC_ALIGN(used);
	char *at = d->data + d->len;

	if (size > d->cap - d->len)
		return 0;
	memcpy(at, head, headlen);
	memcpy(at + headlen, name, namelen);
	memset(at + used, 0, size - used);
	d->len += size;
	return 1;
}

static void dirent_encode(struct fuse_dirent *out, size_t namelen, uint64_t ino, uint32_t mode,
			  uint64_t next)
{
	out->ino = ino;
	out->off = next;
	out->namelen = (uint32_t)namelen;
	out->type = (mode & S_IFMT) >> 12; /* DT_* */
}

int proto_dirent_add(struct proto_dirents *d, const char *name, size_t namelen, uint64_t ino,
		     uint32_t mode, uint64_t next)
{
	struct fuse_dirent head;
	int err = name_check(name, namelen);

	if (err)
		return err;
	dirent_encode(&head, namelen, ino, mode, next);
	return record_add(d, &head, FUSE_NAME_OFFSET, name, namelen);
}

int proto_dirent_add_plus(const struct proto_conn *conn, struct proto_dirents *d, const char *name,
			  size_t namelen, uint64_t ino, uint32_t mode, uint64_t next,
			  const struct proto_entry *entry)
{
	struct fuse_direntplus head;
	int err = name_check(name, namelen);

	if (err)
		return err;
	memset(&head.entry_out, 0, sizeof(head.entry_out));
	dirent_encode(&head.dirent, namelen, ino, mode, next);
	if (entry)
		proto_put_entry(conn, &head.entry_out, entry);
	return record_add(d, &head, FUSE_NAME_OFFSET_DIRENTPLUS, name, namelen);
}

int proto_dirent_next_plus(const void *data, size_t len, size_t *at, uint64_t *nodeid)
{
	struct fuse_direntplus head;

	if (*at > len || len - *at < FUSE_NAME_OFFSET_DIRENTPLUS)
		return 0;
	memcpy(&head, (const char *)data + *at, FUSE_NAME_OFFSET_DIRENTPLUS);
	*nodeid = head.entry_out.nodeid;
	*at += FUSE_REC_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + (size_t)head.dirent.namelen);
	return 1;
}

/*
 * Packing of directory entries as handlers add them.  Records are proto's; what may be counted is
 * decided here.
 */
#include "dirents.h"

#include <errno.h>

#include "convert.h"

static bool is_dot(const char *name, size_t namelen)
{
	return namelen > 0 && name[0] == '.' && (namelen == 1 || (namelen == 2 && name[1] == '.'));
}

static int add_plus(struct dirents *d, const char *name, size_t namelen, uint64_t ino,
		    uint32_t mode, uint64_t next, const struct llfused_entry *entry)
{
	struct proto_entry wire;

	if (!entry)
		return proto_dirent_add_plus(d->conn, &d->packed, name, namelen, ino, mode, next,
					     NULL);
	convert_entry(entry, &wire);
	return proto_dirent_add_plus(d->conn, &d->packed, name, namelen, ino, mode, next, &wire);
}

static bool is_possible(const struct llfused_entry *entry)
{
	return !entry || entry->nodeid == 0 ||
	       (entry->nodeid != LLFUSED_ROOT_ID && convert_attr_possible(&entry->attr));
}

static int add(struct llfused_dirents *dirents, const char *name, size_t namelen, uint64_t ino,
	       uint32_t mode, uint64_t next, const struct llfused_entry *entry)
{
	struct dirents *d = (struct dirents *)dirents;
	int taken;

	/* the kernel makes no inode of these two, and so would never forget it */
	if (!dirents->plus || is_dot(name, namelen))
		entry = NULL;
	if (next == 0 || next > INT64_MAX || !is_possible(entry))
		taken = -EINVAL;
	else if (dirents->plus)
		taken = add_plus(d, name, namelen, ino, mode, next, entry);
	else
		taken = proto_dirent_add(&d->packed, name, namelen, ino, mode, next);
	d->faulty |= taken < 0;
	d->refused = taken > 0 ? 0 : taken < 0 ? -EIO : -EINVAL;
	return taken > 0;
}

void dirents_open(struct dirents *d, const struct proto_conn *conn, bool plus, uint32_t flags,
		  void *room, size_t cap)
{
	*d = (struct dirents){
		.public = {.plus = plus, .flags = flags, .add = add},
		.packed = {.data = room, .cap = cap},
		.conn = conn,
	};
}

int dirents_result(const struct dirents *d)
{
	return d->packed.len == 0 ? d->refused : 0;
}

/*
 * A backend that makes mistakes.  The file "OP.MISTAKE" is one whose op makes that mistake, as
 * "read.long"; all its other ops are right.  Names of ops that make files, as "mkdir.root", are
 * absent before and made by the op.  Writing to "control" says how it goes on: "right" ends all
 * mistakes, "wrong" brings them back; "file" and "late_file" make the root a file until then.  What
 * a completion returned is logged.
 */
#include "testfs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BYTES_MAX (1u << 20)

enum file { GOOD = 2, CONTROL, FIRST = 64 };

enum op {
	LOOKUP,
	GETATTR,
	SETATTR,
	READLINK,
	MKNOD,
	MKDIR,
	CREATE,
	OPEN,
	READ,
	WRITE,
	READDIR,
	GETXATTR,
	LISTXATTR,
	OPS
};

static const char *const op_names[OPS] = {
	"lookup", "getattr", "setattr", "readlink", "mknod",    "mkdir",     "create",
	"open",   "read",    "write",   "readdir",  "getxattr", "listxattr",
};

enum mistake {
	NONE,
	/* of any op */
	POSITIVE,      /* returns 5 */
	FAR,           /* returns an errno that there is not */
	ENOSYS_SAID,   /* returns it */
	UNPENDED,      /* returns LLFUSED_PENDING, but did not call llfused_pend() */
	OTHER_KIND,    /* is completed as a lock */
	LATE_POSITIVE, /* completed with 5 */
	LATE_FAR,
	LATE_ENOSYS,
	LATE_NOTHING, /* completed with success and no body */
	/* of those that answer bytes */
	LONG, /* more than there is room for */
	LATE_LONG,
	/* of those that answer inodes */
	TYPELESS, /* no file type in the mode */
	HUGE,     /* a size above INT64_MAX */
	ROOT,     /* the root's nodeid */
	ZERO,     /* nodeid 0 */
	LATE_TYPELESS,
	LATE_HUGE,
	LATE_ROOT,
	/* of readdir, which has the four above, too: an entry */
	START,      /* whose next offset is 0 */
	SECOND,     /* the same, behind one that is right */
	NEGATIVE,   /* whose next offset is above INT64_MAX */
	SLASH,      /* whose name is none */
	LATE_START, /* as "start", pending */
	MISTAKES
};

static const char *const mistake_names[MISTAKES] = {
	"none",          "positive", "far",         "enosys",       "unpended",      "other_kind",
	"late_positive", "late_far", "late_enosys", "late_nothing", "long",          "late_long",
	"typeless",      "huge",     "root",        "zero",         "late_typeless", "late_huge",
	"late_root",     "start",    "second",      "negative",     "slash",         "late_start",
};

/* The last order; under the daemon's lock. */
static bool right, root_is_file, root_is_late_file;
static char bytes[BYTES_MAX + 1];

/* ---- names ---- */

static uint64_t nodeid_of(enum op op, enum mistake mistake)
{
	return FIRST + (uint64_t)op * MISTAKES + mistake;
}

/* -1: no such word. */
static int find(const char *word, size_t len, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strlen(list[i]) == len && memcmp(list[i], word, len) == 0)
			return i;
	return -1;
}

static bool parse(const char *name, enum op *op, enum mistake *mistake)
{
	size_t len = strcspn(name, ".");
	int first = find(name, len, op_names, OPS);
	int second = name[len]
			     ? find(name + len + 1, strlen(name + len + 1), mistake_names, MISTAKES)
			     : -1;

	*op = (enum op)first;
	*mistake = (enum mistake)second;
	return first >= 0 && second >= 0;
}

/* The mistake that `op` has to make on this inode. */
static enum mistake due(uint64_t nodeid, enum op op)
{
	if (right || nodeid < FIRST || (nodeid - FIRST) / MISTAKES != op)
		return NONE;
	return (enum mistake)((nodeid - FIRST) % MISTAKES);
}

static enum mistake due_by_name(const char *name, enum op op)
{
	enum mistake mistake;
	enum op found;

	return parse(name, &found, &mistake) && found == op && !right ? mistake : NONE;
}

static bool is_made_by_op(enum op op)
{
	return op == MKNOD || op == MKDIR || op == CREATE;
}

/* ---- mistakes ---- */

static int told(int ret)
{
	llfused_log(LLFUSED_LOG_INFO, "misfs: completed=%d.", ret);
	return LLFUSED_PENDING;
}

/* Those that any op can make; for others, 0. */
static int slip(struct llfused_ctx *ctx, enum mistake mistake)
{
	static const struct llfused_lock lock;

	switch (mistake) {
	case POSITIVE:
		return 5;
	case FAR:
		return -100000;
	case ENOSYS_SAID:
		return -ENOSYS;
	case UNPENDED:
		return LLFUSED_PENDING;
	case OTHER_KIND:
		return told(llfused_complete_lock(llfused_pend(ctx), &lock));
	case LATE_POSITIVE:
		return told(llfused_complete(llfused_pend(ctx), 5));
	case LATE_FAR:
		return told(llfused_complete(llfused_pend(ctx), -100000));
	case LATE_ENOSYS:
		return told(llfused_complete(llfused_pend(ctx), -ENOSYS));
	case LATE_NOTHING:
		return told(llfused_complete(llfused_pend(ctx), 0));
	default:
		return 0;
	}
}

static void spoil_attr(enum mistake mistake, struct llfused_attr *attr)
{
	if (mistake == TYPELESS || mistake == LATE_TYPELESS)
		attr->mode &= 07777;
	if (mistake == HUGE || mistake == LATE_HUGE)
		attr->size = UINT64_C(1) << 63;
}

static void spoil(enum mistake mistake, struct llfused_entry *entry)
{
	spoil_attr(mistake, &entry->attr);
	if (mistake == ROOT || mistake == LATE_ROOT)
		entry->nodeid = LLFUSED_ROOT_ID;
	if (mistake == ZERO)
		entry->nodeid = 0;
}

static bool is_late_inode(enum mistake mistake)
{
	return mistake == LATE_TYPELESS || mistake == LATE_HUGE || mistake == LATE_ROOT;
}

/* ---- inodes ---- */

static struct llfused_attr attr_of(uint64_t nodeid)
{
	struct llfused_attr attr = {.ino = nodeid, .nlink = 1, .mode = S_IFREG | 0666};
	enum op op = nodeid < FIRST ? OPS : (enum op)((nodeid - FIRST) / MISTAKES);

	if (nodeid == LLFUSED_ROOT_ID || op == READDIR || op == MKDIR)
		attr.mode = S_IFDIR | 0777;
	if (op == READLINK)
		attr.mode = S_IFLNK | 0777;
	attr.size = S_ISDIR(attr.mode) ? 0 : 4096;
	return attr;
}

static int answer_entry(struct llfused_ctx *ctx, uint64_t nodeid, enum mistake mistake,
			struct llfused_entry *out)
{
	out->nodeid = nodeid;
	out->attr = attr_of(nodeid);
	spoil(mistake, out);
	if (is_late_inode(mistake))
		return told(llfused_complete_entry(llfused_pend(ctx), out));
	return slip(ctx, mistake);
}

static int answer_attr(struct llfused_ctx *ctx, uint64_t nodeid, enum mistake mistake,
		       struct llfused_attr_out *out)
{
	out->attr = attr_of(nodeid);
	spoil_attr(mistake, &out->attr);
	if (is_late_inode(mistake))
		return told(llfused_complete_attr(llfused_pend(ctx), out));
	return slip(ctx, mistake);
}

static int misfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			struct llfused_entry *out)
{
	enum mistake mistake;
	enum op op;

	if (parent != LLFUSED_ROOT_ID)
		return -ENOENT;
	if (strcmp(name, "good") == 0)
		return answer_entry(ctx, GOOD, NONE, out);
	if (strcmp(name, "control") == 0)
		return answer_entry(ctx, CONTROL, NONE, out);
	if (!parse(name, &op, &mistake) || is_made_by_op(op))
		return -ENOENT;
	return answer_entry(ctx, nodeid_of(op, mistake), due_by_name(name, LOOKUP), out);
}

static int misfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			 struct llfused_attr_out *out)
{
	(void)fh;
	if (nodeid != LLFUSED_ROOT_ID || !(root_is_file || root_is_late_file))
		return answer_attr(ctx, nodeid, due(nodeid, GETATTR), out);
	out->attr = attr_of(GOOD);
	return root_is_file ? 0 : told(llfused_complete_attr(llfused_pend(ctx), out));
}

static int misfs_setattr(struct llfused_ctx *ctx, uint64_t nodeid,
			 const struct llfused_setattr *set, struct llfused_attr_out *out)
{
	(void)set;
	return answer_attr(ctx, nodeid, due(nodeid, SETATTR), out);
}

static int make(struct llfused_ctx *ctx, const char *name, enum op op, struct llfused_entry *out)
{
	enum mistake mistake;
	enum op found;

	if (!parse(name, &found, &mistake) || found != op)
		return -EPERM;
	return answer_entry(ctx, nodeid_of(op, mistake), due_by_name(name, op), out);
}

static int misfs_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		       uint64_t rdev, struct llfused_entry *out)
{
	(void)parent;
	(void)mode;
	(void)rdev;
	return make(ctx, name, MKNOD, out);
}

static int misfs_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		       struct llfused_entry *out)
{
	(void)parent;
	(void)mode;
	return make(ctx, name, MKDIR, out);
}

static int misfs_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
			uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	enum mistake mistake = due_by_name(name, CREATE);

	(void)parent;
	(void)mode;
	(void)flags;
	if (!is_late_inode(mistake))
		return make(ctx, name, CREATE, entry);
	entry->nodeid = nodeid_of(CREATE, mistake);
	entry->attr = attr_of(entry->nodeid);
	spoil(mistake, entry);
	return told(llfused_complete_create(llfused_pend(ctx), entry, out));
}

/* ---- bytes ---- */

/* Four of them, or more than fit. */
static int answer_bytes(struct llfused_ctx *ctx, enum mistake mistake, struct llfused_buf *buf)
{
	if (mistake == LATE_LONG)
		return told(llfused_complete_data(llfused_pend(ctx), bytes, buf->cap + 1));
	llfused_buf_put(buf, "text", 4);
	if (mistake == LONG)
		buf->len = buf->cap + 1;
	return slip(ctx, mistake);
}

static int misfs_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target)
{
	return answer_bytes(ctx, due(nodeid, READLINK), target);
}

static int misfs_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			  struct llfused_buf *value)
{
	if (strcmp(name, "user.x") != 0)
		return -ENODATA;
	return answer_bytes(ctx, due(nodeid, GETXATTR), value);
}

static int misfs_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *list)
{
	int ret = answer_bytes(ctx, due(nodeid, LISTXATTR), list);

	/* a name, and its end */
	if (list->len == 4)
		list->len = ((char *)list->data)[3] = 0;
	return ret;
}

static int misfs_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      uint32_t flags, struct llfused_buf *buf)
{
	(void)fh;
	(void)offset;
	(void)flags;
	return answer_bytes(ctx, due(nodeid, READ), buf);
}

static void obey(const char *order, size_t size)
{
	right = size == 5 && memcmp(order, "right", 5) == 0;
	root_is_file = size == 4 && memcmp(order, "file", 4) == 0;
	root_is_late_file = size == 9 && memcmp(order, "late_file", 9) == 0;
}

static int misfs_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       const void *data, size_t size, uint32_t flags, size_t *written)
{
	enum mistake mistake = due(nodeid, WRITE);

	(void)fh;
	(void)offset;
	(void)flags;
	if (nodeid == CONTROL)
		obey(data, size);
	*written = size;
	if (mistake == LATE_LONG)
		return told(llfused_complete_write(llfused_pend(ctx), size + 1));
	if (mistake == LONG)
		*written = size + 1;
	return slip(ctx, mistake);
}

static int misfs_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		      struct llfused_open *out)
{
	(void)flags;
	/* each read(2) and write(2) is one request */
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	return slip(ctx, due(nodeid, OPEN));
}

/* ---- directories ---- */

static void add_bad(struct llfused_dirents *dirents, enum mistake mistake)
{
	struct llfused_entry entry = {.nodeid = GOOD, .attr = attr_of(GOOD)};
	uint64_t next = 2;

	if (mistake == START || mistake == SECOND || mistake == LATE_START)
		next = 0;
	if (mistake == NEGATIVE)
		next = UINT64_C(1) << 63;
	spoil(mistake, &entry);
	if (mistake == SLASH)
		dirents->add(dirents, "a/b", 3, GOOD, S_IFREG, next, NULL);
	else
		dirents->add(dirents, "bad", 3, GOOD, S_IFREG, next, dirents->plus ? &entry : NULL);
}

static int fill_late(void *arg, struct llfused_dirents *dirents)
{
	add_bad(dirents, *(enum mistake *)arg);
	return 0;
}

static int misfs_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			 struct llfused_dirents *dirents)
{
	enum mistake mistake = due(nodeid, READDIR);
	int ret = slip(ctx, mistake);

	(void)fh;
	if (ret != 0)
		return ret;
	if (mistake == LATE_START)
		return told(llfused_complete_readdir(llfused_pend(ctx), fill_late, &mistake));
	if ((mistake == NONE || mistake == SECOND) && offset == 0)
		dirents->add(dirents, "good", 4, GOOD, S_IFREG, 1, NULL);
	if (mistake != NONE)
		add_bad(dirents, mistake);
	return 0;
}

/* ---- the table ---- */

static int misfs_load(void **out, struct llfused_error *error)
{
	(void)error;
	*out = &right;
	return 0;
}

static const struct llfused_ops ops = {
	LLFUSED_OPS_STAMP,          .lookup = misfs_lookup,       .getattr = misfs_getattr,
	.setattr = misfs_setattr,   .readlink = misfs_readlink,   .mknod = misfs_mknod,
	.mkdir = misfs_mkdir,       .open = misfs_open,           .create = misfs_create,
	.read = misfs_read,         .write = misfs_write,         .readdir = misfs_readdir,
	.getxattr = misfs_getxattr, .listxattr = misfs_listxattr,
};

static const struct llfused_backend misfs_backend = {
	LLFUSED_BACKEND_STAMP, .name = "misfs",    .summary = "makes mistakes",
	.ops = &ops,           .load = misfs_load,
};

LLFUSED_PLUGIN(misfs_backend)

/*
 * Messages as text.  Any bytes are welcome: what does not parse is said, not believed.  Which
 * fields are shown stands in field.c.
 */
#include "format.h"

#include <inttypes.h>
#include <string.h>

#include "cursor.h"
#include "field.h"
#include "reply.h"
#include "notify.h"
#include "text.h"

#define NAME_SHOWN    128 /* bytes */
#define DATA_SHOWN    16
#define ENTRIES_SHOWN 4

static void add_bytes(struct text *t, const char *label, const struct proto_bytes *bytes,
		      size_t limit)
{
	if (!bytes->data)
		return;
	text_add(t, " %s=", label);
	text_quote(t, bytes->data, bytes->size, limit);
}

static void add_forgets(struct text *t, const struct proto_request *r)
{
	uint64_t held = r->data.size / sizeof(struct fuse_forget_one);

	for (uint64_t i = 0; i < held && i < ENTRIES_SHOWN; i++) {
		struct fuse_forget_one one = proto_forget_get(r, i);

		text_add(t, " %" PRIu64 ":%" PRIu64, one.nodeid, one.nlookup);
	}
	if (held > ENTRIES_SHOWN)
		text_add(t, " ...");
}

static void add_extensions(struct text *t, const struct proto_request *r)
{
	for (uint32_t i = 0; i < r->nsecctx && i < PROTO_MAX_SECCTX; i++) {
		add_bytes(t, "secctx", &r->secctx[i].name, NAME_SHOWN);
		add_bytes(t, "label", &r->secctx[i].value, NAME_SHOWN);
	}
	for (uint32_t i = 0; i < r->ngroups && i < PROTO_MAX_GROUPS; i++)
		text_add(t, " group=%" PRIu32, r->groups[i]);
}

size_t proto_format_request(char *buf, size_t cap, const struct proto_request *request)
{
	const struct proto_opcode *op = request->op;
	const struct fuse_in_header *head = &request->head;
	struct text t;

	text_start(&t, buf, cap);
	if (op)
		text_add(&t, "%s", op->name);
	else
		text_add(&t, "opcode=%" PRIu32, head->opcode);
	text_add(&t,
		 " unique=%" PRIu64 " node=%" PRIu64 " uid=%" PRIu32 " gid=%" PRIu32
		 " pid=%" PRIu32,
		 head->unique, head->nodeid, head->uid, head->gid, head->pid);
	if (!op)
		return t.wanted;
	field_add_request(&t, op->number, &request->in, op->in_size);
	add_bytes(&t, "name", &request->name, NAME_SHOWN);
	add_bytes(&t, op->number == FUSE_SYMLINK ? "target" : "newname", &request->name2,
		  NAME_SHOWN);
	if (op->layout == PROTO_FORGETS)
		add_forgets(&t, request);
	else
		add_bytes(&t, "data", &request->data, DATA_SHOWN);
	add_extensions(&t, request);
	return t.wanted;
}

/* One record; false when what is left holds no whole one. */
static bool dirent_take(struct cursor *c, bool plus, struct proto_bytes *name)
{
	struct fuse_dirent head;
	struct proto_bytes skipped;
	size_t entry = plus ? sizeof(struct fuse_entry_out) : 0;
	size_t used;

	if (!cursor_take(c, entry, &skipped) || !cursor_copy(c, &head, FUSE_NAME_OFFSET))
		return false;
	if (!cursor_take(c, head.namelen, name))
		return false;
	used = entry + FUSE_NAME_OFFSET + head.namelen;
	return cursor_take(c, FUSE_REC_ALIGN(used) - used, &skipped);
}

static void add_dirents(struct text *t, struct cursor *c, bool plus)
{
	struct proto_bytes name;
	size_t count = 0;

	text_add(t, " bytes=%zu", c->left);
	while (c->left > 0 && dirent_take(c, plus, &name)) {
		if (count++ < ENTRIES_SHOWN)
			add_bytes(t, "entry", &name, NAME_SHOWN);
	}
	text_add(t, " entries=%zu", count);
	if (c->left > 0)
		text_add(t, " cut=%zu", c->left);
}

static void add_raw(struct text *t, const char *label, const struct cursor *c, size_t limit)
{
	struct proto_bytes bytes = {.data = c->next, .size = c->left};

	text_add(t, " bytes=%zu", c->left);
	if (c->left > 0)
		add_bytes(t, label, &bytes, limit);
}

/* The open half comes last, whatever the length of the entry half is. */
static void add_create(struct text *t, struct cursor *c)
{
	struct cursor open = cursor_over(c->next, 0);

	cursor_split(c, sizeof(struct proto_open_out), &open);
	field_add_reply(t, PROTO_REPLY_ENTRY, c->next, c->left);
	field_add_reply(t, PROTO_REPLY_OPEN, open.next, open.left);
}

static void add_body(struct text *t, const struct proto_opcode *op, struct cursor *c)
{
	switch (op->reply) {
	case PROTO_REPLY_CREATE:
		add_create(t, c);
		break;
	case PROTO_REPLY_DIRENTS:
	case PROTO_REPLY_DIRENTS_PLUS:
		add_dirents(t, c, op->reply == PROTO_REPLY_DIRENTS_PLUS);
		break;
	case PROTO_REPLY_LINK:
		add_raw(t, "target", c, NAME_SHOWN);
		break;
	case PROTO_REPLY_DATA:
	case PROTO_REPLY_XATTR: /* whether it is a length only the request tells */
		add_raw(t, "data", c, DATA_SHOWN);
		break;
	default:
		field_add_reply(t, op->reply, c->next, c->left);
		break;
	}
}

static void add_error(struct text *t, int32_t error)
{
	const char *name = error < 0 && error > -4096 ? strerrorname_np(-error) : NULL;

	text_add(t, " error=%" PRId32, error);
	if (name)
		text_add(t, " %s", name);
}

/* The header, checked against the message's length; false when there is no more to be read. */
static bool add_head(struct text *t, struct cursor *c, size_t size, struct fuse_out_header *head)
{
	if (!cursor_copy(c, head, sizeof(*head))) {
		text_add(t, " cut=%zu", size);
		return false;
	}
	if (head->len != size)
		text_add(t, " len=%" PRIu32 " size=%zu", head->len, size);
	return true;
}

size_t proto_format_reply(char *buf, size_t cap, const struct proto_opcode *op, const void *reply,
			  size_t size)
{
	struct cursor c = cursor_over(reply, size);
	struct fuse_out_header head;
	struct text t;

	text_start(&t, buf, cap);
	text_add(&t, "%s reply", op ? op->name : "unknown");
	if (!add_head(&t, &c, size, &head))
		return t.wanted;
	text_add(&t, " unique=%" PRIu64, head.unique);
	if (head.error)
		add_error(&t, head.error);
	else if (op)
		add_body(&t, op, &c);
	return t.wanted;
}

/* Name of an entry behind its struct. */
static void add_notify_name(struct text *t, uint32_t code, struct cursor *c)
{
	struct proto_bytes skipped, name;
	size_t size;

	if (code == FUSE_NOTIFY_INVAL_ENTRY)
		size = sizeof(struct fuse_notify_inval_entry_out);
	else if (code == FUSE_NOTIFY_DELETE)
		size = sizeof(struct fuse_notify_delete_out);
	else
		return;
	if (cursor_take(c, size, &skipped) && cursor_string(c, &name))
		add_bytes(t, "name", &name, NAME_SHOWN);
}

size_t proto_format_notify(char *buf, size_t cap, const void *message, size_t size)
{
	struct cursor c = cursor_over(message, size);
	struct fuse_out_header head;
	const char *name;
	uint32_t code;
	struct text t;

	text_start(&t, buf, cap);
	text_add(&t, "notify");
	if (!add_head(&t, &c, size, &head))
		return t.wanted;
	code = (uint32_t)head.error;
	name = proto_notify_name(code);
	if (name)
		text_add(&t, " %s", name);
	else
		text_add(&t, " code=%" PRIu32, code);
	field_add_notify(&t, code, c.next, c.left);
	add_notify_name(&t, code, &c);
	return t.wanted;
}

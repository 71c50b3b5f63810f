/*
 * Decodes security contexts and supplementary groups.  Knows nothing of what precedes them in the
 * message.
 */
#include "extension.h"

#include <errno.h>

/* The second word of a block says what it is: a count of contexts up to 31, else a type. */
struct block {
	uint32_t kind;
	struct cursor body;
};

static bool block_take(struct cursor *c, struct block *out)
{
	struct fuse_ext_header head;
	struct proto_bytes body;

	if (!cursor_copy(c, &head, sizeof(head)))
		return false;
	if (head.size < sizeof(head) || !cursor_take(c, head.size - sizeof(head), &body))
		return false;
	out->kind = head.type;
	out->body = cursor_over(body.data, body.size);
	return true;
}

/* One context and the padding behind it. */
static bool secctx_take(struct cursor *c, struct proto_secctx *out)
{
	struct fuse_secctx head;
	struct proto_bytes padding;
	size_t before = c->left;

	if (!cursor_copy(c, &head, sizeof(head)) || !cursor_string(c, &out->name))
		return false;
	if (!cursor_take(c, head.size, &out->value))
		return false;
	return cursor_take(c, -(before - c->left) % 8, &padding);
}

static int secctx_decode(struct block *block, struct proto_request *out)
{
	if (block->kind > PROTO_MAX_SECCTX)
		return -E2BIG;
	for (uint32_t i = 0; i < block->kind; i++) {
		if (!secctx_take(&block->body, &out->secctx[i]))
			return -EINVAL;
	}
	if (block->body.left != 0)
		return -EINVAL;
	out->nsecctx = block->kind;
	return 0;
}

static int groups_decode(struct block *block, struct proto_request *out)
{
	uint32_t count;
	uint64_t need;

	if (!cursor_copy(&block->body, &count, sizeof(count)))
		return -EINVAL;
	need = (uint64_t)count * sizeof(uint32_t);
	if (need > block->body.left || block->body.left - need >= 8)
		return -EINVAL;
	if (count > PROTO_MAX_GROUPS)
		return -E2BIG;
	cursor_copy(&block->body, out->groups, need);
	out->ngroups = count;
	return 0;
}

int extension_decode(const struct proto_conn *conn, struct cursor *c, struct proto_request *out)
{
	bool secctx = conn->features & FUSE_SECURITY_CTX;
	bool groups = conn->features & FUSE_CREATE_SUPP_GROUP;
	struct block block;
	int err = 0;

	/* Each kind comes at most once, and contexts never behind groups. */
	while (err == 0 && c->left > 0) {
		if (!block_take(c, &block))
			return -EINVAL;
		if (secctx && block.kind <= FUSE_MAX_NR_SECCTX) {
			err = secctx_decode(&block, out);
		} else if (groups && block.kind == PROTO_EXT_GROUPS) {
			err = groups_decode(&block, out);
			groups = false;
		} else {
			return -EINVAL;
		}
		secctx = false;
	}
	return err;
}

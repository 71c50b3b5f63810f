/*
 * Requests that are not one op of the backend: FORGET, INTERRUPT, answers to RETRIEVE, and stack
 * traces.  How ops are chosen and their results judged is not known here.
 */
#include <errno.h>
#include <string.h>

#include "caller.h"
#include "dispatch_impl.h"
#include "host.h"
#include "log.h"
#include "session_impl.h"
#include "stacks.h"

void special_tell_interrupt(struct slot *slot, llfused_pending id)
{
	struct session *s = slot->session;

	if (!s->ops->interrupt)
		return;
	dispatch_lock(slot);
	if (!dispatch_is_broken(s))
		s->ops->interrupt(&slot->ctx, id);
	dispatch_unlock(slot);
}

static void run_forget(struct slot *slot)
{
	struct session *s = slot->session;
	struct llfused_forget list[64];
	uint64_t count = proto_forget_count(&slot->request);
	size_t n = 0;

	dispatch_lock(slot);
	for (uint64_t i = 0; i < count && !dispatch_is_broken(s); i++) {
		struct fuse_forget_one one = proto_forget_get(&slot->request, i);

		list[n++] = (struct llfused_forget){.nodeid = one.nodeid, .nlookup = one.nlookup};
		if (n == sizeof(list) / sizeof(list[0]) || i + 1 == count) {
			s->ops->forget(&slot->ctx, list, n);
			n = 0;
		}
	}
	dispatch_unlock(slot);
}

/* Marks the request, wherever it is; the pending one whose backend is to be told, or 0. */
static llfused_pending mark_interrupt(struct session *s, uint64_t unique)
{
	struct slot *slot;
	llfused_pending id;

	if (pending_interrupt(&s->pending, unique, &id) == 0)
		return id;
	slot = inflight_interrupt(&s->inflight, unique);
	if (slot && s->pooled)
		stall_interrupt(s, slot, unique);
	/* Between the two looks it may have become pending, even if a slot was told: its thread may
	 * have looked at the slot's mark for the last time before it was set. */
	if (pending_interrupt(&s->pending, unique, &id) != 0)
		return 0;
	inflight_forget_orphan(&s->inflight, unique);
	return id;
}

static void run_retrieved(struct slot *slot)
{
	const struct proto_request *r = &slot->request;
	struct session *s = slot->session;

	dispatch_lock(slot);
	if (!dispatch_is_broken(s))
		s->ops->retrieved(&slot->ctx, host_cookie_of(r->head.unique), r->head.nodeid,
				  r->in.retrieve.offset, r->data.data, r->data.size);
	dispatch_unlock(slot);
}

bool special_receive(struct slot *slot, int *error)
{
	const struct llfused_ops *ops = slot->session->ops;

	*error = 0;
	switch (slot->request.head.opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return ops->forget != NULL;
	case FUSE_INTERRUPT:
		slot->tell = mark_interrupt(slot->session, slot->request.in.interrupt.unique);
		return slot->tell != 0 && ops->interrupt;
	case FUSE_NOTIFY_REPLY:
		return ops->retrieved != NULL;
	case FUSE_DESTROY:
		return false;
	case FUSE_INIT: /* answered once, before the workers started */
		*error = -EIO;
		return false;
	default:
		*error = -ENOSYS;
		return false;
	}
}

void special_run(struct slot *slot)
{
	switch (slot->request.head.opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		run_forget(slot);
		break;
	case FUSE_INTERRUPT:
		special_tell_interrupt(slot, slot->tell);
		break;
	default:
		run_retrieved(slot);
		break;
	}
}

bool special_is_stacks(const struct slot *slot)
{
	const struct proto_request *r = &slot->request;

	return r->head.opcode == FUSE_SETXATTR && r->head.nodeid == LLFUSED_ROOT_ID &&
	       (strcmp(r->name.data, "fuse_stacktrace") == 0 ||
		strcmp(r->name.data, "user.fuse_stacktrace") == 0);
}

int special_stacks(const struct slot *slot)
{
	const struct fuse_in_header *head = &slot->request.head;
	uint32_t uid = head->uid;

	/* with idmapped mounts this request does not tell it */
	if (uid == FUSE_INVALID_UIDGID && caller_uid(head->pid, &uid) != 0)
		return -EPERM;
	if (uid != 0 && uid != slot->session->config.owner)
		return -EPERM;
	stacks_log();
	return 0;
}

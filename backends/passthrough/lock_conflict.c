/*
 * Who is in whose way among the owners of record locks, and who would wait for himself.
 */
#include "lock_impl.h"

static const struct pt_range *in_the_way(const struct pt_holder *holder, uint64_t nodeid,
					 const struct llfused_lock *lock)
{
	if (holder->nodeid != nodeid || holder->owner == lock->owner)
		return NULL;
	return pt_range_conflict(&holder->held, lock->start, lock->end, lock->type);
}

bool pt_holder_conflict(struct pt_locks *locks, uint64_t nodeid, struct llfused_lock *lock)
{
	const struct pt_range *range = NULL;
	const struct pt_holder *holder;

	pthread_mutex_lock(&locks->mutex);
	for (holder = *pt_holder_bucket(locks, nodeid); holder; holder = holder->next) {
		range = in_the_way(holder, nodeid, lock);
		if (!range)
			continue;
		lock->start = range->start;
		lock->end = range->end;
		lock->type = range->type;
		lock->pid = holder->pid;
		break;
	}
	pthread_mutex_unlock(&locks->mutex);
	return range != NULL;
}

/* Puts what this owner waits for on the list. */
static void add_waits_of(struct pt_locks *locks, uint64_t owner, struct pt_wait **todo)
{
	for (struct pt_wait *wait = locks->waits; wait; wait = wait->next) {
		if (wait->visited || wait->over || !wait->holder || wait->lock.owner != owner)
			continue;
		wait->visited = true;
		wait->todo = *todo;
		*todo = wait;
	}
}

bool pt_lock_deadlocks(struct pt_locks *locks, struct pt_wait *wait)
{
	struct pt_wait *todo = wait;

	for (struct pt_wait *other = locks->waits; other; other = other->next)
		other->visited = false;
	wait->todo = NULL;
	while (todo) {
		const struct pt_wait *next = todo;
		uint64_t nodeid = next->holder->nodeid;

		todo = todo->todo;
		for (const struct pt_holder *holder = *pt_holder_bucket(locks, nodeid); holder;
		     holder = holder->next) {
			if (!in_the_way(holder, nodeid, &next->lock))
				continue;
			if (holder->owner == wait->lock.owner)
				return true;
			add_waits_of(locks, holder->owner, &todo);
		}
	}
	return false;
}

/*
 * Record locks of passthrough: ranges, owners who would wait for themselves, and a wait that does
 * not end.
 */
#include "passthrough/lock_impl.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "passthrough/join.h"
#include "pt_ops.h"

#define TO_THE_END ((uint64_t)INT64_MAX)

TestSuite(pt_lock, .timeout = 60);

/* ---- ranges ---- */

static void set(struct pt_ranges *r, uint64_t start, uint64_t end, uint32_t type)
{
	cr_assert_eq(pt_range_reserve(r), 0);
	pt_range_set(r, start, end, type);
}

/* "r0-9 w20-29" */
static const char *text_of(const struct pt_ranges *r)
{
	static char text[512];
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < r->count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%c%llu-%llu",
					i ? " " : "", r->list[i].type == F_WRLCK ? 'w' : 'r',
					(unsigned long long)r->list[i].start,
					(unsigned long long)r->list[i].end);
	return text;
}

Test(pt_lock, ranges_lie_in_order)
{
	struct pt_ranges r = {.count = 0};

	set(&r, 20, 29, F_RDLCK);
	set(&r, 0, 9, F_WRLCK);
	set(&r, 40, 49, F_RDLCK);
	cr_assert_str_eq(text_of(&r), "w0-9 r20-29 r40-49");
	pt_range_clear(&r);
}

Test(pt_lock, neighbours_of_one_type_become_one_range)
{
	struct pt_ranges r = {.count = 0};

	set(&r, 0, 9, F_RDLCK);
	set(&r, 20, 29, F_RDLCK);
	set(&r, 10, 19, F_RDLCK);
	cr_assert_str_eq(text_of(&r), "r0-29");
	set(&r, 30, 39, F_WRLCK);
	cr_assert_str_eq(text_of(&r), "r0-29 w30-39");
	set(&r, 30, 39, F_RDLCK);
	cr_assert_str_eq(text_of(&r), "r0-39");
	pt_range_clear(&r);
}

Test(pt_lock, a_range_is_cut_where_another_type_comes)
{
	struct pt_ranges r = {.count = 0};

	set(&r, 0, 99, F_RDLCK);
	set(&r, 40, 59, F_WRLCK);
	cr_assert_str_eq(text_of(&r), "r0-39 w40-59 r60-99");
	set(&r, 50, 69, F_UNLCK);
	cr_assert_str_eq(text_of(&r), "r0-39 w40-49 r70-99");
	set(&r, 30, TO_THE_END, F_WRLCK);
	cr_assert_str_eq(text_of(&r), "r0-29 w30-9223372036854775807");
	set(&r, 0, TO_THE_END, F_UNLCK);
	cr_assert_eq(r.count, 0);
	cr_assert_null(r.list, "memory is kept for nothing");
}

Test(pt_lock, the_last_byte_can_be_locked_alone)
{
	struct pt_ranges r = {.count = 0};

	set(&r, TO_THE_END, TO_THE_END, F_WRLCK);
	cr_assert_null(pt_range_conflict(&r, 0, TO_THE_END - 1, F_WRLCK));
	cr_assert_not_null(pt_range_conflict(&r, 0, TO_THE_END, F_RDLCK));
	pt_range_clear(&r);
}

Test(pt_lock, only_read_locks_go_together)
{
	struct pt_ranges r = {.count = 0};

	set(&r, 10, 19, F_RDLCK);
	set(&r, 30, 39, F_WRLCK);
	cr_assert_null(pt_range_conflict(&r, 0, 29, F_RDLCK));
	cr_assert_null(pt_range_conflict(&r, 20, 29, F_WRLCK));
	cr_assert_eq(pt_range_conflict(&r, 19, 19, F_WRLCK), &r.list[0]);
	cr_assert_eq(pt_range_conflict(&r, 0, TO_THE_END, F_RDLCK), &r.list[1]);
	pt_range_clear(&r);
}

/* A byte map is the judge. */
Test(pt_lock, ranges_are_what_was_set_byte_by_byte)
{
	enum { BYTES = 64 };
	struct pt_ranges r = {.count = 0};
	uint32_t want[BYTES], got[BYTES];
	unsigned seed = 1;

	for (int i = 0; i < BYTES; i++)
		want[i] = F_UNLCK;
	for (int step = 0; step < 20000; step++) {
		uint32_t type = (uint32_t)(rand_r(&seed) % 3);
		int a = rand_r(&seed) % BYTES, b = rand_r(&seed) % BYTES;
		int start = a < b ? a : b, end = a < b ? b : a;

		set(&r, (uint64_t)start, (uint64_t)end, type);
		for (int i = start; i <= end; i++)
			want[i] = type;
		for (int i = 0; i < BYTES; i++)
			got[i] = F_UNLCK;
		for (uint32_t k = 0; k < r.count; k++) {
			cr_assert(k == 0 || r.list[k].start > r.list[k - 1].end + 1 ||
					  r.list[k].type != r.list[k - 1].type,
				  "neighbours were not merged");
			for (uint64_t i = r.list[k].start; i <= r.list[k].end; i++)
				got[i] = r.list[k].type;
		}
		cr_assert_arr_eq(got, want, sizeof got, "step %d", step);
	}
	pt_range_clear(&r);
}

/* ---- owners ---- */

static void hold(struct pt_locks *locks, uint64_t nodeid, uint64_t owner, uint64_t start,
		 uint64_t end, uint32_t type)
{
	struct pt_holder *holder = pt_holder_obtain(locks, nodeid, owner);

	cr_assert_not_null(holder);
	holder->pid = (uint32_t)owner + 1000;
	set(&holder->held, start, end, type);
}

/* Waits from now on, as the caller's variable. */
static struct pt_wait *wait_for(struct pt_locks *locks, struct pt_wait *wait, uint64_t nodeid,
				uint64_t owner, uint32_t type)
{
	*wait = (struct pt_wait){
		.next = locks->waits,
		.holder = pt_holder_obtain(locks, nodeid, owner),
		.lock = {.owner = owner, .start = 0, .end = 9, .type = type},
	};
	locks->waits = wait;
	return wait;
}

static struct pt_locks *new_locks(void)
{
	struct pt_locks *locks = calloc(1, sizeof *locks);

	cr_assert_not_null(locks);
	pthread_mutex_init(&locks->mutex, NULL);
	return locks;
}

Test(pt_lock, an_owner_is_never_in_his_own_way)
{
	struct pt_locks *locks = new_locks();
	struct llfused_lock lock = {.owner = 1, .start = 5, .end = 6, .type = F_WRLCK};

	hold(locks, 7, 1, 0, 9, F_WRLCK);
	cr_assert_not(pt_holder_conflict(locks, 7, &lock));
	lock.owner = 2;
	cr_assert_not(pt_holder_conflict(locks, 8, &lock), "that is another inode");
	cr_assert(pt_holder_conflict(locks, 7, &lock));
	cr_assert_eq(lock.start, 0);
	cr_assert_eq(lock.end, 9);
	cr_assert_eq(lock.type, F_WRLCK);
	cr_assert_eq(lock.pid, 1001);
}

Test(pt_lock, two_owners_who_wait_for_each_other_are_a_deadlock)
{
	struct pt_locks *locks = new_locks();
	struct pt_wait a, b;

	hold(locks, 7, 1, 0, 9, F_WRLCK);
	hold(locks, 8, 2, 0, 9, F_WRLCK);
	cr_assert_not(pt_lock_deadlocks(locks, wait_for(locks, &a, 8, 1, F_WRLCK)));
	cr_assert(pt_lock_deadlocks(locks, wait_for(locks, &b, 7, 2, F_RDLCK)));
	/* who has got his lock waits for nobody */
	a.over = true;
	cr_assert_not(pt_lock_deadlocks(locks, &b));
}

Test(pt_lock, two_readers_who_both_want_to_write_are_a_deadlock)
{
	struct pt_locks *locks = new_locks();
	struct pt_wait a, b;

	hold(locks, 7, 1, 0, 9, F_RDLCK);
	hold(locks, 7, 2, 0, 9, F_RDLCK);
	cr_assert_not(pt_lock_deadlocks(locks, wait_for(locks, &a, 7, 1, F_WRLCK)));
	cr_assert(pt_lock_deadlocks(locks, wait_for(locks, &b, 7, 2, F_WRLCK)));
}

Test(pt_lock, a_deadlock_is_found_around_many_corners)
{
	enum { OWNERS = 40 };
	struct pt_locks *locks = new_locks();
	struct pt_wait waits[OWNERS];

	for (uint64_t i = 0; i < OWNERS; i++)
		hold(locks, 100 + i, i, 0, 9, F_WRLCK);
	for (uint64_t i = 0; i + 1 < OWNERS; i++)
		cr_assert_not(pt_lock_deadlocks(
			locks, wait_for(locks, &waits[i], 100 + i + 1, i, F_WRLCK)));
	cr_assert(pt_lock_deadlocks(locks,
				    wait_for(locks, &waits[OWNERS - 1], 100, OWNERS - 1, F_WRLCK)));
}

Test(pt_lock, many_who_wait_for_one_are_no_deadlock)
{
	enum { OWNERS = 40 };
	struct pt_locks *locks = new_locks();
	struct pt_wait waits[OWNERS];

	hold(locks, 7, 1000, 0, 9, F_WRLCK);
	for (uint64_t i = 0; i < OWNERS; i++)
		cr_assert_not(pt_lock_deadlocks(
			locks, wait_for(locks, &waits[i], 7, i, i % 2 ? F_WRLCK : F_RDLCK)));
}

/* ---- the end ---- */

static sem_t answer;

/* As one that waits for a server: no signal ends it. */
static void *wait_for_answer(void *arg)
{
	while (sem_wait(&answer) < 0)
		;
	return arg;
}

static void begin_endless_wait(struct pt *fs, struct pt_wait *wait)
{
	cr_assert_eq(sem_init(&answer, 0, 0), 0);
	*wait = (struct pt_wait){.fs = fs};
	cr_assert_eq(pthread_create(&wait->thread, NULL, wait_for_answer, NULL), 0);
	pthread_mutex_lock(&fs->locks->mutex);
	fs->locks->waits = wait;
	fs->locks->nwaits++;
	pthread_mutex_unlock(&fs->locks->mutex);
}

Test(pt_lock, a_wait_that_does_not_end_is_left_and_what_it_uses_stays, .fini = pt_ops_end)
{
	static struct pt_wait wait;
	struct pt *fs;
	time_t begin;

	pt_ops_begin("locks=source");
	fs = pt_ops_fs;
	begin_endless_wait(fs, &wait);
	begin = time(NULL);
	pt_ops_end();
	cr_assert_leq(time(NULL) - begin, 2 * PT_JOIN_SECONDS);
	cr_assert(fs->stuck);
	cr_assert_not_null(fs->locks);
	cr_assert_not_null(fs->reaper);
	cr_assert_geq(fcntl(fs->proc_fd, F_GETFD), 0);
	cr_assert_eq(sem_post(&answer), 0);
	cr_assert_eq(pthread_join(wait.thread, NULL), 0);
}

/*
 * The states of ring entries: who may answer, what is copied, which way an answer takes to its
 * queue's thread, and what becomes of the memory.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/ring.h"
#include "proto/abi.h"
#include "proto/reply.h"

#define CAP     16u
#define PAYLOAD ((size_t)1 << 20)
#define LARGE   ((size_t)256 * 1024)
#define PAGE    4096u
#define KEPT    8u /* entries that may keep large memory */

static struct rings rings;
static struct ring_inbox inbox;

static void make(void)
{
	struct err err;

	cr_assert_eq(rings_open(&rings, CAP, PAYLOAD, &err), 0);
	cr_assert_eq(ring_inbox_open(&inbox), 0);
}

static void unmake(void)
{
	ring_inbox_close(&inbox);
	rings_close(&rings);
}

TestSuite(ring, .init = make, .fini = unmake, .timeout = 60);

static struct ring_entry *new_entry(void)
{
	struct ring_entry *e = ring_entry_new(&rings, &inbox, 1);

	cr_assert_not_null(e);
	return e;
}

static struct ring_entry *taken(uint64_t unique)
{
	struct ring_entry *e = new_entry();

	ring_take(&rings, e, unique, 0);
	return e;
}

/* From room of one's own, header and body apart. */
static int reply(struct ring_entry *e, uint64_t unique, int error, const void *body, size_t len)
{
	struct fuse_out_header out;
	struct iovec iov[2] = {{&out, sizeof(out)}, {(void *)(uintptr_t)body, len}};

	proto_put_header(&out, unique, error, len);
	return ring_fill(&rings, e, iov, len > 0 ? 2 : 1);
}

/* The same, up to where the kernel gets it. */
static int reply_to_kernel(struct ring_entry *e, uint64_t unique, int error, const void *body,
			   size_t len)
{
	int ret = reply(e, unique, error, body, len);

	if (ret == 0)
		ring_settle(&rings, e);
	return ret;
}

static const struct proto_uring_req_header *header_of(const struct ring_entry *e)
{
	return e->iov[0].iov_base;
}

static struct fuse_out_header out_of(const struct ring_entry *e)
{
	struct fuse_out_header out;

	memcpy(&out, header_of(e)->in_out, sizeof(out));
	return out;
}

static uint32_t size_of(const struct ring_entry *e)
{
	return header_of(e)->ring_ent_in_out.payload_sz;
}

/* ---- answers ---- */

Test(ring, an_answer_stands_in_header_and_payload)
{
	struct ring_entry *e = taken(70);

	cr_assert_eq(reply(e, 70, 0, "hello", 5), 0);
	cr_expect_eq(out_of(e).unique, 70);
	cr_expect_eq(out_of(e).error, 0);
	cr_expect_eq(size_of(e), 5);
	cr_expect_arr_eq(e->iov[1].iov_base, "hello", 5);
}

Test(ring, an_error_has_no_payload)
{
	struct ring_entry *e = taken(70);

	cr_assert_eq(reply(e, 70, -ENOENT, NULL, 0), 0);
	cr_expect_eq(out_of(e).unique, 70);
	cr_expect_eq(out_of(e).error, -ENOENT);
	cr_expect_eq(size_of(e), 0);
}

Test(ring, the_first_answer_counts)
{
	struct ring_entry *e = taken(70);

	cr_assert_eq(reply(e, 70, 0, "first", 5), 0);
	cr_expect_eq(reply(e, 70, -EIO, NULL, 0), -ENOENT);
	cr_expect_eq(ring_fill_empty(e, 70), -ENOENT);
	cr_expect_eq(out_of(e).error, 0);
	cr_expect_eq(size_of(e), 5);
	cr_expect_arr_eq(e->iov[1].iov_base, "first", 5);
}

Test(ring, an_entry_without_a_request_cannot_be_answered)
{
	struct ring_entry *e = new_entry();

	cr_expect_eq(reply(e, 70, 0, "x", 1), -ENOENT);
	cr_expect_eq(reply(e, 0, 0, "x", 1), -ENOENT);
	cr_expect_eq(ring_fill_empty(e, 0), -ENOENT);
}

Test(ring, an_entry_used_again_is_not_answered_for_the_old_request)
{
	struct ring_entry *e = taken(70);

	cr_assert_eq(reply(e, 70, 0, NULL, 0), 0);
	ring_take(&rings, e, 72, 0);
	memcpy(e->iov[1].iov_base, "request", 7);
	cr_expect_eq(reply(e, 70, 0, "answer!", 7), -ENOENT);
	cr_expect_eq(ring_fill_empty(e, 70), -ENOENT);
	cr_expect_arr_eq(e->iov[1].iov_base, "request", 7, "the request was written over");
	cr_expect_eq(reply(e, 72, 0, "answer!", 7), 0);
}

/* The kernel looks at nothing but the entry, and would complain about the odd id of a success. */
Test(ring, an_empty_answer_is_an_error_and_has_no_payload)
{
	struct ring_entry *e = taken(70);

	((struct proto_uring_req_header *)e->iov[0].iov_base)->ring_ent_in_out.payload_sz = 99;
	cr_assert_eq(ring_fill_empty(e, 70), 0);
	cr_expect_eq(out_of(e).unique, 70);
	cr_expect_eq(out_of(e).error, -EIO);
	cr_expect_eq(size_of(e), 0);
	cr_expect_eq(ring_fill_empty(e, 70), -ENOENT);
}

Test(ring, an_answer_too_long_is_refused_and_the_request_still_answerable)
{
	unsigned char *body = calloc(1, PAYLOAD + 1);
	struct ring_entry *e = taken(70);

	memcpy(e->iov[1].iov_base, "request", 7);
	cr_expect_eq(reply(e, 70, 0, body, PAYLOAD + 1), -EINVAL);
	cr_expect_arr_eq(e->iov[1].iov_base, "request", 7);
	memset(body, 'x', PAYLOAD);
	cr_expect_eq(reply(e, 70, 0, body, PAYLOAD), 0);
	cr_expect_eq(size_of(e), PAYLOAD);
	cr_expect_arr_eq(e->iov[1].iov_base, body, PAYLOAD);
	free(body);
}

/* ---- the body ---- */

/* Nobody can write there, so a copy would be a fault. */
Test(ring, a_body_that_stands_in_the_payload_already_is_not_copied)
{
	struct ring_entry *e = taken(70);
	struct iovec iov = {e->reply, sizeof(struct fuse_out_header) + 2 * PAGE};

	cr_assert_eq((uintptr_t)e->iov[1].iov_base % PAGE, 0);
	memset(e->iov[1].iov_base, 'y', 2 * PAGE);
	proto_put_header(e->reply, 70, 0, 2 * PAGE);
	cr_assert_eq(mprotect(e->iov[1].iov_base, 2 * PAGE, PROT_READ), 0);
	cr_expect_eq(ring_fill(&rings, e, &iov, 1), 0);
	cr_assert_eq(mprotect(e->iov[1].iov_base, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
	cr_expect_eq(size_of(e), 2 * PAGE);
	cr_expect_eq(*(char *)e->iov[1].iov_base, 'y');
}

Test(ring, a_body_in_pieces_is_put_together)
{
	struct {
		struct fuse_out_header out;
		char body[3];
	} head = {.body = "abc"};
	char empty[1], rest[] = "defg";
	struct ring_entry *e = taken(70);
	struct iovec iov[3] = {{&head, sizeof(head.out) + 3}, {empty, 0}, {rest, 4}};

	proto_put_header(&head.out, 70, 0, 7);
	cr_assert_eq(ring_fill(&rings, e, iov, 3), 0);
	cr_expect_eq(size_of(e), 7);
	cr_expect_arr_eq(e->iov[1].iov_base, "abcdefg", 7);
}

/* ---- the inbox ---- */

static bool is_awake(void)
{
	struct pollfd p = {.fd = inbox.event_fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

Test(ring, every_answer_posted_is_collected_once_whatever_the_order)
{
	struct ring_entry *e[5], *got;
	unsigned seen = 0;

	for (unsigned i = 0; i < 5; i++)
		e[i] = taken(70 + 2 * i);
	for (unsigned i = 0; i < 5; i++)
		ring_post(&rings, e[(i * 3) % 5]);
	while ((got = ring_collect(&rings, &inbox))) {
		unsigned bit = 1u << ring_entry_index(&rings, got);

		cr_expect_eq(seen & bit, 0, "collected twice");
		seen |= bit;
	}
	cr_expect_eq(seen, 0x1f);
	cr_expect_null(ring_collect(&rings, &inbox));
}

Test(ring, only_the_first_answer_wakes_the_thread)
{
	struct ring_entry *e[3];
	uint64_t count = 0;

	for (unsigned i = 0; i < 3; i++)
		e[i] = taken(70 + 2 * i);
	cr_expect_not(is_awake());
	for (unsigned i = 0; i < 3; i++)
		ring_post(&rings, e[i]);
	cr_assert(is_awake());
	cr_assert_eq(read(inbox.event_fd, &count, sizeof(count)), sizeof(count));
	cr_expect_eq(count, 1);
	while (ring_collect(&rings, &inbox))
		;
	cr_expect_not(is_awake());
	ring_post(&rings, e[1]);
	cr_expect(is_awake(), "nobody is woken after the inbox was empty");
	cr_expect_eq(ring_collect(&rings, &inbox), e[1]);
}

Test(ring, an_answer_goes_to_the_inbox_of_its_own_queue)
{
	struct ring_inbox other;
	struct ring_entry *e;

	cr_assert_eq(ring_inbox_open(&other), 0);
	e = ring_entry_new(&rings, &other, 2);
	ring_post(&rings, e);
	cr_expect_null(ring_collect(&rings, &inbox));
	cr_expect_eq(ring_collect(&rings, &other), e);
	cr_expect_eq(e->qid, 2);
	ring_inbox_close(&other);
}

/* ---- making entries ---- */

Test(ring, there_are_no_entries_beyond_the_cap)
{
	for (unsigned i = 0; i < CAP; i++)
		cr_assert_eq(ring_entry_index(&rings, new_entry()), i);
	cr_expect_null(ring_entry_new(&rings, &inbox, 1));
	cr_expect_null(ring_entry_new(&rings, &inbox, 1));
}

Test(ring, entries_share_no_byte)
{
	struct ring_entry *e[CAP];

	for (unsigned i = 0; i < CAP; i++) {
		e[i] = new_entry();
		cr_assert_geq(e[i]->iov[0].iov_len, sizeof(struct proto_uring_req_header));
		cr_assert_eq(e[i]->iov[1].iov_len, PAYLOAD);
		memset(e[i]->iov[0].iov_base, (int)i, e[i]->iov[0].iov_len);
		memset(e[i]->reply, (int)i, sizeof(struct fuse_out_header) + PAYLOAD);
	}
	for (unsigned i = 0; i < CAP; i++)
		for (unsigned k = 0; k < 2; k++) {
			const unsigned char *at = e[i]->iov[k].iov_base;

			cr_expect_eq(at[0], i);
			cr_expect_eq(memcmp(at, at + 1, e[i]->iov[k].iov_len - 1), 0);
		}
}

Test(ring, a_route_tells_its_entry_and_is_no_descriptor)
{
	for (uint32_t i = 0; i < 100000; i += 331) {
		cr_assert(ring_is_route(ring_route(i)));
		cr_assert_eq(ring_index(ring_route(i)), i);
	}
	cr_expect_not(ring_is_route(0));
	cr_expect_not(ring_is_route(3));
	cr_expect_not(ring_is_route(-1), "-1 is no descriptor, and no entry");
}

Test(ring, rings_that_were_never_opened_can_be_closed)
{
	struct rings none = {.cap = 0};

	rings_close(&none);
	cr_expect_eq(none.cap, 0);
}

/* ---- memory of large data ---- */

static size_t resident(const struct ring_entry *e)
{
	unsigned char pages[PAYLOAD / PAGE];
	size_t n = 0;

	cr_assert_eq(mincore(e->iov[1].iov_base, PAYLOAD, pages), 0);
	for (size_t i = 0; i < sizeof(pages); i++)
		n += pages[i] & 1;
	return n * PAGE;
}

/* As the kernel puts the data of a WRITE there. */
static void receive_large(struct ring_entry *e, uint64_t unique)
{
	memset(e->iov[1].iov_base, 'w', LARGE);
	ring_take(&rings, e, unique, LARGE);
}

Test(ring, a_few_entries_keep_the_memory_of_large_data_and_the_others_give_it_back)
{
	struct ring_entry *e[CAP];
	unsigned kept = 0;

	for (unsigned i = 0; i < CAP; i++) {
		e[i] = new_entry();
		receive_large(e[i], 100 + i);
	}
	cr_expect_eq(atomic_load(&rings.fat), CAP);
	for (unsigned i = 0; i < CAP; i++)
		cr_assert_eq(reply_to_kernel(e[i], 100 + i, 0, "12345678", 8), 0);
	for (unsigned i = 0; i < CAP; i++) {
		cr_expect_arr_eq(e[i]->iov[1].iov_base, "12345678", 8);
		kept += resident(e[i]) >= LARGE;
		if (resident(e[i]) < LARGE)
			cr_expect_leq(resident(e[i]), 65536);
	}
	cr_expect_eq(kept, KEPT);
	cr_expect_eq(atomic_load(&rings.fat), KEPT);
}

Test(ring, a_large_answer_keeps_its_bytes_and_its_memory_until_a_small_one)
{
	unsigned char *body = malloc(LARGE);
	struct ring_entry *e[CAP];

	memset(body, 'r', LARGE);
	for (unsigned i = 0; i < CAP; i++) {
		e[i] = taken(100 + i);
		cr_assert_eq(reply_to_kernel(e[i], 100 + i, 0, body, LARGE), 0);
		cr_expect_arr_eq(e[i]->iov[1].iov_base, body, LARGE);
	}
	cr_expect_eq(atomic_load(&rings.fat), CAP);
	for (unsigned i = 0; i < CAP; i++) {
		ring_take(&rings, e[i], 200 + i, 10);
		cr_assert_eq(reply_to_kernel(e[i], 200 + i, -ENOENT, NULL, 0), 0);
	}
	cr_expect_eq(atomic_load(&rings.fat), KEPT);
	free(body);
}

Test(ring, large_data_weighs_once)
{
	struct ring_entry *e = new_entry();

	for (unsigned i = 0; i < 5; i++) {
		receive_large(e, 100 + i);
		cr_assert_eq(reply_to_kernel(e, 100 + i, 0, NULL, 0), 0);
	}
	cr_expect_eq(atomic_load(&rings.fat), 1);
	cr_expect_geq(resident(e), LARGE, "one alone may keep it");
}

/* ---- data that are read in place ---- */

#define DATA "the data of a WRITE"

static struct ring_entry *held(uint64_t unique)
{
	struct ring_entry *e = new_entry();

	memcpy(e->iov[1].iov_base, DATA, sizeof(DATA));
	ring_hold(e);
	ring_take(&rings, e, unique, sizeof(DATA));
	return e;
}

static bool data_are_there(const struct ring_entry *e)
{
	return memcmp(e->iov[1].iov_base, DATA, sizeof(DATA)) == 0;
}

Test(ring, an_answer_waits_until_nobody_reads_the_data_and_leaves_them_alone)
{
	struct ring_entry *e = held(70);

	cr_assert_eq(reply(e, 70, 0, "12345678", 8), 0);
	ring_post(&rings, e);
	cr_expect_null(ring_collect(&rings, &inbox), "the kernel would get what is being read");
	cr_expect_not(is_awake());
	cr_expect(data_are_there(e));
	ring_release(&rings, e);
	cr_expect(is_awake());
	cr_expect_eq(ring_collect(&rings, &inbox), e);
	cr_expect_null(ring_collect(&rings, &inbox));
	cr_expect_eq(out_of(e).unique, 70);
	cr_expect_eq(out_of(e).error, 0);
	cr_expect_eq(size_of(e), 8);
	cr_expect_arr_eq(e->iov[1].iov_base, "12345678", 8);
}

Test(ring, an_entry_that_is_released_before_its_answer_is_as_any_other)
{
	struct ring_entry *e = held(70);

	ring_release(&rings, e);
	cr_expect_null(ring_collect(&rings, &inbox));
	cr_assert_eq(reply(e, 70, 0, "a longer answer than can be put aside", 38), 0);
	ring_post(&rings, e);
	cr_expect_eq(ring_collect(&rings, &inbox), e);
	cr_expect_eq(size_of(e), 38);
	cr_expect_arr_eq(e->iov[1].iov_base, "a longer answer than can be put aside", 38);
}

/* Filled while it was held, posted when it was not any more. */
Test(ring, an_answer_that_was_put_aside_comes_after_a_release)
{
	struct ring_entry *e = held(70);

	cr_assert_eq(reply(e, 70, 0, "12345678", 8), 0);
	ring_release(&rings, e);
	cr_expect_null(ring_collect(&rings, &inbox), "it is not posted yet");
	ring_post(&rings, e);
	cr_expect_eq(ring_collect(&rings, &inbox), e);
	cr_expect_arr_eq(e->iov[1].iov_base, "12345678", 8);
	/* and not once more into what comes then */
	ring_take(&rings, e, 72, 0);
	cr_assert_eq(reply(e, 72, 0, "other", 5), 0);
	ring_post(&rings, e);
	cr_expect_eq(ring_collect(&rings, &inbox), e);
	cr_expect_arr_eq(e->iov[1].iov_base, "other", 5);
}

Test(ring, an_answer_too_long_to_be_put_aside_is_refused_and_the_request_still_answerable)
{
	struct ring_entry *e = held(70);

	cr_expect_eq(reply(e, 70, 0, "12345678901234567", 17), -EINVAL);
	cr_expect(data_are_there(e));
	cr_expect_eq(reply(e, 70, 0, "1234567890123456", 16), 0);
}

Test(ring, frozen_answers_go_with_an_error_and_the_data_stay_for_ever)
{
	struct ring_entry *stuck = held(70), *busy = held(72), *other = taken(74);
	int zeros;

	cr_assert_eq(reply(stuck, 70, 0, "12345678", 8), 0);
	ring_post(&rings, stuck);
	ring_freeze(&rings);
	cr_expect_eq(ring_collect(&rings, &inbox), stuck);
	cr_expect_null(ring_collect(&rings, &inbox), "who is not answered yet is left alone");
	cr_expect(ring_is_frozen(stuck));
	cr_expect_not(ring_is_frozen(busy));
	cr_expect_not(ring_is_frozen(other));
	cr_expect_eq(out_of(stuck).unique, 70);
	cr_expect_eq(out_of(stuck).error, -EIO);
	cr_expect_eq(size_of(stuck), 0);
	cr_expect(data_are_there(stuck));
	/* as the kernel writes */
	zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	cr_expect_eq(read(zeros, stuck->iov[1].iov_base, 8), -1, "it can be written to");
	cr_expect_eq(errno, EFAULT);
	close(zeros);
	/* the handler comes back after all */
	ring_release(&rings, stuck);
	cr_expect_null(ring_collect(&rings, &inbox), "it was given back twice");
	ring_freeze(&rings);
	cr_expect_null(ring_collect(&rings, &inbox), "it was given back twice");
	/* what comes next is refused */
	ring_take(&rings, stuck, 76, 0);
	cr_assert_eq(ring_fill_empty(stuck, 76), 0);
	ring_settle(&rings, stuck);
	cr_expect_eq(out_of(stuck).error, -EIO);
	cr_expect(data_are_there(stuck));
}

/* An answer for a handler that is stuck on its queue's own thread comes from another one. */
Test(ring, an_answer_takes_no_memory_from_who_reads_large_data)
{
	struct ring_entry *e[CAP];

	for (unsigned i = 0; i < CAP; i++) {
		e[i] = new_entry();
		receive_large(e[i], 100 + i);
		cr_assert_eq(reply(e[i], 100 + i, -EIO, NULL, 0), 0);
	}
	for (unsigned i = 0; i < CAP; i++)
		cr_expect_eq(((unsigned char *)e[i]->iov[1].iov_base)[LARGE - 1], 'w');
}

struct holder {
	pthread_barrier_t start, done;
	struct ring_entry *entry;
	unsigned rounds;
};

static void *release_each(void *arg)
{
	struct holder *h = arg;

	for (unsigned i = 0; i < h->rounds; i++) {
		pthread_barrier_wait(&h->start);
		ring_release(&rings, h->entry);
		pthread_barrier_wait(&h->done);
	}
	return NULL;
}

Test(ring, an_answer_and_a_release_at_once_give_it_back_once)
{
	struct holder h = {.entry = new_entry(), .rounds = 20000};
	pthread_t thread;

	pthread_barrier_init(&h.start, NULL, 2);
	pthread_barrier_init(&h.done, NULL, 2);
	cr_assert_eq(pthread_create(&thread, NULL, release_each, &h), 0);
	for (unsigned i = 0; i < h.rounds; i++) {
		char body[16];

		snprintf(body, sizeof(body), "%08u", i % 100000000u);
		ring_hold(h.entry);
		ring_take(&rings, h.entry, 2 * i + 2, 0);
		pthread_barrier_wait(&h.start);
		cr_assert_eq(reply(h.entry, 2 * i + 2, 0, body, 8), 0);
		ring_post(&rings, h.entry);
		pthread_barrier_wait(&h.done);
		cr_assert_eq(ring_collect(&rings, &inbox), h.entry);
		cr_assert_null(ring_collect(&rings, &inbox));
		cr_assert_arr_eq(h.entry->iov[1].iov_base, body, 8);
	}
	pthread_join(thread, NULL);
}

/* ---- two who answer ---- */

#define ROUNDS 20000u

struct race {
	pthread_barrier_t start, done;
	struct ring_entry *entry;
	atomic_uint won;
	int winner; /* errno value that it answered */
};

struct runner {
	struct race *race;
	int error;
};

static void *answer_each(void *arg)
{
	struct runner *me = arg;
	struct race *race = me->race;

	for (unsigned i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&race->start);
		if (reply(race->entry, 2 * i + 2, -me->error, NULL, 0) == 0) {
			atomic_fetch_add(&race->won, 1);
			race->winner = me->error;
			ring_post(&rings, race->entry);
		}
		pthread_barrier_wait(&race->done);
	}
	return NULL;
}

Test(ring, of_two_answers_at_once_exactly_one_wins)
{
	struct race race = {.entry = new_entry()};
	struct runner runner[2] = {{&race, ENOENT}, {&race, EIO}};
	pthread_t thread[2];

	pthread_barrier_init(&race.start, NULL, 3);
	pthread_barrier_init(&race.done, NULL, 3);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, answer_each, &runner[i]), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		atomic_store(&race.won, 0);
		ring_take(&rings, race.entry, 2 * i + 2, 0);
		pthread_barrier_wait(&race.start);
		pthread_barrier_wait(&race.done);
		cr_assert_eq(atomic_load(&race.won), 1);
		cr_assert_eq(out_of(race.entry).error, -race.winner);
		cr_assert_eq(ring_collect(&rings, &inbox), race.entry);
		cr_assert_null(ring_collect(&rings, &inbox));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

/* ---- many who post, one who collects ---- */

#define EACH 4u

static void *post_many(void *arg)
{
	struct ring_entry **mine = arg;

	for (unsigned i = 0; i < EACH; i++)
		ring_post(&rings, mine[i]);
	return NULL;
}

Test(ring, a_thread_that_sleeps_until_it_is_woken_gets_all_answers)
{
	struct ring_entry *e[2 * EACH];

	for (unsigned i = 0; i < 2 * EACH; i++)
		e[i] = new_entry();
	for (unsigned round = 0; round < 2000; round++) {
		unsigned got = 0;
		pthread_t thread[2];
		uint64_t count;

		for (int i = 0; i < 2; i++)
			cr_assert_eq(pthread_create(&thread[i], NULL, post_many, e + i * EACH), 0);
		while (got < 2 * EACH) {
			/* it hangs here if a wake-up is lost */
			cr_assert_eq(read(inbox.event_fd, &count, sizeof(count)), sizeof(count));
			while (ring_collect(&rings, &inbox))
				got++;
		}
		for (int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		cr_assert_eq(got, 2 * EACH);
		/* the last post may have found it empty again */
		while (is_awake())
			cr_assert_eq(read(inbox.event_fd, &count, sizeof(count)), sizeof(count));
	}
}

/*
 * The rules on timeouts: fractions of a second, none, and for ever.  The clock of a busy machine
 * cannot be relied on, so a try counts only if it was on time.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

#define MS      UINT64_C(1000000)
#define TIMEOUT (600 * MS)
/* what the kernel's tick may add */
#define TICK  (20 * MS)
#define TRIES 12

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t t)
{
	while (now() < t)
		nap(1);
}

/* What is looked at: an open file, whose attributes are asked for, or a name. */
struct target {
	int fd; /* -1: the name */
	const char *path;
	const char *op; /* what looking costs when the answer has expired */
};

/* How many requests one stat(2) costs, and when it was. */
struct look {
	unsigned long asked;
	uint64_t begin, end;
};

static struct look look(const struct daemon *d, const struct target *target)
{
	unsigned long before = sem_messages(d, target->op);
	struct look look = {.begin = now()};
	struct stat st;
	int ret = target->fd < 0 ? stat(target->path, &st) : fstat(target->fd, &st);

	look.end = now();
	cr_assert(ret == 0 || errno == ENOENT, "%s", strerror(errno));
	look.asked = sem_messages(d, target->op) - before;
	return look;
}

/*
 * The answer that the first look gets is good for TIMEOUT: it is not asked for shortly before the
 * end, and once afterwards, long before a whole second is over.
 */
static bool try_timeout(const struct daemon *d, const struct target *target)
{
	struct look fresh, before, after;

	nap(TIMEOUT / MS + 50);
	fresh = look(d, target);
	cr_assert_eq(fresh.asked, 1, "it was not asked for anew");
	sleep_until(fresh.begin + 400 * MS);
	before = look(d, target);
	if (before.end >= fresh.begin + TIMEOUT)
		return false;
	cr_assert_eq(before.asked, 0, "it was good for less than 600 ms");
	sleep_until(fresh.end + TIMEOUT + TICK);
	after = look(d, target);
	if (after.begin >= fresh.begin + 1000 * MS)
		return false;
	cr_assert_eq(after.asked, 1, "it was still good after 620 ms");
	return true;
}

static void check_timeout(const struct daemon *d, const struct target *target)
{
	for (int i = 0; i < TRIES; i++)
		if (try_timeout(d, target))
			return;
	harness_skip("the machine is too busy to measure 600 ms");
}

SEM_FACT_WITHIN(timeouts, attributes_are_good_for_a_fraction_of_a_second, 60)
{
	struct target target = {.op = "GETATTR"};
	struct daemon d;

	sem_start(&d, backend, "-o", "attr_timeout=600000000", NULL);
	target.fd = files_create(daemon_path(&d, "f"));
	check_timeout(&d, &target);
	close(target.fd);
	sem_stop(&d);
}

SEM_FACT_WITHIN(timeouts, entries_are_good_for_a_fraction_of_a_second, 60)
{
	struct target target = {.fd = -1, .op = "LOOKUP"};
	struct daemon d;

	sem_start(&d, backend, "-o", "entry_timeout=600000000", NULL);
	target.path = daemon_path(&d, "f");
	close(files_create(target.path));
	check_timeout(&d, &target);
	sem_stop(&d);
}

SEM_FACT_WITHIN(timeouts, absence_is_good_for_a_fraction_of_a_second, 60)
{
	struct target target = {.fd = -1, .op = "LOOKUP"};
	struct daemon d;

	sem_start(&d, backend, "-o", "negative_timeout=600000000", NULL);
	target.path = daemon_path(&d, "absent");
	check_timeout(&d, &target);
	sem_stop(&d);
}

SEM_FACT(timeouts, for_ever_is_never_asked_again)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	sem_put(&d, "f", "text");
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0);
	/* the write has made the size and times unknown, and the first stat has asked */
	SEM_MESSAGES(&d, "", {
		cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0);
		nap(1500);
		cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0);
	});
	sem_stop(&d);
}

SEM_FACT(timeouts, none_means_asked_each_time)
{
	struct daemon d;
	int fd;

	sem_start(&d, backend, "-o", "attr_timeout=0", NULL);
	fd = files_create(daemon_path(&d, "f"));
	SEM_MESSAGES(&d, "GETATTR+5", {
		for (int i = 0; i < 5; i++)
			files_stat(fd);
	});
	close(fd);
	sem_stop(&d);
}

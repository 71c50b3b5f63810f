/*
 * Runs a plan: rounds over systems over phases, each phase by all client threads at once.
 * Owns the clients and their directories; must not know what a phase does.
 */
#include "fsbench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* One phase on one system, which its threads share. */
struct job {
	const struct plan *plan;
	const struct system *system;
	const struct phase *phase;
	pthread_barrier_t ready;
};

/* A thread's share of one phase. */
struct share {
	struct client *client;
	struct job *job;
	bool first; /* the one that calls the hook */
	pthread_t thread;
	uint64_t begin, end, done;
	int error;
};

static void *share_run(void *argument)
{
	struct share *share = argument;
	struct job *job = share->job;
	const struct phase *phase = job->phase;

	int error = phase_prepare(share->client, phase);
	pthread_barrier_wait(&job->ready);
	if (share->first)
		hook_call(job->plan, "begin", job->system, phase, 0);
	pthread_barrier_wait(&job->ready);
	share->begin = clock_now();
	do {
		if (error == 0)
			error = phase->body(share->client, &share->done);
		share->end = clock_now();
	} while (error == 0 && (phase->flags & PHASE_REPEATS) &&
		 share->end - share->begin < REPEAT_NS);
	share->error = error;
	if (error == 0)
		phase_finish(share->client, phase);
	return NULL;
}

/* Sum the threads' shares into a rate per second; the first error wins. */
static int shares_rate(const struct share *shares, unsigned count, double *rate, uint64_t *done)
{
	uint64_t begin = UINT64_MAX, end = 0;

	*done = 0;
	for (unsigned i = 0; i < count; i++) {
		if (shares[i].error != 0)
			return shares[i].error;
		begin = shares[i].begin < begin ? shares[i].begin : begin;
		end = shares[i].end > end ? shares[i].end : end;
		*done += shares[i].done;
	}
	*rate = (double)*done * 1e9 / (double)(end > begin ? end - begin : 1);
	if (shares[0].job->phase->flags & PHASE_MIB)
		*rate /= 1 << 20;
	return 0;
}

static int phase_measure(struct client *clients, struct job *job, double *rate)
{
	unsigned count = job->plan->threads;
	struct share *shares = calloc(count, sizeof(*shares));
	uint64_t done;

	if (shares == NULL)
		return -ENOMEM;
	pthread_barrier_init(&job->ready, NULL, count);
	for (unsigned i = 0; i < count; i++) {
		shares[i] = (struct share){.client = &clients[i], .job = job, .first = i == 0};
		int error = pthread_create(&shares[i].thread, NULL, share_run, &shares[i]);
		if (error != 0) {
			/* The others wait at the barrier for one that never comes. */
			fprintf(stderr, "fsbench: cannot start a thread: %s\n", strerror(error));
			_exit(1);
		}
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(shares[i].thread, NULL);
	int error = shares_rate(shares, count, rate, &done);
	if (error == 0)
		hook_call(job->plan, "end", job->system, job->phase, done);
	pthread_barrier_destroy(&job->ready);
	free(shares);
	return error;
}

static void client_name(char name[static 16], char letter, unsigned n)
{
	snprintf(name, 16, "%c%u", letter, n);
}

static int client_open(struct client *client, const struct plan *plan, int top, unsigned n)
{
	char name[16];

	*client = (struct client){.dirfd = -1,
				  .bigdir = top,
				  .files = plan->files,
				  .size = plan->size,
				  .seed = 0x9e3779b97f4a7c15ULL * (n + 1),
				  .state = STATE_EMPTY};
	client_name(client->big, 'b', n);
	client_name(name, 't', n);
	if (posix_memalign(&client->buffer, BLOCK_SIZE, CHUNK_SIZE) != 0)
		return -ENOMEM;
	memset(client->buffer, 'x', CHUNK_SIZE);
	if (mkdirat(top, name, 0755) != 0)
		return -errno;
	client->dirfd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return client->dirfd < 0 ? -errno : 0;
}

/* Leave nothing behind, also after a failure; what cannot be removed is left. */
static void client_close(struct client *client, unsigned n)
{
	char name[16];

	client_name(name, 't', n);
	if (client->dirfd >= 0) {
		phase_clear(client);
		close(client->dirfd);
		unlinkat(client->bigdir, name, AT_REMOVEDIR);
	}
	free(client->buffer);
}

static int phases_run(const struct plan *plan, struct samples *samples, unsigned system,
		      unsigned round, struct client *clients)
{
	for (unsigned i = 0; i < plan->phase_count; i++) {
		double rate = -1;
		struct job job = {
			.plan = plan, .system = &plan->systems[system], .phase = plan->phases[i]};
		int error = phase_measure(clients, &job, &rate);

		if (error != 0 && error != -EOPNOTSUPP) {
			fprintf(stderr, "fsbench: %s: %s: %s\n", plan->systems[system].name,
				plan->phases[i]->name, strerror(-error));
			return -1;
		}
		samples->rate[i][system][round] = rate;
	}
	return 0;
}

/* One system's turn in one round, in a fresh directory of its own. */
static int turn_run(const struct plan *plan, struct samples *samples, unsigned system,
		    unsigned round)
{
	char path[4096];
	unsigned opened = 0;
	int error = 0, result = -1, top = -1;
	struct client *clients = calloc(plan->threads, sizeof(*clients));

	snprintf(path, sizeof(path), "%s/fsbench.%d", plan->systems[system].dir, (int)getpid());
	if (clients == NULL)
		error = -ENOMEM;
	else if (mkdir(path, 0755) != 0 ||
		 (top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		error = -errno;
	while (error == 0 && opened < plan->threads) {
		error = client_open(&clients[opened], plan, top, opened);
		opened++;
	}
	if (error == 0)
		result = phases_run(plan, samples, system, round, clients);
	else
		fprintf(stderr, "fsbench: %s: %s: %s\n", plan->systems[system].name, path,
			strerror(-error));
	for (unsigned i = 0; i < opened; i++)
		client_close(&clients[i], i);
	if (top >= 0)
		close(top);
	rmdir(path);
	free(clients);
	return result;
}

int run_plan(const struct plan *plan, struct samples *samples)
{
	for (unsigned round = 0; round < plan->rounds; round++)
		for (unsigned i = 0; i < plan->system_count; i++)
			if (turn_run(plan, samples, (i + round) % plan->system_count, round) != 0)
				return -1;
	return 0;
}

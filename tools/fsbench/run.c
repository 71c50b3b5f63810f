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
	share->client->paused = 0;
	memset(&share->client->latency, 0, sizeof(share->client->latency));
	share->begin = clock_now();
	do {
		if (error == 0)
			error = phase->body(share->client, &share->done);
		share->end = clock_now();
	} while (error == 0 && (phase->flags & PHASE_REPEATS) &&
		 share->end - share->begin < REPEAT_NS);
	share->end -= share->client->paused;
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

static unsigned system_threads(const struct plan *plan, const struct system *system)
{
	return system->threads > 0 ? system->threads : plan->threads;
}

/* Run one phase by all clients; the rate stays as it is if the phase fails. */
static int phase_measure(struct client *clients, struct job *job, double *rate)
{
	unsigned count = system_threads(job->plan, job->system);
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

static int client_open(struct client *client, const struct plan *plan, int top, unsigned n)
{
	char name[16];

	client->bigdir = top;
	client->state = STATE_EMPTY;
	snprintf(client->big, sizeof(client->big), "b%u", n);
	snprintf(name, sizeof(name), "t%u", n);
	client->files = plan->files;
	if (mkdirat(top, name, 0755) != 0)
		return -errno;
	client->dirfd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return client->dirfd < 0 ? -errno : 0;
}

static int client_start(struct client *client, const struct plan *plan, unsigned n)
{
	*client = (struct client){
		.dirfd = -1, .size = plan->size, .seed = 0x9e3779b97f4a7c15ULL * (n + 1)};
	if (posix_memalign(&client->buffer, BLOCK_SIZE, CHUNK_SIZE) != 0)
		return -ENOMEM;
	memset(client->buffer, 'x', CHUNK_SIZE);
	return 0;
}

/* Leave nothing behind, also after a failure; what cannot be removed is left. */
static void client_close(struct client *client, unsigned n)
{
	char name[16];

	snprintf(name, sizeof(name), "t%u", n);
	if (client->dirfd >= 0) {
		phase_clear(client);
		close(client->dirfd);
		unlinkat(client->bigdir, name, AT_REMOVEDIR);
	}
	free(client->buffer);
}

/* Keep what one phase gave in one round. */
static void sample_keep(const struct job *job, const struct client *clients,
			struct samples *samples, unsigned phase, double rate)
{
	unsigned system = (unsigned)(job->system - job->plan->systems);
	unsigned round = samples->count[phase][system]++;
	struct histogram all = {.count = 0};

	samples->rate[phase][system][round] = rate;
	if (rate < 0 || !(job->phase->flags & PHASE_TRIP))
		return;
	for (unsigned i = 0; i < system_threads(job->plan, job->system); i++)
		histogram_merge(&all, &clients[i].latency);
	histogram_merge(&samples->latency[phase][system], &all);
	samples->tail[phase][system][round] =
		(struct tail){.p50 = (double)histogram_quantile(&all, 0.5) / 1e3,
			      .p99 = (double)histogram_quantile(&all, 0.99) / 1e3,
			      .p999 = (double)histogram_quantile(&all, 0.999) / 1e3};
}

static int phases_run(const struct plan *plan, struct samples *samples, unsigned system,
		      struct client *clients)
{
	for (unsigned i = 0; i < plan->phase_count; i++) {
		double rate = -1;
		if (clients[0].dirfd < 0 && !(plan->phases[i]->flags & PHASE_TRIP))
			continue; /* a single file cannot */
		struct job job = {
			.plan = plan, .system = &plan->systems[system], .phase = plan->phases[i]};
		int error = phase_measure(clients, &job, &rate);

		if (error != 0 && error != -EOPNOTSUPP) {
			fprintf(stderr, "fsbench: %s: %s: %s\n", plan->systems[system].name,
				plan->phases[i]->name, strerror(-error));
			return -1;
		}
		sample_keep(&job, clients, samples, i, rate);
	}
	return 0;
}

static int turn_failed(const struct system *system, int error)
{
	fprintf(stderr, "fsbench: %s: %s: %s\n", system->name, system->dir, strerror(-error));
	return -1;
}

/* A turn of a system that is a directory, in a fresh directory there. */
static int turn_directory(const struct plan *plan, struct samples *samples, unsigned system,
			  struct client *clients)
{
	unsigned opened = 0, threads = system_threads(plan, &plan->systems[system]);
	char path[4096];
	int error = 0, top = -1;

	snprintf(path, sizeof(path), "%s/fsbench.%d", plan->systems[system].dir, (int)getpid());
	if (mkdir(path, 0755) != 0 || (top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		error = -errno;
	while (error == 0 && opened < threads) {
		error = client_open(&clients[opened], plan, top, opened);
		opened++;
	}
	int result = error == 0 ? phases_run(plan, samples, system, clients)
				: turn_failed(&plan->systems[system], error);
	for (unsigned i = 0; i < threads; i++)
		client_close(&clients[i], i);
	if (top >= 0)
		close(top);
	rmdir(path);
	return result;
}

/* A turn of a system that is one file, which all client threads share. */
static int turn_file(const struct plan *plan, struct samples *samples, unsigned system,
		     struct client *clients)
{
	unsigned threads = system_threads(plan, &plan->systems[system]);

	for (unsigned i = 0; i < threads; i++) {
		clients[i].bigdir = AT_FDCWD;
		snprintf(clients[i].big, sizeof(clients[i].big), "%s", plan->systems[system].dir);
	}
	int result = phases_run(plan, samples, system, clients);
	for (unsigned i = 0; i < threads; i++)
		client_close(&clients[i], i);
	return result;
}

static int turn_run(const struct plan *plan, struct samples *samples, unsigned system)
{
	unsigned threads = system_threads(plan, &plan->systems[system]);
	struct client *clients = calloc(threads, sizeof(*clients));
	struct stat st;
	int result, error = clients == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; i < threads && error == 0; i++)
		error = client_start(&clients[i], plan, i);
	if (error == 0 && stat(plan->systems[system].dir, &st) != 0)
		error = -errno;
	if (error != 0)
		result = turn_failed(&plan->systems[system], error);
	else if (S_ISDIR(st.st_mode))
		result = turn_directory(plan, samples, system, clients);
	else
		result = turn_file(plan, samples, system, clients);
	free(clients);
	return result;
}

int run_plan(const struct plan *plan, struct samples *samples)
{
	for (unsigned round = 0; round < plan->rounds; round++)
		for (unsigned i = 0; i < plan->system_count; i++)
			if (turn_run(plan, samples, (i + round) % plan->system_count) != 0)
				return -1;
	return 0;
}

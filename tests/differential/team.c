/*
 * Starts, orders and ends the processes of a run (see team.h).
 * Knows nothing of what operations mean.
 */
#include "team.h"

#include "janitor.h"
#include "touch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Orders to a process; it answers with one byte: 'k' or, with a note, 'e'. */
enum {
	ORDER_PREPARE = 'P',
	ORDER_RUN = 'X',
	ORDER_MAKE = 'M',
	ORDER_REMOVE = 'R',
	ANSWER_DONE = 'k',
	ANSWER_FAILED = 'e',
};

enum { EXIT_NAPS = 10000 }; /* naps of 0.2 ms that a process may take to end */

/* Who the processes are: two of them are the same user, the last two are root. */
static const struct {
	uid_t uid;
	gid_t gid, more; /* more: a supplementary group, 0 for none */
} users[PROCS_MAX] = {
	{0, 0, 0},          {1001, 1001, 1002}, {1002, 1002, 0}, {1001, 1001, 1002},
	{1003, 1001, 1002}, {1002, 1001, 0},    {0, 0, 1001},    {0, 0, 0},
};

/* ---- inside the processes ---- */

static void become(int proc)
{
	int groups = users[proc].more ? 1 : 0;

	if (setgroups((size_t)groups, &users[proc].more) < 0 ||
	    setresgid(users[proc].gid, users[proc].gid, users[proc].gid) < 0 ||
	    setresuid(users[proc].uid, users[proc].uid, users[proc].uid) < 0)
		_exit(3);
	umask(022);
}

static int obey(struct worker *w, struct team *t, char order)
{
	struct shared *shm = t->shm;

	switch (order) {
	case ORDER_PREPARE:
		worker_prepare(w, &shm->op, &shm->res[w->side]);
		return 0;
	case ORDER_RUN:
		worker_run(w, &shm->op, &shm->res[w->side]);
		return 0;
	case ORDER_MAKE:
		return janitor_make(w, t->epoch);
	case ORDER_REMOVE:
		return janitor_remove(w, t->epoch);
	default:
		return -1;
	}
}

/* Every process but the janitor sees only the epoch's directory. */
static void enter(const struct team *t, int proc, int side)
{
	bool behind = *t->behind && side == 0 && proc == t->procs - 1;
	char dir[PATH_BYTES];

	snprintf(dir, sizeof(dir), "%s/e%u", behind ? t->behind : t->dir[side], t->epoch);
	if (chdir(proc == JANITOR ? t->dir[side] : dir) < 0)
		_exit(3);
	if (proc == JANITOR) {
		umask(0);
		return;
	}
	if (chroot(".") < 0)
		_exit(3);
	become(proc);
}

static void __attribute__((noreturn)) serve(struct team *t, int proc, int side, int sock)
{
	static struct worker w;
	unsigned char order[1 + sizeof(t->epoch)];
	ssize_t got;

	worker_init(&w, side, proc, t->shm);
	w.proc_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	enter(t, proc, side);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	touch_init();
	for (char answer = ANSWER_DONE; write(sock, &answer, 1) == 1;) {
		got = recv(sock, order, sizeof(order), 0);
		if (got <= 0)
			break;
		memcpy(&t->epoch, order + 1, sizeof(t->epoch));
		answer = obey(&w, t, (char)order[0]) < 0 ? ANSWER_FAILED : ANSWER_DONE;
	}
	_exit(0);
}

/* ---- the coordinator's view ---- */

/* Where a process that does not answer sits in the kernel. */
static void explain_hang(struct team *t, const struct seat *s, int proc, int side)
{
	char path[64], stack[2048] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", (int)s->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = read(fd, stack, sizeof(stack) - 1);

		stack[n > 0 ? n : 0] = '\0';
		close(fd);
	}
	snprintf(t->failure, sizeof(t->failure),
		 "process p%d (pid %d) on side %c did not answer in %d s\n%s", proc, (int)s->pid,
		 'A' + side, t->timeout, stack);
}

static int await_answer(struct team *t, int proc, int side)
{
	struct seat *s = &t->seat[proc][side];
	struct pollfd p = {.fd = s->sock, .events = POLLIN};
	int ready = poll(&p, 1, t->timeout * 1000);
	char answer;

	if (ready == 0) {
		explain_hang(t, s, proc, side);
		return -2;
	}
	if (ready < 0 || recv(s->sock, &answer, 1, 0) != 1) {
		snprintf(t->failure, sizeof(t->failure), "process p%d on side %c died", proc,
			 'A' + side);
		return -1;
	}
	if (answer != ANSWER_DONE) {
		snprintf(t->failure, sizeof(t->failure), "side %c: %s", 'A' + side,
			 t->shm->note[side]);
		return -1;
	}
	return 0;
}

static int give_order(struct team *t, int proc, int side, char order)
{
	unsigned char message[1 + sizeof(t->epoch)] = {(unsigned char)order};

	memcpy(message + 1, &t->epoch, sizeof(t->epoch));
	if (send(t->seat[proc][side].sock, message, sizeof(message), MSG_NOSIGNAL) < 0) {
		snprintf(t->failure, sizeof(t->failure), "process p%d on side %c is gone", proc,
			 'A' + side);
		return -1;
	}
	return await_answer(t, proc, side);
}

static void close_seats(struct team *t)
{
	for (int p = 0; p <= PROCS_MAX; p++)
		for (int side = 0; side < 2; side++)
			if (t->seat[p][side].pid)
				close(t->seat[p][side].sock);
}

static int seat_fill(struct team *t, int proc, int side)
{
	struct seat *s = &t->seat[proc][side];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		snprintf(t->failure, sizeof(t->failure), "socketpair: %s", strerror(errno));
		return -1;
	}
	fflush(NULL);
	pid_t pid = fork();

	if (pid == 0) {
		close(pair[0]);
		close_seats(t);
		serve(t, proc, side, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		snprintf(t->failure, sizeof(t->failure), "fork: %s", strerror(errno));
		return -1;
	}
	*s = (struct seat){pid, pair[0]};
	if (proc < PROCS_MAX)
		t->shm->pid[proc][side] = pid;
	return await_answer(t, proc, side);
}

/* Ends a process: by the closed socket or, when that does not help in time, by force. */
static void seat_empty(struct seat *s, bool force)
{
	struct timespec nap = {0, 200000};

	if (!s->pid)
		return;
	close(s->sock);
	if (force)
		kill(s->pid, SIGKILL);
	for (int i = 0; waitpid(s->pid, NULL, WNOHANG) == 0; i++) {
		if (i == EXIT_NAPS)
			kill(s->pid, SIGKILL);
		if (i == 2 * EXIT_NAPS)
			break;
		nanosleep(&nap, NULL);
	}
	*s = (struct seat){0};
}

int team_start(struct team *t, const char *const dir[2], const char *behind, int procs, int timeout)
{
	memset(t, 0, sizeof(*t));
	t->dir[0] = dir[0];
	t->dir[1] = dir[1];
	t->behind = behind;
	t->procs = procs;
	t->timeout = timeout;
	t->shm = mmap(NULL, sizeof(*t->shm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (t->shm == MAP_FAILED) {
		snprintf(t->failure, sizeof(t->failure), "mmap: %s", strerror(errno));
		return -1;
	}
	for (int side = 0; side < 2; side++) {
		int ret = seat_fill(t, JANITOR, side);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int order_both(struct team *t, int proc, char order)
{
	for (int side = 0; side < 2; side++) {
		int ret = give_order(t, proc, side, order);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int team_epoch_begin(struct team *t)
{
	int ret;

	t->epoch++;
	ret = order_both(t, JANITOR, ORDER_MAKE);
	for (int p = 0; p < t->procs && ret == 0; p++)
		for (int side = 0; side < 2 && ret == 0; side++)
			ret = seat_fill(t, p, side);
	return ret;
}

/*
 * Waits until the coarse clock that file systems stamp with has passed this moment.  One tick of it
 * is not enough: it lags behind the fine clock, from which recent stamps may have been taken.
 */
static void await_tick(void)
{
	struct timespec start, now, nap = {0, 100000};

	clock_gettime(CLOCK_REALTIME, &start);
	do {
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec < start.tv_sec ||
		 (now.tv_sec == start.tv_sec && now.tv_nsec <= start.tv_nsec));
}

int team_run(struct team *t)
{
	const struct op *op = &t->shm->op;

	if (op->flags & OP_TIMED) {
		int ret = order_both(t, op->proc, ORDER_PREPARE);

		if (ret < 0)
			return ret;
		await_tick();
	}
	return order_both(t, op->proc, ORDER_RUN);
}

int team_epoch_end(struct team *t)
{
	for (int p = 0; p < PROCS_MAX; p++)
		for (int side = 0; side < 2; side++)
			seat_empty(&t->seat[p][side], false);
	return order_both(t, JANITOR, ORDER_REMOVE);
}

void team_stop(struct team *t)
{
	for (int p = 0; p <= PROCS_MAX; p++)
		for (int side = 0; side < 2; side++)
			seat_empty(&t->seat[p][side], true);
	munmap(t->shm, sizeof(*t->shm));
}

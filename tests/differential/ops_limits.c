/*
 * Operations at limits: the limit on a file's size, programs that must not be written to, and (only
 * where asked for, on small mounts) a full file system.  Knows nothing of the other side.
 */
#include "allow.h"
#include "gen.h"
#include "ops.h"
#include "spare.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- RLIMIT_FSIZE ---- */

enum { UNDER_WRITE, UNDER_TRUNCATE, UNDER_FALLOCATE, UNDER_KINDS };

static void gen_fsize(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_FILE);
	op->num[1] = (int64_t)rng_below(&g->rng, UNDER_KINDS);
	op->num[2] = (int64_t)rng_below(&g->rng, 20000);
	op->num[3] = gen_offset(g, op->num[0]);
	op->num[4] = 1 + gen_length(g);
}

static volatile sig_atomic_t told;

static void on_xfsz(int sig)
{
	(void)sig;
	told++;
}

static int64_t do_under(struct worker *w, const struct op *op)
{
	int fd = worker_fd(w, op->num[0]);

	if (op->num[1] == UNDER_TRUNCATE)
		return ftruncate(fd, op->num[3]);
	if (op->num[1] == UNDER_FALLOCATE)
		return fallocate(fd, 0, op->num[3], op->num[4]);
	memset(worker_data(w), 'l', (size_t)op->num[4]);
	return pwrite(fd, worker_data(w), (size_t)op->num[4], op->num[3]);
}

static void exec_fsize(struct worker *w, const struct op *op, struct result *r)
{
	struct sigaction sa = {.sa_handler = on_xfsz}, sa_was;
	struct rlimit limit = {.rlim_cur = (rlim_t)op->num[2]}, was;

	told = 0;
	if (op->num[1] == UNDER_FALLOCATE && allow_is_on("ext4-limit"))
		return;
	if (op->num[4] < 0 || op->num[4] > DATA_MAX || getrlimit(RLIMIT_FSIZE, &was) < 0 ||
	    spare_limited(worker_fd(w, op->num[0]), op->num[3], op->num[4]))
		return;
	limit.rlim_max = was.rlim_max;
	sigaction(SIGXFSZ, &sa, &sa_was);
	setrlimit(RLIMIT_FSIZE, &limit);
	worker_done(r, do_under(w, op));
	setrlimit(RLIMIT_FSIZE, &was);
	sigaction(SIGXFSZ, &sa_was, NULL);
	worker_say(w, r, "signals=%d", (int)told);
}

/* ---- programs ---- */

/* A whole ELF program that does nothing but pause(2); none where its machine code is not known:
 * then no exec succeeds, on both sides. */
#ifdef __x86_64__
static const unsigned char program[] = {
	/* header: 64-bit, little-endian, executable, x86-64; entry behind both headers */
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0,
	0x40, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 56,
	0, 1, 0, 0, 0, 0, 0, 0, 0,
	/* the one segment: 129 bytes from the file's start, to read and execute */
	1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0,
	0, 0, 0, 129, 0, 0, 0, 0, 0, 0, 0, 129, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0,
	/* mov $34, %eax; syscall; jmp back */
	0xb8, 34, 0, 0, 0, 0x0f, 5, 0xeb, 0xf7};
#else
static const unsigned char program[] = {0};
#endif

enum { PROGRAM_SECONDS = 10 /* that a program may live if nobody ends it */ };

static void gen_exec(struct gen *g, struct op *op)
{
	op->num[0] = rng_chance(&g->rng, 60);
	gen_path(g, op, 0, WANT_FILE);
}

/* 0 when the program runs, else the errno of execve(2). */
static int start(const char *path, pid_t *pid)
{
	char *argv[] = {(char *)path, NULL}, *envp[] = {NULL};
	int report[2], err = 0;

	if (pipe2(report, O_CLOEXEC) < 0)
		return errno;
	*pid = fork();
	if (*pid == 0) {
		alarm(PROGRAM_SECONDS);
		execve(path, argv, envp);
		err = errno;
		_exit(write(report[1], &err, sizeof(err)) < 0);
	}
	close(report[1]);
	if (*pid < 0 || (read(report[0], &err, sizeof(err)) > 0 && waitpid(*pid, NULL, 0) != *pid))
		err = EAGAIN;
	close(report[0]);
	return err;
}

/* What the running program's file refuses. */
static void poke(struct worker *w, struct result *r, const char *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	worker_say(w, r, "open=%d", fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
	worker_say(w, r, " truncate=%d", truncate(path, sizeof(program)) < 0 ? errno : 0);
}

/* Not through a symlink: that would make a name which the path does not tell. */
static void put_program(struct worker *w, struct result *r, const char *path)
{
	int fd = spare_resize_at(AT_FDCWD, path) ? -1
						 : open(path,
							O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
								O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
							0755);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || spare_write(fd, 0, 0)) {
		worker_say(w, r, "no program\n");
	} else {
		ssize_t put = write(fd, program, sizeof(program));

		worker_say(w, r, "program=%zd\n", put);
	}
	if (fd >= 0)
		close(fd);
}

static void exec_exec(struct worker *w, const struct op *op, struct result *r)
{
	pid_t pid = -1;
	int err;

	if (op->num[0])
		put_program(w, r, w->path[0]);
	err = start(w->path[0], &pid);
	r->ret = err ? -1 : 0;
	r->err = err;
	if (err)
		return;
	poke(w, r, w->path[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static const struct op_row rows[] = {
	{"fsize", "limits", 6, 0, "hdddd", gen_fsize, exec_fsize},
	{"exec", "limits", 6, ROW_NAMES | ROW_LEAVES | ROW_READS, "pd", gen_exec, exec_exec},
};

const struct op_table ops_limits = OP_TABLE(rows);

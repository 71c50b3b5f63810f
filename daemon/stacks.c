/*
 * Asks one thread after the other for its stack, by a signal whose handler unwinds it, and logs the
 * answers.  It must not know what the threads do, nor how addresses get names.
 *
 * One question is open at a time.  Whoever is asked unwinds into memory of its own and then claims
 * the question; only then it may write the answer.  A question that is withdrawn cannot be claimed
 * any more, so a thread that answers too late writes nothing.
 */
#include "stacks.h"

#include <errno.h>
#include <execinfo.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "symbols.h"
#include "threads.h"

#define MAX_FRAMES     96
#define LINE_MAX_BYTES 512

#define NS_PER_MS UINT64_C(1000000)
/* How long an answer may take; a thread that blocks the signal may do so for a moment only.  All
 * that do not answer get up to the half of what is left of BUDGET each, so that a hundred of them
 * are told within seconds. */
#define PATIENCE         (500 * NS_PER_MS)
#define BLOCKED_PATIENCE (50 * NS_PER_MS)
#define MIN_PATIENCE     (20 * NS_PER_MS)
#define BUDGET           (2000 * NS_PER_MS)

struct trace {
	int count;
	bool cut;         /* there are more */
	bool interrupted; /* frame 0 is where a signal came, not the return from a call */
	void *frames[MAX_FRAMES];
};

/* The thread that is asked, and the question's generation above it; 0: no question is open. */
static _Atomic uint64_t question;
#define CLAIMED UINT64_C(0x80000000) /* no thread has so high a number */

static struct trace answer;       /* belongs to who claimed the question, then to who asked */
static _Atomic uint32_t answered; /* the generation of the last answer; a futex */

/* Of stacks_log(), one at a time. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t generation;
static struct symbols symbols;
static struct threads threads;
static uint64_t budget; /* ns */

static int ask_signal(void)
{
	return SIGRTMIN + 1;
}

/* ---- in the thread that is asked ------------------------------------------------------------- */

static const void *interrupted_at(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (const void *)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
	return (const void *)context->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
	return (const void *)context->uc_mcontext.pc;
#elif defined(__riscv)
	return (const void *)context->uc_mcontext.__gregs[REG_PC];
#else
	(void)context;
	return NULL;
#endif
}

/* Takes `count` frames over: those from `from` on, or all but the first `otherwise` when it is not
 * among them. */
static void fill_trace(struct trace *t, void *const *frames, int count, const void *from,
		       int otherwise)
{
	int first = 0;

	while (first < count && frames[first] != from)
		first++;
	t->interrupted = first < count;
	if (!t->interrupted)
		first = otherwise < count ? otherwise : count;
	t->cut = count == MAX_FRAMES;
	t->count = count - first;
	memcpy(t->frames, frames + first, (size_t)t->count * sizeof *frames);
}

static void on_ask(int signal, siginfo_t *info, void *context)
{
	const int saved = errno;
	uint64_t q = atomic_load(&question);
	void *frames[MAX_FRAMES];
	int count;

	(void)signal;
	(void)info;
	if (q == (q >> 32 << 32 | (uint64_t)gettid())) {
		count = backtrace(frames, MAX_FRAMES);
		if (atomic_compare_exchange_strong(&question, &q, q | CLAIMED)) {
			/* without this function and the kernel's way to it */
			fill_trace(&answer, frames, count, interrupted_at(context), 2);
			atomic_store(&answered, (uint32_t)(q >> 32));
			syscall(SYS_futex, &answered, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		}
	}
	errno = saved;
}

/* ---- in the thread that asks ----------------------------------------------------------------- */

/* false: not within `patience` ns. */
static bool wait_answer(uint32_t which, uint64_t patience)
{
	const uint64_t until = clock_now() + patience;
	uint32_t seen;

	while ((seen = atomic_load(&answered)) != which) {
		uint64_t now = clock_now();
		struct timespec left;

		if (now >= until)
			return false;
		left = clock_timespec(until - now);
		syscall(SYS_futex, &answered, FUTEX_WAIT_PRIVATE, seen, &left, NULL, 0);
	}
	return true;
}

/*
 * How long to wait for the answer, at most `patience`; 0: the thread has ended.  The signal of an
 * older question that is still to come will do as well: they shall not pile up.
 */
static uint64_t send_signal(pid_t tid, uint64_t patience, struct thread_info *info)
{
	const uint64_t bit = UINT64_C(1) << (ask_signal() - 1);

	if (!threads_read(tid, info))
		return 0;
	if (!(info->pending & bit) && syscall(SYS_tgkill, getpid(), tid, ask_signal()) < 0)
		return 0;
	return (info->blocked & bit) && patience > BLOCKED_PATIENCE ? BLOCKED_PATIENCE : patience;
}

/* true: `answer` is that thread's, and *info tells about it. */
static bool ask(pid_t tid, uint64_t patience, struct thread_info *info)
{
	uint64_t q = atomic_load(&question);

	/* Somebody has claimed his question and was stopped then: nobody else can be asked. */
	if (q != 0 && !wait_answer((uint32_t)(q >> 32), patience))
		return false;
	if (++generation == 0)
		generation = 1;
	q = (uint64_t)generation << 32 | (uint64_t)tid;
	atomic_store(&question, q);
	wait_answer(generation, send_signal(tid, patience, info));
	if (atomic_compare_exchange_strong(&question, &q, 0))
		return false;
	if (!wait_answer(generation, patience))
		return false;
	atomic_store(&question, 0);
	return true;
}

/* ---- log lines ------------------------------------------------------------------------------- */

static void log_frame(int number, const void *address, bool is_return)
{
	char name[LINE_MAX_BYTES];

	/* A call may be the last instruction of its function: what it returns to is another's. */
	symbols_name(&symbols, is_return && address ? (const char *)address - 1 : address, name,
		     sizeof name);
	log_asked("  #%d %s", number, name);
}

static void log_trace(pid_t tid, const struct thread_info *info, const struct trace *t)
{
	log_asked("thread %d %s:", (int)tid, info->name);
	for (int i = 0; i < t->count; i++)
		log_frame(i, t->frames[i], i > 0 || !t->interrupted);
	if (t->cut)
		log_asked("  ... and more frames");
	if (t->count == 0)
		log_asked("  no frames: it cannot be unwound");
}

static void log_silent(pid_t tid)
{
	struct thread_info info;
	char where[128];
	const void *pc;

	if (!threads_read(tid, &info))
		return; /* it has ended */
	threads_where(tid, where, sizeof where, &pc);
	log_asked("thread %d %s does not answer%s: state %s%s", (int)tid, info.name,
		  info.blocked >> (ask_signal() - 1) & 1 ? " (it blocks the signal)" : "",
		  info.state, where);
	if (pc)
		log_frame(0, pc, false);
}

static void log_other(pid_t tid)
{
	uint64_t began = clock_now(), took, patience = budget / 2;
	struct thread_info info;

	if (patience > PATIENCE)
		patience = PATIENCE;
	if (patience < MIN_PATIENCE)
		patience = MIN_PATIENCE;
	if (ask(tid, patience, &info)) {
		log_trace(tid, &info, &answer);
		return;
	}
	took = clock_now() - began;
	budget -= took < budget ? took : budget;
	log_silent(tid);
}

static void log_self(const void *caller)
{
	struct thread_info info;
	struct trace mine;
	void *frames[MAX_FRAMES];
	int count = backtrace(frames, MAX_FRAMES);

	fill_trace(&mine, frames, count, caller, 1);
	mine.interrupted = false;
	threads_read(gettid(), &info);
	log_trace(gettid(), &info, &mine);
}

/* ---- the interface --------------------------------------------------------------------------- */

int stacks_open(struct err *err)
{
	struct sigaction sa = {.sa_sigaction = on_ask,
			       .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	void *frame;
	sigset_t set;

	backtrace(&frame, 1);
	sigemptyset(&sa.sa_mask);
	if (sigaction(ask_signal(), &sa, NULL) < 0)
		return err_set(err, -errno, "sigaction: %s", strerror(errno));
	/* Whoever started us may have blocked it. */
	sigemptyset(&set);
	sigaddset(&set, ask_signal());
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

/* Never inlined: its caller is the first frame of the own stack. */
__attribute__((noinline)) void stacks_log(void)
{
	const void *caller = __builtin_return_address(0);
	pid_t tid;
	int ret;

	pthread_mutex_lock(&mutex);
	budget = BUDGET;
	symbols_open(&symbols);
	ret = threads_open(&threads);
	if (ret < 0) {
		log_asked("cannot list the threads: %s", strerror(-ret));
		log_self(caller);
	} else {
		while ((tid = threads_next(&threads)) != 0)
			if (tid == gettid())
				log_self(caller);
			else
				log_other(tid);
		threads_close(&threads);
	}
	symbols_close(&symbols);
	pthread_mutex_unlock(&mutex);
}

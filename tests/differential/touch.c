/*
 * Copying from or to mapped memory that may fault (see touch.h).
 * Knows nothing of files.
 */
#include "touch.h"

#include "op.h"

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf escape;
static volatile sig_atomic_t touching;

static void on_fault(int sig)
{
	if (touching)
		siglongjmp(escape, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

void touch_init(void)
{
	struct sigaction sa = {.sa_handler = on_fault};

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

int touch_copy(volatile unsigned char *to, const volatile unsigned char *from, size_t len,
	       size_t *done)
{
	static volatile size_t at;
	int sig = sigsetjmp(escape, 1);

	if (sig == 0) {
		touching = 1;
		for (at = 0; at < len; at = at + 1)
			to[at] = from[at];
	}
	touching = 0;
	*done = at;
	return sig == 0 ? 0 : sig == SIGBUS ? ERR_SIGBUS : ERR_SIGSEGV;
}

/*
 * INIT answered by a thread of its own, for kernels whose mount call waits for the answer.
 * It must not know how the mount is made.
 */
#include "mount_ways.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/*
 * Until the descriptor is mounted, the kernel holds whoever polls it.  A signal gets the thread
 * out; it is let in only inside ppoll(), so that it can be neither missed nor hit the handshake.
 * (pthread_cancel() would be shorter, but the address sanitizer does not survive it.)
 */
#define WAKE_SIGNAL SIGUSR2

static void on_wake(int number)
{
	(void)number;
}

static void *answer_init(void *arg)
{
	struct mount_init *init = arg;
	struct pollfd poll_fd = {.fd = init->fuse_fd, .events = POLLIN};
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	sigdelset(&mask, WAKE_SIGNAL);
	while (!atomic_load(&init->abandoned)) {
		int n = ppoll(&poll_fd, 1, NULL, &mask);

		if (n > 0 && (poll_fd.revents & POLLIN)) {
			init->answered = true;
			init->ret = init->handshake(init->fuse_fd, init->arg, &init->err);
			return NULL;
		}
		/* POLLERR: woken up, or the connection has ended before INIT came. */
		if (n > 0 || (n < 0 && errno != EINTR))
			break;
	}
	init->ret = -ECANCELED;
	return NULL;
}

int mount_init_start(struct mount_init *init, int fuse_fd, const struct mount_plan *plan,
		     struct err *err)
{
	struct sigaction action = {.sa_handler = on_wake};
	sigset_t set;
	int error;

	*init = (struct mount_init){
		.fuse_fd = fuse_fd,
		.handshake = plan->handshake,
		.arg = plan->arg,
	};
	sigemptyset(&action.sa_mask);
	sigaction(WAKE_SIGNAL, &action, &init->old_action);
	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &set, &init->old_mask);
	error = pthread_create(&init->thread, NULL, answer_init, init);
	if (!error)
		return 0;
	pthread_sigmask(SIG_SETMASK, &init->old_mask, NULL);
	sigaction(WAKE_SIGNAL, &init->old_action, NULL);
	return err_set(err, -error, "cannot start a thread: %s", strerror(error));
}

int mount_init_finish(struct mount_init *init, bool abandon)
{
	if (abandon) {
		atomic_store(&init->abandoned, true);
		pthread_kill(init->thread, WAKE_SIGNAL);
	}
	pthread_join(init->thread, NULL);
	sigaction(WAKE_SIGNAL, &init->old_action, NULL);
	pthread_sigmask(SIG_SETMASK, &init->old_mask, NULL);
	return init->ret;
}

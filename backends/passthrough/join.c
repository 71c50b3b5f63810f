/*
 * The end of the backend's own threads.
 * Knows nothing of what they do.
 */
#include "join.h"

#include <time.h>

#include "passthrough.h"

bool pt_join_thread(struct pt *fs, pthread_t thread, const char *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PT_JOIN_SECONDS;
	if (pthread_timedjoin_np(thread, NULL, &until) == 0)
		return true;
	llfused_log(LLFUSED_LOG_WARNING, "the source does not answer: %s", what);
	pthread_detach(thread);
	fs->stuck = true;
	return false;
}

/*
 * The watch: its thread, and which mount is watched in which way.
 * How events look, and what follows from them, is not known here.
 */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "join.h"
#include "passthrough.h"
#include "system.h"
#include "watch_impl.h"

#define REST_MS     1 /* between two reads: what happens meanwhile is merged */
#define DOUBT_EVERY PT_SECOND
#define FRESH_S     2 /* a directory that changed so lately may have changed while we looked */

/* ---- the thread ---- */

bool pt_watch_rest(struct pt_watch *w, int ms)
{
	struct pollfd pfd = {.fd = w->wake_fd, .events = POLLIN};
	uint64_t count;

	if (poll(&pfd, 1, ms) > 0 && read(w->wake_fd, &count, sizeof(count)) < 0)
		llfused_log(LLFUSED_LOG_DEBUG, "watch: eventfd: %s", strerror(errno));
	return !atomic_load(&w->stopping);
}

static void take_fresh(struct pt_watch *w)
{
	uint64_t fresh[PT_WATCH_FRESH];
	uint32_t n;

	pthread_mutex_lock(&w->lock);
	n = w->nfresh;
	w->nfresh = 0;
	memcpy(fresh, w->fresh, sizeof(fresh));
	pthread_mutex_unlock(&w->lock);
	for (uint32_t i = 0; i < n; i++)
		pt_watch_tell_later(w, fresh[i], NULL, PT_TELL_ATTR);
}

/* When the next thing is to be done without any event, as poll(2) takes it. */
static int timeout_of(const struct pt_watch *w)
{
	uint64_t due = UINT64_MAX, now = pt_clock_now();

	if (w->echo->count > 0)
		due = w->echo_due;
	if (w->doubt && w->doubt_due < due)
		due = w->doubt_due;
	if (due == UINT64_MAX)
		return -1;
	return due <= now ? 0 : (int)((due - now) / 1000000) + 1;
}

static void do_due(struct pt_watch *w)
{
	uint64_t now = pt_clock_now();

	if (w->echo->count > 0 && w->echo_due <= now)
		pt_watch_echo(w);
	if (!w->doubt || w->doubt_due > now)
		return;
	w->doubt = false;
	pt_watch_tell_all(w);
	w->doubt_due = pt_clock_now() + DOUBT_EVERY;
}

/* A wake-up may be taken back by any rest, so what it is for is looked at before each poll. */
static void *run(void *arg)
{
	struct pt_watch *w = arg;
	bool quiet, events;

	pthread_setname_np(pthread_self(), "watch");
	do {
		struct pollfd pfd[] = {{.fd = w->wake_fd, .events = POLLIN},
				       {.fd = w->fan_fd, .events = POLLIN},
				       {.fd = atomic_load(&w->ino_fd), .events = POLLIN}};

		take_fresh(w);
		events = poll(pfd, 3, timeout_of(w)) > 0 && (pfd[1].revents || pfd[2].revents);
		quiet = true;
		if (events && pfd[1].revents)
			quiet &= pt_watch_fan_read(w);
		if (events && pfd[2].revents)
			quiet &= pt_watch_ino_read(w);
		if (atomic_load(&w->stopping))
			break;
		pt_watch_flush(w);
		do_due(w);
	} while (pt_watch_rest(w, events && quiet ? REST_MS : 0));
	return NULL;
}

static void wake(struct pt_watch *w)
{
	uint64_t one = 1;

	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		llfused_log(LLFUSED_LOG_DEBUG, "watch: eventfd: %s", strerror(errno));
}

/* ---- mounts and directories ---- */

static enum pt_watch_way choose(struct pt_watch *w, uint32_t mount)
{
	const char *what = mount == 0 ? "the source" : "a file system beneath the source";
	int fan = pt_watch_fan_add(w, mount), ino;

	if (fan == 0) {
		llfused_log(LLFUSED_LOG_DEBUG, "watch: %s by fanotify", what);
		return PT_WATCH_FAN;
	}
	ino = pt_watch_ino_open(w);
	if (ino == 0) {
		llfused_log(LLFUSED_LOG_DEBUG, "watch: %s by inotify (fanotify: %s)", what,
			    strerror(-fan));
		/* the thread waits on the old set of descriptors */
		wake(w);
		return PT_WATCH_INO;
	}
	llfused_log(LLFUSED_LOG_WARNING,
		    "watch: changes of %s are seen after the timeouts only: fanotify: %s; inotify: "
		    "%s%s",
		    what, strerror(-fan), strerror(-ino),
		    ino == -EMFILE ? " (raise fs.inotify.max_user_instances)" : "");
	return PT_WATCH_NOT;
}

enum pt_watch_way pt_watch_mount(struct pt_watch *w, uint32_t mount)
{
	enum pt_watch_way way = (enum pt_watch_way)atomic_load(&w->ways[mount]);

	if (way != PT_WATCH_UNKNOWN)
		return way;
	pthread_mutex_lock(&w->choose);
	way = (enum pt_watch_way)atomic_load(&w->ways[mount]);
	if (way == PT_WATCH_UNKNOWN) {
		way = choose(w, mount);
		atomic_store(&w->ways[mount], (uint8_t)way);
	}
	pthread_mutex_unlock(&w->choose);
	return way;
}

/* It may have changed after it was looked at, and before it was watched. */
static void note_fresh(struct pt_watch *w, uint64_t nodeid, int fd)
{
	struct statx stx;
	bool first;

	if (pt_sys_peek(fd, "", &stx) != 0 || stx.stx_ctime.tv_sec + FRESH_S < time(NULL))
		return;
	pthread_mutex_lock(&w->lock);
	first = w->nfresh == 0;
	if (w->nfresh < PT_WATCH_FRESH)
		w->fresh[w->nfresh++] = nodeid;
	pthread_mutex_unlock(&w->lock);
	if (first)
		wake(w);
}

void pt_watch_dir(struct pt *fs, uint64_t nodeid, int fd)
{
	struct pt_watch *w = fs->watch;
	const struct pt_node *node = w ? pt_node_at(fs, nodeid) : NULL;

	if (!node || pt_watch_mount(w, node->mount) != PT_WATCH_INO)
		return;
	pt_watch_ino_add(w, nodeid, fd);
	note_fresh(w, nodeid, fd);
}

void pt_watch_gone(struct pt *fs, uint64_t nodeid)
{
	if (fs->watch && atomic_load(&fs->watch->ino_fd) >= 0)
		pt_watch_ino_remove(fs->watch, nodeid);
}

/* ---- life ---- */

static void free_watch(struct pt_watch *w)
{
	int ino_fd = atomic_load(&w->ino_fd);

	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->fan_fd >= 0)
		close(w->fan_fd);
	if (ino_fd >= 0)
		close(ino_fd);
	pt_watch_map_free(&w->map);
	pthread_mutex_destroy(&w->choose);
	pthread_mutex_destroy(&w->lock);
	free(w->marks);
	free(w->cache);
	free(w->now);
	free(w->echo);
	free(w->buffer);
	free(w);
}

static struct pt_watch *make_watch(struct pt *fs)
{
	struct pt_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fs = fs;
	w->pid = getpid();
	w->fan_fd = -1;
	atomic_init(&w->ino_fd, -1);
	pthread_mutex_init(&w->choose, NULL);
	pthread_mutex_init(&w->lock, NULL);
	w->cache = calloc(1, sizeof(*w->cache));
	w->now = calloc(1, sizeof(*w->now));
	w->echo = calloc(1, sizeof(*w->echo));
	w->buffer = malloc(PT_WATCH_READ);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->cache && w->now && w->echo && w->buffer && w->wake_fd >= 0)
		return w;
	free_watch(w);
	return NULL;
}

static void watch_root(struct pt *fs)
{
	struct pt_ref ref;

	if (pt_node_get(fs, LLFUSED_ROOT_ID, &ref) != 0)
		return;
	pt_watch_dir(fs, LLFUSED_ROOT_ID, ref.fd);
	pt_node_put(fs, &ref);
}

int pt_watch_open(struct pt *fs)
{
	struct pt_watch *w = make_watch(fs);

	if (!w)
		return -ENOMEM;
	pt_watch_fan_open(w);
	fs->watch = w;
	return 0;
}

void pt_watch_close(struct pt *fs)
{
	free_watch(fs->watch);
	fs->watch = NULL;
}

int pt_watch_start(struct pt *fs)
{
	watch_root(fs);
	return -pthread_create(&fs->watch->thread, NULL, run, fs->watch);
}

void pt_watch_stop(struct pt *fs)
{
	struct pt_watch *w = fs->watch;

	atomic_store(&w->stopping, true);
	wake(w);
	pt_join_thread(fs, w->thread, "a look at what changed does not end");
}

/*
 * The rules on invalidation, store and retrieve.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define ROOT   1
#define MANY   60
#define STARTS 15

/* How many requests of that sort one stat(2) costs now. */
static unsigned long asked_by_stat(const struct daemon *d, const char *name, const char *op)
{
	unsigned long before = sem_messages(d, op);

	files_stat_errno(daemon_path(d, "%s", name));
	return sem_messages(d, op) - before;
}

static mode_t mode_of(const struct daemon *d, const char *name)
{
	struct stat st;

	cr_assert_eq(stat(daemon_path(d, "%s", name), &st), 0, "%s", strerror(errno));
	return st.st_mode & 07777;
}

static bool reads(const struct daemon *d, const char *name, const char *text)
{
	return strcmp(sem_get(d, name), text) == 0;
}

/* ---- entries ---- */

SEM_FACT(invalidate_entry, the_name_is_looked_up_again)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	sem_put(&d, "f", "text");
	cr_assert_eq(asked_by_stat(&d, "f", "LOOKUP"), 0);
	sem_control("inval_entry %d f", ROOT);
	cr_assert(eventually(asked_by_stat(&d, "f", "LOOKUP") == 1));
	cr_assert_eq(asked_by_stat(&d, "f", "LOOKUP"), 0);
	/* and then it may mean something else, or nothing */
	sem_control("move %d f g", ROOT);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0, "the kernel was not told yet");
	sem_control("inval_entry %d f", ROOT);
	cr_assert(eventually(files_stat_errno(daemon_path(&d, "f")) == ENOENT));
	cr_assert_str_eq(sem_get(&d, "g"), "text");
	sem_stop(&d);
}

SEM_FACT(invalidate_entry, a_remembered_absence_is_given_up)
{
	struct daemon d;

	sem_start(&d, backend, "-o", "negative_timeout=18446744073709551615", NULL);
	sem_put(&d, "f", "text");
	cr_assert_eq(files_stat_errno(daemon_path(&d, "g")), ENOENT);
	sem_control("move %d f g", ROOT);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "g")), ENOENT);
	sem_control("inval_entry %d g", ROOT);
	cr_assert(eventually(files_stat_errno(daemon_path(&d, "g")) == 0));
	sem_stop(&d);
}

/* A directory whose name was dropped is nowhere until it is looked up again. */
static bool is_somewhere(const char *path)
{
	char cwd[512];

	return getcwd(cwd, sizeof cwd) && strcmp(cwd, path) == 0;
}

/* What was queued before has been sent: notifications keep their order. */
static void wait_until_sent(const struct daemon *d)
{
	cr_assert_eq(files_stat_errno(daemon_path(d, "mark")), 0);
	sem_control("inval_entry %d mark", ROOT);
	cr_assert(eventually(asked_by_stat(d, "mark", "LOOKUP") == 1));
}

SEM_FACT(expire_entry, the_name_is_asked_for_anew_but_stays_in_use)
{
	struct daemon d;

	sem_start(&d, backend, NULL);
	sem_put(&d, "mark", "");
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	cr_assert_eq(chdir(daemon_path(&d, "dir")), 0);
	cr_assert_eq(asked_by_stat(&d, "dir", "LOOKUP"), 0);
	sem_control("expire_entry %d dir", ROOT);
	wait_until_sent(&d);
	cr_assert(is_somewhere(daemon_path(&d, "dir")));
	cr_assert_eq(asked_by_stat(&d, "dir", "LOOKUP"), 1);
	cr_assert_eq(asked_by_stat(&d, "dir", "LOOKUP"), 0);
	/* the difference to this one */
	sem_control("inval_entry %d dir", ROOT);
	wait_until_sent(&d);
	cr_assert(!is_somewhere(daemon_path(&d, "dir")));
	cr_assert_eq(asked_by_stat(&d, "dir", "LOOKUP"), 1);
	cr_assert_eq(chdir("/"), 0);
	sem_stop(&d);
}

/* ---- delete ---- */

/* The watches whose inodes were deleted, in that order; returns how many it knows by now. */
static int deletions(int fd, int *list, int n, int max)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size = read(fd, buf, sizeof buf);

	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event = (const struct inotify_event *)(buf + at);

		if (event->mask & IN_DELETE_SELF && n < max)
			list[n++] = event->wd;
		at += (ssize_t)(sizeof *event + event->len);
	}
	return n;
}

static int start_watching(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	cr_assert(fd >= 0, "%s", strerror(errno));
	return fd;
}

SEM_FACT(delete, the_name_is_gone_and_inotify_tells_it)
{
	unsigned long node;
	int watch, gone, n = 0;
	struct daemon d;

	sem_start(&d, backend, "-o", "negative_timeout=18446744073709551615", NULL);
	node = sem_put(&d, "f", "text");
	watch = start_watching();
	cr_assert(inotify_add_watch(watch, daemon_path(&d, "f"), IN_DELETE_SELF) >= 0);
	sem_control("drop %d f", ROOT);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0, "the kernel was not told yet");
	sem_control("delete %d %lu f", ROOT, node);
	cr_assert(eventually((n = deletions(watch, &gone, n, 1)) == 1), "nobody was told");
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), ENOENT);
	close(watch);
	sem_stop(&d);
}

/* One handler fills the queue with all of them. */
SEM_FACT(delete, notifications_are_sent_in_the_order_in_which_they_were_queued)
{
	int watch, wd[MANY], gone[MANY], n = 0;
	struct daemon d;
	struct stat st;

	sem_start(&d, backend, NULL);
	watch = start_watching();
	cr_assert_eq(mkdir(daemon_path(&d, "dir"), 0755), 0);
	cr_assert_eq(stat(daemon_path(&d, "dir"), &st), 0);
	for (int i = 0; i < MANY; i++) {
		sem_put(&d, "dir/f", "");
		cr_assert_eq(rename(daemon_path(&d, "dir/f"), daemon_path(&d, "dir/f%d", i)), 0);
		wd[i] = inotify_add_watch(watch, daemon_path(&d, "dir/f%d", i), IN_DELETE_SELF);
	}
	sem_control("delete_all %lu", (unsigned long)st.st_ino);
	cr_assert(eventually((n = deletions(watch, gone, n, MANY)) == MANY), "%d were told", n);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(gone[i], wd[i], "number %d was told out of order", i);
	close(watch);
	sem_stop(&d);
}

SEM_FACT(delete, another_inode_under_that_name_does_not_count_as_deleted)
{
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	sem_put(&d, "f", "text");
	fd = open(daemon_path(&d, "f"), O_RDONLY | O_CLOEXEC);
	sem_control("delete %d 999999 f", ROOT);
	cr_assert(eventually(asked_by_stat(&d, "f", "LOOKUP") == 1));
	cr_assert_eq(files_stat(fd).st_nlink, 1);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0);
	close(fd);
	sem_stop(&d);
}

/* ---- inodes ---- */

SEM_FACT(invalidate_inode, the_data_is_read_again)
{
	unsigned long node;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "old text");
	cr_assert_str_eq(sem_get(&d, "f"), "old text");
	sem_control("content %lu new text, longer", node);
	cr_assert_str_eq(sem_get(&d, "f"), "old text", "the kernel was not told yet");
	sem_control("inval_inode %lu 0 0", node);
	cr_assert(eventually(reads(&d, "f", "new text, longer")));
	sem_control("content %lu short", node);
	sem_control("inval_inode %lu 0 -1", node);
	cr_assert(eventually(reads(&d, "f", "short")));
	sem_stop(&d);
}

SEM_FACT(invalidate_inode, attributes_only_asks_for_these_and_keeps_the_data)
{
	unsigned long node, read_messages;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "old text");
	cr_assert_str_eq(sem_get(&d, "f"), "old text");
	cr_assert_eq(mode_of(&d, "f"), 0644);
	sem_control("content %lu new text", node);
	sem_control("mode %lu 604", node);
	cr_assert_eq(mode_of(&d, "f"), 0644, "the kernel was not told yet");
	cr_assert_eq(asked_by_stat(&d, "f", "GETATTR"), 0);
	sem_control("inval_inode %lu -1 0", node);
	cr_assert(eventually(asked_by_stat(&d, "f", "GETATTR") == 1));
	cr_assert_eq(mode_of(&d, "f"), 0604);
	read_messages = sem_messages(&d, "READ");
	cr_assert_str_eq(sem_get(&d, "f"), "old text");
	cr_assert_eq(sem_messages(&d, "READ"), read_messages);
	sem_stop(&d);
}

SEM_FACT(invalidate_inode, a_range_keeps_what_lies_outside_of_it)
{
	char text[3 * 4096 + 1], page[4097];
	unsigned long node;
	struct daemon d;
	int fd;

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", text);
	cr_assert(reads(&d, "f", text));
	fd = open(daemon_path(&d, "f"), O_RDONLY | O_CLOEXEC);
	sem_control("fail read %d", EIO);
	sem_control("inval_inode %lu 4096 4096", node);
	cr_assert(eventually(pread(fd, page, 4096, 4096) == -1));
	cr_assert_eq(pread(fd, page, 4096, 0), 4096);
	cr_assert_eq(pread(fd, page, 4096, 8192), 4096);
	sem_control("fail read 0");
	cr_assert_eq(pread(fd, page, 4096, 4096), 4096);
	close(fd);
	sem_stop(&d);
}

SEM_FACT(invalidate, what_the_kernel_does_not_know_is_no_error)
{
	unsigned long node;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "old text");
	cr_assert_str_eq(sem_get(&d, "f"), "old text");
	cr_assert_eq(sem_try_control("inval_inode 123456 0 0"), 0);
	cr_assert_eq(sem_try_control("inval_inode 123456 -1 0"), 0);
	cr_assert_eq(sem_try_control("inval_entry %d nobody", ROOT), 0);
	cr_assert_eq(sem_try_control("inval_entry 123456 nobody"), 0);
	cr_assert_eq(sem_try_control("expire_entry %d nobody", ROOT), 0);
	cr_assert_eq(sem_try_control("delete %d 123456 nobody", ROOT), 0);
	cr_assert_eq(sem_try_control("store 123456 0 text"), 0);
	cr_assert_eq(sem_try_control("retrieve 123456 0 100"), 0);
	/* the queue goes on */
	sem_control("content %lu new text", node);
	sem_control("inval_inode %lu 0 0", node);
	cr_assert(eventually(reads(&d, "f", "new text")));
	cr_assert(!daemon_log_has(&d, 0, "refused:"));
	sem_stop(&d);
}

/* ---- store ---- */

SEM_FACT(store, no_read_comes_and_the_stored_bytes_are_read)
{
	unsigned long node, read_messages;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "as the backend has it");
	files_forget(&d);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0);
	read_messages = sem_messages(&d, "READ");
	sem_control("store %lu 0 as it was stored, see", node);
	cr_assert_str_eq(sem_get(&d, "f"), "as it was stored, see");
	cr_assert_eq(sem_messages(&d, "READ"), read_messages);
	sem_stop(&d);
}

SEM_FACT(store, past_the_end_makes_the_file_longer)
{
	unsigned long node, read_messages;
	struct daemon d;
	struct stat st;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "12345678");
	cr_assert_str_eq(sem_get(&d, "f"), "12345678");
	/* the backend first, then the kernel's picture of it */
	sem_control("content %lu 12345678 and more", node);
	read_messages = sem_messages(&d, "READ");
	sem_control("store %lu 8  and more", node);
	cr_assert_eq(stat(daemon_path(&d, "f"), &st), 0);
	cr_assert_eq(st.st_size, 17);
	cr_assert_str_eq(sem_get(&d, "f"), "12345678 and more");
	cr_assert_eq(sem_messages(&d, "READ"), read_messages);
	sem_stop(&d);
}

SEM_FACT(store, an_error_is_reported)
{
	unsigned long node;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "text");
	cr_assert_eq(sem_try_control("store %lu 9223372036854775807 text", node), EINVAL);
	cr_assert_eq(sem_try_control("store %lu 0 text", node), 0);
	sem_stop(&d);
}

SEM_FACT(store, is_possible_as_soon_as_a_request_has_come)
{
	for (int i = 0; i < STARTS; i++) {
		struct daemon d;

		sem_start(&d, backend, NULL);
		cr_assert_eq(sem_try_control("store 123456 0 text"), 0);
		sem_stop(&d);
	}
}

/* ---- retrieve ---- */

static void retrieve(unsigned long node, unsigned offset, unsigned size)
{
	unsigned long count = sem_value("retrieved.count");

	sem_control("retrieve %lu %u %u", node, offset, size);
	cr_assert(eventually(sem_value("retrieved.count") == count + 1), "no answer came");
	cr_assert_eq(sem_value("retrieved.node"), node);
	cr_assert_eq(sem_value("retrieved.offset"), offset);
	cr_assert_eq(sem_value("retrieved.cookie"), count + 1);
}

SEM_FACT(retrieve, brings_what_was_cached)
{
	unsigned long node;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "what was cached");
	cr_assert_str_eq(sem_get(&d, "f"), "what was cached");
	sem_control("content %lu what is new now", node);
	retrieve(node, 0, 4096);
	cr_assert_str_eq(sem_get(&d, ".retrieved"), "what was cached");
	retrieve(node, 5, 3);
	cr_assert_str_eq(sem_get(&d, ".retrieved"), "was");
	/* nothing is cached any more */
	sem_control("inval_inode %lu 0 0", node);
	cr_assert(eventually(reads(&d, "f", "what is new now")));
	retrieve(node, 0, 4096);
	cr_assert_str_eq(sem_get(&d, ".retrieved"), "what is new now");
	files_forget(&d);
	cr_assert_eq(files_stat_errno(daemon_path(&d, "f")), 0);
	retrieve(node, 0, 4096);
	cr_assert_eq(sem_value("retrieved.size"), 0);
	sem_stop(&d);
}

/*
 * An open directory's stream and what POSIX promises of it: a name that was there all the time
 * shows exactly once. Knows nothing of operations; judges one side by itself.
 */
#ifndef DIFF_STREAM_H
#define DIFF_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct churn;

struct stream_entry {
	uint64_t name; /* hash */
	int64_t next;  /* the position behind it */
};

struct stream {
	struct stream_entry *seen; /* owned */
	size_t n, room;
	uint64_t since; /* the churn count when the stream began */
	int ended;
	int untracked; /* the position is moved by others too: nothing can be said */
};

void stream_reset(struct stream *s, const struct churn *churn);
void stream_free(struct stream *s);
uint64_t stream_hash(const char *name, size_t len);

/*
 * Reads one getdents64 batch of at most size bytes.  Returns 0 or -1 with errno.  At the end of the
 * stream, writes what is wrong with it (or nothing) into complaint.
 */
int stream_read(struct stream *s, int fd, size_t size, const struct churn *churn, char *complaint,
		size_t max);
/* Goes back to behind the k-th entry seen (0: the start).  Returns 0 or -1 with errno. */
int stream_seek(struct stream *s, int fd, size_t k, const struct churn *churn);

#endif

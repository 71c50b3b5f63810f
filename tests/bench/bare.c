/*
 * A FUSE server that does nothing else: FUSE over io_uring on a pinned queue a processor, constant
 * answers, one system call a round trip.  It is what the daemon is measured against, so it shares
 * no code with it.
 */
#include "bare.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

/* newer than the oldest <linux/fuse.h> */
#define BARE_INIT_EXT      (1u << 30)
#define BARE_OVER_IO_URING (1u << (41 - 32))
#define CMD_REGISTER       1u
#define CMD_COMMIT         2u

#define DEPTH     4u
#define MAX_PAGES (BARE_PAYLOAD / 4096)

struct ring_header {
	unsigned char in_out[128];
	unsigned char op_in[128];
	uint64_t flags;
	uint64_t commit_id;
	uint32_t payload_size;
	uint32_t padding;
	uint64_t reserved;
};

struct cmd {
	uint64_t flags;
	uint64_t commit_id;
	uint64_t qid; /* 16 bits, and zeros */
};

struct entry {
	struct iovec iov[2]; /* header, payload */
	bool registered;
};

struct queue {
	struct server *server;
	unsigned id; /* and its processor */
	struct io_uring ring;
	struct entry entries[DEPTH];
};

struct server {
	struct bare_style style;
	int fd; /* /dev/fuse */
	unsigned pause_ms;
};

static void die(const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- queues ---- */

static void command(struct queue *q, struct entry *e)
{
	const struct ring_header *header = e->iov[0].iov_base;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);
	struct cmd cmd = {.qid = q->id};

	if (!sqe) /* there is room for all entries */
		abort();
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = 0; /* the registered one */
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->user_data = (uint64_t)(uintptr_t)e;
	if (e->registered) {
		sqe->cmd_op = CMD_COMMIT;
		cmd.commit_id = header->commit_id;
	} else {
		sqe->cmd_op = CMD_REGISTER;
		sqe->addr = (uintptr_t)e->iov;
		sqe->len = 2;
		e->registered = true;
	}
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
}

static void serve(struct queue *q, struct entry *e)
{
	struct ring_header *header = e->iov[0].iov_base;
	const struct fuse_in_header *in = (const void *)header->in_out;
	struct fuse_out_header out = {.unique = in->unique};
	int ret = bare_answer(&q->server->style, in, header->op_in, e->iov[1].iov_base);

	out.error = ret < 0 ? ret : 0;
	header->payload_size = ret < 0 ? 0 : (uint32_t)ret;
	memcpy(header->in_out, &out, sizeof(out));
	command(q, e);
}

static void *room(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void open_queue(struct queue *q)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN,
	};
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(q->id, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	errno = -io_uring_queue_init_params(2 * DEPTH, &q->ring, &params);
	if (errno != 0)
		die("io_uring");
	io_uring_register_ring_fd(&q->ring);
	errno = -io_uring_register_files(&q->ring, &q->server->fd, 1);
	if (errno != 0)
		die("registering /dev/fuse");
	for (unsigned i = 0; i < DEPTH; i++) {
		q->entries[i].iov[0] = (struct iovec){room(4096), sizeof(struct ring_header)};
		q->entries[i].iov[1] = (struct iovec){room(BARE_PAYLOAD), BARE_PAYLOAD};
		command(q, &q->entries[i]);
	}
}

static void *run_queue(void *arg)
{
	struct queue *q = arg;

	open_queue(q);
	for (;;) {
		struct io_uring_cqe *cqe;
		unsigned head, n = 0;
		int ret = io_uring_submit_and_wait(&q->ring, 1);

		if (ret < 0 && ret != -EINTR)
			break;
		io_uring_for_each_cqe(&q->ring, head, cqe)
		{
			n++;
			if (cqe->res != 0)
				return NULL; /* unmounted */
			serve(q, (struct entry *)(uintptr_t)cqe->user_data);
		}
		io_uring_cq_advance(&q->ring, n);
	}
	return NULL;
}

/* ---- the mount ---- */

static void answer_init(struct server *s)
{
	struct {
		struct fuse_in_header head;
		struct fuse_init_in in;
		char rest[8192];
	} request;
	struct {
		struct fuse_out_header head;
		struct fuse_init_out out;
	} reply = {
		.head = {.len = sizeof(reply)},
		.out = {.major = FUSE_KERNEL_VERSION,
			.flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS |
				 FUSE_MAX_PAGES | FUSE_ASYNC_DIO | FUSE_HANDLE_KILLPRIV_V2 |
				 FUSE_EXPLICIT_INVAL_DATA | BARE_INIT_EXT,
			.flags2 = BARE_OVER_IO_URING,
			.max_background = 64,
			.congestion_threshold = 48,
			.max_write = BARE_PAYLOAD,
			.max_pages = MAX_PAGES,
			.time_gran = 1},
	};

	if (read(s->fd, &request, sizeof(request)) < (ssize_t)sizeof(request.head))
		die("reading INIT");
	if (!(request.in.flags2 & BARE_OVER_IO_URING)) {
		errno = EOPNOTSUPP;
		die("FUSE over io_uring (parameter enable_uring)");
	}
	reply.head.unique = request.head.unique;
	reply.out.minor = request.in.minor;
	reply.out.max_readahead = request.in.max_readahead;
	if (write(s->fd, &reply, sizeof(reply)) < 0)
		die("answering INIT");
}

static void mount_on(struct server *s, const char *dir)
{
	char options[128];

	s->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		die("/dev/fuse");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
		 s->fd);
	if (mount("bare", dir, "fuse.bare", MS_NOSUID | MS_NODEV, options) != 0)
		die("mount");
}

/* FORGET and INTERRUPT come here and need nothing. */
static void read_device(struct server *s)
{
	const struct timespec pause = {.tv_nsec = s->pause_ms * 1000000L};
	size_t size = BARE_PAYLOAD + 4096;
	void *message = room(size);

	while (read(s->fd, message, size) > 0 || errno == EINTR || errno == ENOENT)
		if (s->pause_ms > 0)
			nanosleep(&pause, NULL);
}

static const struct option options[] = {
	{"forever", no_argument, NULL, 'f'},     {"open-free", no_argument, NULL, 'o'},
	{"xattrs", no_argument, NULL, 'x'},      {"names", required_argument, NULL, 'n'},
	{"pause", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
};

static void usage(void)
{
	fputs("usage: bare [--forever] [--open-free] [--xattrs] [--names=N] [--pause=MS] DIR\n"
	      "  --forever    names and attributes are valid for ever, else not at all\n"
	      "  --open-free  files and directories are opened without a message\n"
	      "  --xattrs     the kernel may ask for extended attributes, and there are none\n"
	      "  --names=N    files e0, e1, ... in the root, beside f\n"
	      "  --pause=MS   after each message of /dev/fuse\n",
	      stderr);
	exit(2);
}

static const char *parse(struct server *s, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'f')
			s->style.forever = true;
		else if (c == 'o')
			s->style.open_free = true;
		else if (c == 'x')
			s->style.xattrs = true;
		else if (c == 'n')
			s->style.names = (unsigned)atoi(optarg);
		else if (c == 'p')
			s->pause_ms = (unsigned)atoi(optarg) % 1000;
		else
			usage();
	}
	if (optind != argc - 1)
		usage();
	return argv[optind];
}

int main(int argc, char **argv)
{
	struct server server = {.fd = -1};
	const char *dir = parse(&server, argc, argv);
	unsigned n = (unsigned)get_nprocs_conf();
	struct queue *queues = calloc(n, sizeof(*queues));

	if (!queues)
		die("memory");
	mount_on(&server, dir);
	answer_init(&server);
	for (unsigned i = 0; i < n; i++) {
		pthread_t thread;

		queues[i].server = &server;
		queues[i].id = i;
		errno = pthread_create(&thread, NULL, run_queue, &queues[i]);
		if (errno != 0)
			die("thread");
	}
	read_device(&server);
	_exit(0);
}

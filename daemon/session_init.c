/*
 * INIT: which features and limits a backend's wishes and ops come to, and the handshake itself.
 * What a feature means to requests is not known here.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "privilege.h"
#include "proto/abi.h"
#include "proto/init.h"
#include "proto/reply.h"
#include "session_impl.h"
#include "transport_choice.h"

#define INIT_TIMEOUT_MS 10000
#define MAX_WRITE       (1u << 20)
#define MAX_BACKGROUND  64u
#define CONGESTION      48u
#define MIN_READ_BUFFER 8192u /* the kernel's least; enough for INIT */

/* A backend's wishes as INIT flags; the first flag tells whether the wish came true. */
static const struct {
	uint32_t want;
	uint64_t feature;
	uint64_t companion; /* asked for along with it */
} wish_table[] = {
	{LLFUSED_WANT_ACL, FUSE_POSIX_ACL, FUSE_DONT_MASK},
	{LLFUSED_WANT_KILLPRIV, FUSE_HANDLE_KILLPRIV_V2, 0},
	{LLFUSED_WANT_SECCTX, FUSE_SECURITY_CTX, 0},
	{LLFUSED_WANT_SUPP_GROUP, FUSE_CREATE_SUPP_GROUP, 0},
	{LLFUSED_WANT_EXPORT, FUSE_EXPORT_SUPPORT, 0},
	{LLFUSED_WANT_CACHE_SYMLINKS, FUSE_CACHE_SYMLINKS, 0},
	{LLFUSED_WANT_OWN_DATA, FUSE_EXPLICIT_INVAL_DATA, 0},
	{LLFUSED_WANT_PASSTHROUGH, FUSE_PASSTHROUGH, 0},
	{LLFUSED_WANT_IDMAP, FUSE_ALLOW_IDMAP, 0},
};

#define WISHES (sizeof(wish_table) / sizeof(wish_table[0]))

static uint64_t features_for_backend(const struct session *s)
{
	uint32_t wants = s->backend->wants;
	uint64_t f = wants & LLFUSED_WANT_OWN_DATA ? 0 : FUSE_AUTO_INVAL_DATA;

	for (size_t i = 0; i < WISHES; i++)
		if (wants & wish_table[i].want)
			f |= wish_table[i].feature | wish_table[i].companion;
	return f;
}

/* What follows from which ops are there. */
static uint64_t features_for_ops(const struct session *s)
{
	uint64_t f = 0;

	if (s->has_locks)
		f |= FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
	/* Without OPEN messages nobody would truncate; and an OPEN cannot tell the backend to clear
	 * setuid and setgid, which the SETATTR that comes otherwise can. */
	if (s->ops->open && s->ops->create && !(s->backend->wants & LLFUSED_WANT_KILLPRIV))
		f |= FUSE_ATOMIC_O_TRUNC;
	if (!s->ops->open && !s->has_locks)
		f |= FUSE_NO_OPEN_SUPPORT;
	if (!s->ops->opendir && !s->has_locks)
		f |= FUSE_NO_OPENDIR_SUPPORT;
	return f;
}

static struct proto_wishes wishes_of(struct session *s)
{
	uint32_t page_size = (uint32_t)sysconf(_SC_PAGESIZE);

	return (struct proto_wishes){
		.features =
			FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS |
			FUSE_MAX_PAGES | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
			FUSE_ABORT_ERROR | FUSE_INIT_EXT | FUSE_SETXATTR_EXT | FUSE_HAS_IOCTL_DIR |
			FUSE_HAS_EXPIRE_ONLY | FUSE_DIRECT_IO_ALLOW_MMAP | features_for_backend(s) |
			features_for_ops(s) | (transport_wants_uring(s) ? FUSE_OVER_IO_URING : 0),
		.max_write = MAX_WRITE,
		.max_readahead = MAX_WRITE,
		/* reads are limited by pages alone, and the buffers by max_write */
		.max_pages = MAX_WRITE / page_size,
		.page_size = page_size,
		.max_background = MAX_BACKGROUND,
		.congestion_threshold = CONGESTION,
		.time_gran = 1,
		.max_stack_depth = s->config.instance->stack_depth,
		/* the kernel would agree, and then refuse each backing file */
		.denied = privilege_backing_files() ? 0 : FUSE_PASSTHROUGH,
		.denied_reason = "needs CAP_SYS_ADMIN in the initial user namespace",
		.default_permissions = s->config.default_permissions,
	};
}

uint32_t session_wants(const struct session *s)
{
	uint32_t wants = 0;

	for (size_t i = 0; i < WISHES; i++)
		if (s->conn.features & wish_table[i].feature)
			wants |= wish_table[i].want;
	return wants & s->backend->wants;
}

/* One message, waiting for it at most so long: a mount that never gets INIT must not hang us. */
static ssize_t read_init(int fuse_fd, void *buf, size_t size)
{
	struct pollfd pfd = {.fd = fuse_fd, .events = POLLIN};

	for (;;) {
		ssize_t n = read(fuse_fd, buf, size);

		if (n >= 0)
			return n;
		if (errno == EINTR || errno == ENOENT)
			continue;
		if (errno != EAGAIN)
			return -errno;
		n = poll(&pfd, 1, INIT_TIMEOUT_MS);
		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int write_init(struct session *s, int fuse_fd, uint64_t unique, int error)
{
	unsigned char reply[sizeof(struct fuse_out_header) + PROTO_BODY_MAX];
	size_t body = 0;

	if (error == 0)
		body = proto_init_encode(&s->answer, reply + sizeof(struct fuse_out_header));
	proto_put_header(reply, unique, error, body);
	if (write(fuse_fd, reply, sizeof(struct fuse_out_header) + body) < 0)
		return -errno;
	return 0;
}

static int answer_init(struct session *s, int fuse_fd, const struct proto_request *request,
		       struct err *err)
{
	struct proto_wishes wishes = wishes_of(s);
	struct proto_offer offer;
	int ret;

	proto_init_offer(&request->in.init, &offer);
	ret = proto_init_negotiate(&offer, &wishes, &s->answer);
	if (ret != 0) {
		write_init(s, fuse_fd, request->head.unique, ret);
		return err_set(err, ret,
			       "the kernel speaks FUSE protocol %u.%u, which is not served",
			       offer.major, offer.minor);
	}
	proto_init_conn(&s->answer, &s->conn);
	ret = transport_choose(s, err);
	if (ret != 0) {
		write_init(s, fuse_fd, request->head.unique, ret);
		return ret;
	}
	ret = write_init(s, fuse_fd, request->head.unique, 0);
	if (ret != 0)
		return err_set(err, ret, "the kernel refused the answer to INIT: %s",
			       strerror(-ret));
	s->initialised = true;
	return 0;
}

int session_handshake(int fuse_fd, void *arg, struct err *err)
{
	static const struct proto_conn before_init;
	struct session *s = arg;
	struct proto_request request;
	unsigned char message[MIN_READ_BUFFER];
	ssize_t n = read_init(fuse_fd, message, sizeof(message));
	int ret;

	if (n < 0)
		return err_set(err, (int)n, "no INIT came from the kernel: %s", strerror((int)-n));
	ret = proto_decode(&before_init, message, (size_t)n, &request);
	if (ret == 0 && request.head.opcode == FUSE_INIT)
		return answer_init(s, fuse_fd, &request, err);
	/* the mount call may be waiting for an answer */
	if (ret != -EBADMSG)
		write_init(s, fuse_fd, request.head.unique, -EPROTO);
	return err_set(err, -EPROTO, "the kernel's first message is not INIT");
}

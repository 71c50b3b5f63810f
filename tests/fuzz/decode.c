/*
 * Random messages for the decoders, the formatter and dispatch over a memfs, from a fixed seed:
 * valid messages of every opcode, mutated.  It must not know a mount; a sanitizer is what finds
 * faults.
 *
 * `make check-fuzz` runs it; with the address sanitizer: `make check-quick-asan`.
 * By hand: build/tests/fuzz [MESSAGES [SEED]]     (200000, 1)
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/dispatch.h"
#include "daemon/host.h"
#include "daemon/session_impl.h"
#include "memfs/memfs.h"
#include "proto/format.h"
#include "proto/notify.h"
#include "proto/request.h"

#define HEAD_SIZE   sizeof(struct fuse_in_header)
#define MESSAGE_MAX (256u << 10)
#define BODY        131072
#define ENTRY_SIZE  288 /* header half of a ring entry */
#define OP_IN       128 /* where the op's struct stands in it */
#define NODES       64  /* nodeids that are likely to exist */
#define FRESH_EVERY 20000

struct fuzz {
	uint64_t random;
	uint64_t iteration;
	struct session *session;
	struct instance instance;
	struct lock lock;
	struct slot slot;
	struct stats stats;
	unsigned char message[MESSAGE_MAX];
	size_t size;
};

static struct fuzz fuzz;
static uint64_t answered, refused, silent;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "fuzz: iteration %" PRIu64 ": %s\n", fuzz.iteration, what);
	abort();
}

/* ---- chance ---- */

static uint64_t any(void)
{
	fuzz.random ^= fuzz.random << 13;
	fuzz.random ^= fuzz.random >> 7;
	fuzz.random ^= fuzz.random << 17;
	return fuzz.random;
}

static uint64_t below(uint64_t n)
{
	return (any() >> 11) % n;
}

/* Small numbers, edges, and now and then anything. */
static uint64_t number(void)
{
	static const uint64_t edges[] = {0,
					 1,
					 4095,
					 4096,
					 4097,
					 65536,
					 131072,
					 UINT32_MAX,
					 INT32_MAX,
					 INT64_MAX,
					 UINT64_MAX,
					 UINT64_MAX - 4095,
					 INT64_MAX - 4095};

	switch (below(4)) {
	case 0:
		return edges[below(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return any();
	default:
		return below(20000);
	}
}

/* ---- messages ---- */

static void put(size_t at, const void *bytes, size_t size)
{
	if (at + size <= sizeof(fuzz.message))
		memcpy(fuzz.message + at, bytes, size);
}

static void append(const void *bytes, size_t size)
{
	if (fuzz.size + size > sizeof(fuzz.message))
		return;
	put(fuzz.size, bytes, size);
	fuzz.size += size;
}

static void append_name(void)
{
	static const char *const names[] = {
		"a",
		"b",
		"c",
		"dir",
		"link",
		".",
		"..",
		"user.a",
		"trusted.b",
		"security.c",
		"system.posix_acl_access",
		"system.posix_acl_default",
		"security.capability",
	};
	char name[300];

	if (below(16) == 0) {
		size_t length = 250 + below(10);

		memset(name, 'n', length);
		append(name, length);
		append("", 1);
		return;
	}
	snprintf(name, sizeof(name), "%s", names[below(sizeof(names) / sizeof(names[0]))]);
	append(name, strlen(name) + 1);
}

/* `size` bytes, most of the time as many as said at `at`. */
static void append_data(size_t at, size_t size)
{
	uint32_t said = (uint32_t)(below(8) ? size : number());

	put(at, &said, sizeof(said));
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)(below(3) ? i : any());

		append(&byte, 1);
	}
}

/* An ACL in its xattr form is worth a try of its own. */
static void append_acl(size_t at)
{
	unsigned entries = (unsigned)below(9);
	uint32_t size = 4 + entries * 8, version = 2;
	static const uint16_t tags[] = {1, 2, 4, 8, 16, 32};

	put(at, &size, sizeof(size));
	append(&version, sizeof(version));
	for (unsigned i = 0; i < entries; i++) {
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry = {tags[below(6)], (uint16_t)below(8), (uint32_t)below(4)};

		append(&entry, sizeof(entry));
	}
}

static void append_tail(const struct proto_opcode *op)
{
	switch (op->layout) {
	case PROTO_NAME:
		append_name();
		break;
	case PROTO_NAME_NAME:
		append_name();
		append_name();
		break;
	case PROTO_NAME_VALUE:
		append_name();
		if (below(3) == 0)
			append_acl(HEAD_SIZE);
		else
			append_data(HEAD_SIZE, below(below(8) ? 100 : 66000));
		break;
	case PROTO_DATA:
		append_data(HEAD_SIZE + 16, below(below(4) ? 5000 : 140000));
		break;
	case PROTO_IOCTL_DATA:
		append_data(HEAD_SIZE + 24, below(200));
		break;
	case PROTO_FORGETS:
		append_data(HEAD_SIZE, 16 * below(40));
		break;
	default:
		break;
	}
}

static uint64_t node(void)
{
	return below(20) ? 1 + below(below(2) ? 4 : NODES) : number();
}

/* Fields at their edges; what an op would do with them is not known here. */
static void fill_struct(size_t size)
{
	for (size_t at = 0; at + 4 <= size; at += 4) {
		uint64_t value = below(3) ? number() : 0;
		bool wide = at % 8 == 0 && at + 8 <= size && below(2);

		put(HEAD_SIZE + at, &value, wide ? 8 : 4);
		at += wide ? 4 : 0;
	}
}

/* Fields without which the op would hardly ever come far. */
static void make_sensible(const struct proto_opcode *op)
{
	static const uint32_t kinds[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR};
	uint32_t mode = kinds[below(6)] | (uint32_t)below(07777);
	uint64_t offset = below(1 << 20), id = node();
	uint32_t size = (uint32_t)below(BODY);

	if (below(4) == 0)
		return;
	switch (op->number) {
	case FUSE_MKNOD:
		mode = (below(2) ? S_IFREG : mode & S_IFMT) | 0644;
		/* fallthrough */
	case FUSE_MKDIR:
		put(HEAD_SIZE, &mode, sizeof(mode));
		break;
	case FUSE_LINK:
	case FUSE_RENAME:
	case FUSE_RENAME2:
		put(HEAD_SIZE, &id, sizeof(id));
		break;
	case FUSE_READ:
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		put(HEAD_SIZE + 16, &size, sizeof(size));
		/* fallthrough */
	case FUSE_WRITE:
	case FUSE_FALLOCATE:
	case FUSE_LSEEK:
		put(HEAD_SIZE + 8, &offset, sizeof(offset));
		break;
	default:
		break;
	}
}

static void make_message(void)
{
	const struct proto_opcode *op = &proto_opcodes[below(proto_opcode_count)];
	struct fuse_in_header head = {
		.opcode = op->number,
		.unique = 2 * (fuzz.iteration + 2),
		.nodeid = node(),
		.uid = (uint32_t)below(3),
		.gid = (uint32_t)below(3),
		.pid = 1,
	};
	size_t fixed = below(10) ? op->in_size : op->in_size_min;

	memset(fuzz.message, 0, HEAD_SIZE + 256);
	fuzz.size = HEAD_SIZE + fixed;
	if (below(3) == 0)
		fill_struct(fixed);
	make_sensible(op);
	append_tail(op);
	head.len = (uint32_t)fuzz.size;
	put(0, &head, sizeof(head));
}

/* Extensions at the end: a header that is nearly right. */
static void add_extension(void)
{
	uint16_t words = (uint16_t)(1 + below(6));
	uint32_t part[12];

	for (unsigned i = 0; i < 12; i++)
		part[i] = (uint32_t)(below(2) ? below(4) : number());
	part[0] = below(4) ? words * 8u : part[0];
	part[1] = below(2) ? 31 + (uint32_t)below(2) : part[1];
	append(part, words * 8u);
	put(36, &words, sizeof(words));
}

static void mutate(void)
{
	uint32_t len;

	if (below(4) == 0)
		add_extension();
	for (uint64_t n = below(4); n > 0 && below(2); n--)
		fuzz.message[below(fuzz.size)] = (unsigned char)any();
	if (below(8) == 0)
		fuzz.size = below(fuzz.size + 1);
	else if (below(8) == 0)
		append("tailtail", 1 + below(8));
	len = (uint32_t)(below(50) ? fuzz.size : number());
	put(0, &len, sizeof(len));
}

/* ---- what must stand it ---- */

static void check_text(const char *line, size_t cap)
{
	size_t length = strnlen(line, cap);

	if (length == cap)
		fail("a formatted line has no end");
	for (size_t i = 0; i < length; i++)
		if (line[i] < ' ' || line[i] > '~')
			fail("a formatted line holds a byte that is not printable");
}

/* Every byte that a decoded request points to lies within the message. */
static void check_within(const struct proto_bytes *b, const void *from, size_t size)
{
	const char *start = from;

	if (b->data &&
	    (b->data < start || b->size > size || (size_t)(b->data - start) > size - b->size))
		fail("a decoded field lies outside of its message");
}

static void format_request(const struct proto_request *request)
{
	size_t cap = 1 + below(600);
	char *line = malloc(cap);

	proto_format_request(line, cap, request);
	check_text(line, cap);
	free(line);
}

static void try_classic(const void *exact)
{
	struct proto_request request;
	int ret = proto_decode(&fuzz.session->conn, exact, fuzz.size, &request);

	if (ret != 0)
		return;
	check_within(&request.name, exact, fuzz.size);
	check_within(&request.name2, exact, fuzz.size);
	check_within(&request.data, exact, fuzz.size);
	for (uint64_t i = 0; i < proto_forget_count(&request); i++)
		proto_forget_get(&request, i);
	format_request(&request);
}

/* The same bytes as a ring entry, whose op area keeps bytes of before. */
static void try_ring(void)
{
	const struct proto_opcode *op;
	uint32_t opcode;
	size_t fixed = 0, rest, cap;
	unsigned char *header = malloc(ENTRY_SIZE), *payload;
	struct proto_request request;
	uint64_t commit;
	uint32_t said;

	memcpy(&opcode, fuzz.message + 4, sizeof(opcode));
	op = proto_opcode_find(opcode);
	memset(header, 0xa5, ENTRY_SIZE);
	memcpy(header, fuzz.message, HEAD_SIZE);
	if (op && !(op->flags & PROTO_OP_INLINE) && fuzz.size >= HEAD_SIZE + op->in_size)
		fixed = op->in_size;
	memcpy(header + OP_IN, fuzz.message + HEAD_SIZE, fixed < 128 ? fixed : 0);
	rest = fuzz.size > HEAD_SIZE + fixed ? fuzz.size - HEAD_SIZE - fixed : 0;
	said = (uint32_t)(below(10) ? rest : number());
	memcpy(header + 256 + 16, &said, sizeof(said));
	cap = rest;
	payload = malloc(cap ? cap : 1);
	memcpy(payload, fuzz.message + HEAD_SIZE + fixed, cap);
	if (proto_decode_ring(&fuzz.session->conn, header, payload, cap, &request, &commit) == 0) {
		check_within(&request.name, payload, cap);
		check_within(&request.name2, payload, cap);
		check_within(&request.data, payload, cap);
		format_request(&request);
	}
	free(payload);
	free(header);
}

static void try_formats(void)
{
	const struct proto_opcode *op = &proto_opcodes[below(proto_opcode_count)];
	size_t size = below(fuzz.size + 1), cap = 1 + below(300);
	unsigned char *reply = malloc(size ? size : 1);
	char *line = malloc(cap);

	memcpy(reply, fuzz.message, size);
	proto_format_reply(line, cap, op, reply, size);
	check_text(line, cap);
	proto_format_notify(line, cap, reply, size);
	check_text(line, cap);
	free(line);
	free(reply);
}

static void try_dispatch(const void *exact)
{
	struct fuse_out_header out;
	size_t length;

	if (dispatch_receive(&fuzz.slot, exact, fuzz.size, &length) == DISPATCH_RUN)
		length = dispatch_run(&fuzz.slot);
	if (length == 0) {
		silent++;
		return;
	}
	memcpy(&out, fuzz.slot.reply, sizeof(out));
	if (out.len != length || length > sizeof(out) + BODY)
		fail("a reply says another length than it has");
	if (out.error > 0 || out.error <= -512)
		fail("a reply's errno is none that the kernel takes");
	if (out.error != 0 && length != sizeof(out))
		fail("an error with a body");
	if (out.error == -ENOSYS && fuzz.slot.request.op &&
	    fuzz.slot.request.op->number == FUSE_SETXATTR)
		fail("ENOSYS that would switch SETXATTR off");
	*(out.error ? &refused : &answered) += 1;
	if (below(30) == 0)
		dispatch_sent(&fuzz.slot, -ENOENT);
}

/* ---- the session under it ---- */

static void open_session(void)
{
	struct session_config config = {
		.instance = &fuzz.instance, .lock = &fuzz.lock, .max_pending = 64};
	void *fs;
	struct llfused_conn conn = {
		.want = memfs_backend.wants, .max_write = BODY, .max_read = BODY};
	struct llfused_error error;
	struct err err;

	lock_init(&fuzz.lock);
	if (memfs_backend.load(&fs, &error) < 0 ||
	    memfs_backend.configure(fs, "size", "8m", &error) < 0 ||
	    memfs_backend.configure(fs, "nr_inodes", "200", &error) < 0 ||
	    memfs_backend.ready(fs, &error) < 0)
		fail("no file system to fuzz");
	fuzz.instance = (struct instance){.fs = fs, .loaded = true, .lock = &fuzz.lock};
	if (plugin_adopt(&fuzz.instance.plugin, &memfs_backend, "memfs", &err) < 0 ||
	    session_new(&fuzz.session, &config, &err) < 0)
		fail("no file system to fuzz");
	fuzz.session->conn = (struct proto_conn){
		.minor = 45,
		.features = FUSE_SETXATTR_EXT | FUSE_SECURITY_CTX | FUSE_CREATE_SUPP_GROUP,
		.max_write = BODY,
		.max_pages = 32,
	};
	if (memfs_backend.init)
		memfs_backend.init(fs, &conn);
	inflight_init(&fuzz.session->inflight, &fuzz.slot, 1);
	host_bind(fuzz.session);
	memset(&fuzz.slot, 0, sizeof(fuzz.slot));
	fuzz.slot.session = fuzz.session;
	fuzz.slot.stats = &fuzz.stats;
	fuzz.slot.fd = -1;
	fuzz.slot.body_cap = BODY;
	fuzz.slot.reply = malloc(sizeof(struct fuse_out_header) + BODY);
}

static void close_session(void)
{
	session_free(fuzz.session);
	memfs_backend.destroy(fuzz.instance.fs);
	lock_destroy(&fuzz.lock);
	free(fuzz.slot.reply);
}

static void once(void)
{
	unsigned char *exact;

	make_message();
	if (below(3))
		mutate();
	/* a block of exactly that size, so that one byte too far is seen */
	exact = malloc(fuzz.size ? fuzz.size : 1);
	memcpy(exact, fuzz.message, fuzz.size);
	try_classic(exact);
	try_ring();
	try_formats();
	try_dispatch(exact);
	free(exact);
}

int main(int argc, char **argv)
{
	uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 0) : 200000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	fuzz.random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	for (fuzz.iteration = 0; fuzz.iteration < iterations; fuzz.iteration++) {
		if (fuzz.iteration % FRESH_EVERY == 0) {
			if (fuzz.session)
				close_session();
			open_session();
		}
		once();
	}
	if (fuzz.session)
		close_session();
	printf("fuzz: %" PRIu64 " messages, seed %" PRIu64 ": %" PRIu64 " answered, %" PRIu64
	       " refused, %" PRIu64 " without an answer\n",
	       iterations, seed, answered, refused, silent);
	return answered > 0 ? 0 : 1;
}

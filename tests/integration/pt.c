/*
 * Passthrough daemons, their sources, and files.
 * It must not know what is tested.
 */
#include "pt.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXT4_SIZE (64 << 20)

/* ---- file systems ---- */

/* The device lives until *fd is closed and nothing is mounted from it.  Other tests look for a free
 * one at the same time: one of us gets EBUSY. */
static char *attach_loop(int image_fd, int *fd)
{
	struct loop_config config = {
		.fd = (uint32_t)image_fd,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), ret = -1;
	char *path = NULL;

	for (int tries = 0; ret < 0 && tries < 1000; tries++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		cr_assert(n >= 0, "/dev/loop-control: %s", strerror(errno));
		cr_assert(asprintf(&path, "/dev/loop%d", n) >= 0);
		*fd = open(path, O_RDWR | O_CLOEXEC);
		cr_assert(*fd >= 0, "%s: %s", path, strerror(errno));
		ret = ioctl(*fd, LOOP_CONFIGURE, &config);
		if (ret < 0) {
			close(*fd);
			nap(1);
		}
	}
	cr_assert_eq(ret, 0, "no loop device: %s", strerror(errno));
	close(control);
	return path;
}

static void mount_ext4(const char *place)
{
	char *image = harness_path("%s.img", strrchr(place, '/') + 1), *device;
	int fd = open(image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), loop_fd;
	struct run run;

	cr_assert(fd >= 0 && ftruncate(fd, EXT4_SIZE) == 0, "%s: %s", image, strerror(errno));
	run_command(&run, 0,
		    (char *[]){(char[]){"/sbin/mkfs.ext4"}, (char[]){"-q"}, (char[]){"-b4096"},
			       (char[]){"-m0"}, image, NULL});
	cr_assert_eq(run.status, 0, "mkfs.ext4 (package e2fsprogs): %s", run.err);
	device = attach_loop(fd, &loop_fd);
	PT_OK(mount(device, place, "ext4", 0, NULL));
	/* Tests would have to allow for it everywhere. */
	PT_OK(rmdir(harness_path("%s/lost+found", strrchr(place, '/') + 1)));
	close(loop_fd);
	close(fd);
}

char *pt_make_fs(enum pt_kind kind, const char *name, uid_t uid)
{
	char *place = harness_mkdir(name, 0);

	if (kind == PT_TMPFS)
		PT_OK(mount("source", place, "tmpfs", 0, "mode=0755"));
	if (kind == PT_EXT4)
		mount_ext4(place);
	PT_OK(chown(place, uid, uid));
	return place;
}

/* ---- daemons ---- */

void pt_make_source(struct pt *p)
{
	static unsigned count;
	char name[32];

	if (p->src)
		return;
	snprintf(name, sizeof name, "source%u", count++);
	p->src = pt_make_fs(p->kind, name, p->d.uid);
}

const char *pt_source_option(const struct pt *p)
{
	char *option;

	cr_assert(asprintf(&option, "--source=%s", p->src) >= 0);
	return option;
}

void pt_wait_until_serving(const struct pt *p)
{
	cr_assert(eventually(daemon_log_has(&p->d, 0, "serving ")), "it does not start");
}

void pt_stop(const struct pt *p)
{
	struct counters c;
	size_t from = daemon_log_size(&p->d);

	counters_read(&p->d, &c);
	cr_assert(eventually(daemon_log_has(&p->d, from, "malformed=0 refused=0")));
	cr_assert_eq(daemon_unmount(&p->d), 0);
}

bool pt_passes_through(const struct pt *p)
{
	char *log, *found, *off;
	bool is_on;

	cr_assert(eventually(daemon_log_has(&p->d, 0, " off=")), "no start line");
	log = daemon_log(&p->d, 0);
	off = strstr(log, " off=");
	found = strstr(strstr(log, " on="), "passthrough");
	cr_assert_not_null(found, "%s", log);
	is_on = found < off;
	free(log);
	return is_on;
}

__attribute__((format(printf, 2, 0))) static char *below(const char *dir, const char *format,
							 va_list args)
{
	char *rest, *path;

	cr_assert(vasprintf(&rest, format, args) >= 0);
	cr_assert(asprintf(&path, "%s/%s", dir, rest) >= 0);
	free(rest);
	return path;
}

char *pt_src(const struct pt *p, const char *format, ...)
{
	va_list args;
	char *path;

	va_start(args, format);
	path = below(p->src, format, args);
	va_end(args);
	return path;
}

char *pt_mnt(const struct pt *p, const char *format, ...)
{
	va_list args;
	char *path;

	va_start(args, format);
	path = below(p->d.mnt, format, args);
	va_end(args);
	return path;
}

/* ---- files ---- */

int pt_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static void write_whole(const char *path, int flags, const char *text)
{
	int fd = pt_open(path, O_WRONLY | O_CREAT | flags);

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text), "%s: %s", path,
		     strerror(errno));
	cr_assert_eq(close(fd), 0, "%s: %s", path, strerror(errno));
}

void pt_put(const char *path, const char *text)
{
	write_whole(path, O_TRUNC, text);
}

void pt_append(const char *path, const char *text)
{
	write_whole(path, O_APPEND, text);
}

/* NULL with errno when something fails. */
static char *read_whole(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	size_t len = 0, cap = 4096;
	char *text;
	ssize_t n;

	if (fd < 0)
		return NULL;
	cr_assert_not_null(text = malloc(cap + 1));
	while ((n = read(fd, text + len, cap - len)) > 0) {
		len += (size_t)n;
		if (len == cap)
			cr_assert_not_null(text = realloc(text, (cap *= 2) + 1));
	}
	error = errno;
	close(fd);
	text[len] = '\0';
	if (n == 0)
		return text;
	free(text);
	errno = error;
	return NULL;
}

char *pt_get(const char *path)
{
	char *text = read_whole(path);

	cr_assert_not_null(text, "%s: %s", path, strerror(errno));
	return text;
}

bool pt_has(const char *path, const char *text)
{
	char *found = read_whole(path);
	bool same = found && strcmp(found, text) == 0;

	free(found);
	return same;
}

struct stat pt_stat(const char *path)
{
	struct stat st;

	cr_assert_eq(lstat(path, &st), 0, "%s: %s", path, strerror(errno));
	return st;
}

bool pt_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

char *pt_list(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	char *text;
	size_t len;
	FILE *out;

	cr_assert(n >= 0, "%s: %s", path, strerror(errno));
	out = open_memstream(&text, &len);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			fprintf(out, "%s%s", ftell(out) > 0 ? " " : "", name);
		free(entries[i]);
	}
	fclose(out);
	free(entries);
	return text;
}

void pt_fill(const char *path, size_t size)
{
	int fd = pt_open(path, O_WRONLY | O_CREAT | O_TRUNC);
	uint64_t block[512];

	for (size_t at = 0; at < size; at += sizeof block) {
		size_t part = size - at < sizeof block ? size - at : sizeof block;

		for (unsigned i = 0; i < 512; i++)
			block[i] = at + i * sizeof block[0];
		cr_assert_eq(write(fd, block, part), (ssize_t)part, "%s: %s", path,
			     strerror(errno));
	}
	close(fd);
}

unsigned long pt_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
}

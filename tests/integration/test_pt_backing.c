/*
 * Passthrough: what kernel passthrough keeps open, and sources that cannot have it.
 */
#include "pt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "files.h"

#define MANY_BYTES ((size_t)8 << 20)

static unsigned long free_space(const struct pt *p)
{
	struct statvfs space;

	cr_assert_eq(statvfs(p->src, &space), 0);
	return space.f_bfree * space.f_frsize;
}

static bool all_are_released(const struct pt *p)
{
	struct counters c;

	counters_read(&p->d, &c);
	return counters_of(&c, "RELEASE") == counters_of(&c, "OPEN") + counters_of(&c, "CREATE");
}

/* What was read is kept ready for the next open. */
static void read_and_close(const struct pt *p, const char *name)
{
	free(pt_get(pt_mnt(p, "%s", name)));
	cr_assert(eventually(all_are_released(p)));
}

#define CHECK_FREED(p, before) \
	cr_assert(eventually_within(3000, free_space(p) + 65536 > (before)), \
		  "the space is not free again")

PT_FACT(pt_backing, a_deleted_file_frees_its_space_soon)
{
	struct pt p = {.kind = kind};
	unsigned long before;
	int fd;

	pt_start(&p, NULL);
	fd = pt_open(p.src, O_RDONLY | O_DIRECTORY);
	PT_OK(syncfs(fd));
	close(fd);
	before = free_space(&p);
	for (int open_at_the_end = 0; open_at_the_end < 2; open_at_the_end++) {
		pt_fill(pt_mnt(&p, "f"), MANY_BYTES);
		PT_OK(link(pt_mnt(&p, "f"), pt_mnt(&p, "g")));
		fd = pt_open(pt_mnt(&p, "f"), O_RDONLY);
		PT_OK(fsync(fd));
		cr_assert_lt(free_space(&p), before - MANY_BYTES + 65536);
		PT_OK(unlink(pt_mnt(&p, "g")));
		if (!open_at_the_end) {
			close(fd);
			read_and_close(&p, "f");
		}
		PT_OK(unlink(pt_mnt(&p, "f")));
		if (open_at_the_end)
			close(fd);
		CHECK_FREED(&p, before);
	}
	/* replaced by a rename */
	pt_fill(pt_mnt(&p, "f"), MANY_BYTES);
	pt_put(pt_mnt(&p, "new"), "small");
	read_and_close(&p, "f");
	PT_OK(rename(pt_mnt(&p, "new"), pt_mnt(&p, "f")));
	CHECK_FREED(&p, before);
	/* without a name from the start */
	fd = pt_open(p.d.mnt, O_TMPFILE | O_RDWR);
	PT_OK(fallocate(fd, 0, 0, (off_t)MANY_BYTES));
	cr_assert_lt(free_space(&p), before - MANY_BYTES + 65536);
	close(fd);
	CHECK_FREED(&p, before);
	pt_stop(&p);
}

/* The number of the last file that the kernel was given. */
static int last_id(const struct pt *p, size_t from)
{
	char *log, *at, *last = NULL;

	cr_assert(eventually(daemon_log_has(&p->d, from, "backing_id=")));
	log = daemon_log(&p->d, from);
	for (at = log; (at = strstr(at, "backing_id=")); at++)
		last = at;
	return atoi(last + strlen("backing_id="));
}

FACT(pt_backing, a_file_that_is_read_again_is_given_to_the_kernel_once)
{
	struct pt p = {0};
	size_t from;
	int id;

	pt_make_source(&p);
	pt_put(pt_src(&p, "f"), "hello");
	pt_put(pt_src(&p, "g"), "hello");
	pt_start(&p, "--debug", NULL);
	from = daemon_log_size(&p.d);
	pt_get(pt_mnt(&p, "f"));
	id = last_id(&p, from);
	cr_assert_gt(id, 0);
	nap(50);
	from = daemon_log_size(&p.d);
	pt_get(pt_mnt(&p, "f"));
	cr_assert_eq(last_id(&p, from), id);
	from = daemon_log_size(&p.d);
	pt_get(pt_mnt(&p, "g"));
	cr_assert_neq(last_id(&p, from), id);
	pt_stop(&p);
}

/* That one nobody tells the daemon, but nothing is kept for ever. */
FACT(pt_backing, a_file_that_was_deleted_on_the_source_frees_its_space_in_the_end)
{
	struct pt p = {0};
	unsigned long before;

	pt_start(&p, "-oentry_timeout=0.05,attr_timeout=0.05", NULL);
	before = free_space(&p);
	pt_fill(pt_mnt(&p, "f"), MANY_BYTES);
	read_and_close(&p, "f");
	PT_OK(unlink(pt_src(&p, "f")));
	cr_assert(eventually(!pt_exists(pt_mnt(&p, "f"))));
	cr_assert(eventually_within(20000, free_space(&p) + 65536 > before));
	pt_stop(&p);
}

FACT(pt_backing, thousands_of_files_that_were_open_cost_no_descriptors)
{
	struct pt p = {0};
	unsigned before;

	pt_start(&p, NULL);
	pt_put(pt_mnt(&p, "f"), "");
	before = daemon_count_fds(&p.d);
	for (unsigned i = 0; i < 1500; i++)
		pt_put(pt_mnt(&p, "f%u", i), "x");
	for (unsigned i = 0; i < 1500; i++)
		PT_OK(unlink(pt_mnt(&p, "f%u", i)));
	cr_assert(eventually(daemon_count_fds(&p.d) <= before + 8), "%u, and %u at the start",
		  daemon_count_fds(&p.d), before);
	pt_stop(&p);
}

/* ---- sources that stand on other file systems ---- */

static void use(struct pt *p)
{
	char got[8] = "";
	int fd;

	pt_put(pt_mnt(p, "f"), "hello");
	pt_append(pt_mnt(p, "f"), "+");
	cr_assert_str_eq(pt_get(pt_src(p, "f")), "hello+");
	fd = pt_open(pt_mnt(p, "f"), O_RDWR);
	cr_assert_eq(pwrite(fd, "J", 1, 0), 1);
	cr_assert_eq(pread(fd, got, 6, 0), 6);
	cr_assert_str_eq(got, "Jello+");
	PT_OK(fsync(fd));
	close(fd);
	cr_assert_str_eq(pt_get(pt_mnt(p, "f")), "Jello+");
	PT_OK(rename(pt_mnt(p, "f"), pt_mnt(p, "g")));
	PT_OK(mkdir(pt_mnt(p, "dir"), 0755));
	cr_assert_str_eq(pt_list(p->src), "dir g");
}

FACT(pt_backing, an_overlay_as_source_is_served)
{
	char options[512];
	struct pt p = {.kind = PT_DIR};

	pt_make_source(&p);
	harness_mkdir("lower", 0);
	harness_mkdir("upper", 0);
	harness_mkdir("work", 0);
	pt_put(harness_path("lower/f"), "lower");
	snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s",
		 harness_path("lower"), harness_path("upper"), harness_path("work"));
	PT_OK(mount("overlay", p.src, "overlay", 0, options));
	pt_start(&p, NULL);
	cr_assert_str_eq(pt_get(pt_mnt(&p, "f")), "lower");
	use(&p);
	cr_assert_str_eq(pt_get(harness_path("upper/g")), "Jello+");
	cr_assert_str_eq(pt_get(harness_path("lower/f")), "lower");
	pt_stop(&p);
}

FACT(pt_backing, another_fuse_mount_as_source_is_served)
{
	struct daemon inner = {0};
	struct pt p = {0};

	daemon_start(&inner, NULL);
	p.src = inner.mnt;
	pt_start(&p, NULL);
	use(&p);
	pt_stop(&p);
	/* the kernel may let go of the upper one's files a little after its daemon has ended */
	cr_assert(eventually(umount2(inner.mnt, 0) == 0), "%s", strerror(errno));
	cr_assert_eq(daemon_wait(&inner), 0);
}

/* Two of our own kind, one on the other. */
FACT(pt_backing, passthrough_of_a_passthrough_is_served)
{
	struct pt below = {0}, p = {0};

	pt_start(&below, NULL);
	p.src = below.d.mnt;
	pt_start(&p, NULL);
	use(&p);
	cr_assert_str_eq(pt_get(pt_src(&below, "g")), "Jello+");
	pt_stop(&p);
	pt_stop(&below);
}

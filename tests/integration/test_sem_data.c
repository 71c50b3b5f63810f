/*
 * The rules on open, read and write.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define BIG ((3u << 20) + 77) /* more than three messages can carry */

static char byte_at(size_t i)
{
	return (char)('!' + i % 89);
}

static char *big_text(void)
{
	char *text = malloc(BIG);

	cr_assert_not_null(text);
	for (size_t i = 0; i < BIG; i++)
		text[i] = byte_at(i);
	return text;
}

static void check_read(int fd, size_t size, size_t offset, size_t file_size)
{
	size_t left = offset < file_size ? file_size - offset : 0;
	size_t expected = size < left ? size : left;
	char *buf = malloc(size);

	cr_assert_eq(pread(fd, buf, size, (off_t)offset), (ssize_t)expected, "%zu at %zu", size,
		     offset);
	for (size_t i = 0; i < expected; i++)
		cr_assert_eq(buf[i], byte_at(offset + i), "at %zu", offset + i);
	free(buf);
}

static void check_reads(int fd)
{
	static const size_t size = 70001;

	files_forget_data(fd);
	for (size_t offset = 0; offset < size + 10000; offset += 9973) {
		check_read(fd, 1, offset, size);
		check_read(fd, 4096, offset, size);
		check_read(fd, 65536, offset, size);
	}
	check_read(fd, 100000, 0, size);
}

SEM_FACT(read, is_short_only_at_the_end_of_the_file)
{
	unsigned long node;
	char *text = big_text();
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "");
	fd = open(daemon_path(&d, "f"), O_RDWR | O_CLOEXEC);
	cr_assert_eq(write(fd, text, 70001), 70001);
	check_reads(fd);
	close(fd);
	/* and where each read(2) is a message of its own */
	sem_control("direct %lu", node);
	fd = open(daemon_path(&d, "f"), O_RDWR | O_CLOEXEC);
	check_reads(fd);
	close(fd);
	sem_stop(&d);
}

SEM_FACT(read, holes_are_zeros)
{
	char buf[5000], zeros[5000] = {0};
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	fd = files_create(daemon_path(&d, "f"));
	cr_assert_eq(pwrite(fd, "end", 3, 300000), 3);
	cr_assert_eq(ftruncate(fd, 310000), 0);
	files_forget_data(fd);
	for (off_t at = 0; at < 300000; at += 5000) {
		cr_assert_eq(pread(fd, buf, sizeof buf, at), 5000);
		cr_assert_eq(memcmp(buf, zeros, sizeof buf), 0, "at %ld", (long)at);
	}
	cr_assert_eq(pread(fd, buf, sizeof buf, 300000), 5000);
	cr_assert_eq(memcmp(buf, "end", 3), 0);
	cr_assert_eq(memcmp(buf + 3, zeros, sizeof buf - 3), 0);
	close(fd);
	sem_stop(&d);
}

SEM_FACT(read, what_is_left_out_of_a_page_reads_as_zeros)
{
	struct daemon d;
	char *map;
	int fd;

	sem_start(&d, backend, NULL);
	fd = files_create(daemon_path(&d, "f"));
	for (int i = 0; i < 4096; i += 4)
		cr_assert_eq(write(fd, "text", 4), 4);
	files_forget_data(fd);
	sem_control("read_at_most 100");
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(map[i], "text"[i % 4]);
	for (int i = 100; i < 4096; i++)
		cr_assert_eq(map[i], 0, "at %d", i);
	munmap(map, 4096);
	close(fd);
	sem_stop(&d);
}

SEM_FACT(write, takes_all_bytes)
{
	char *text = big_text(), *back = malloc(BIG);
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	fd = files_create(daemon_path(&d, "f"));
	cr_assert_eq(write(fd, text, BIG), BIG);
	cr_assert_eq(files_stat(fd).st_size, BIG);
	files_forget_data(fd);
	cr_assert_eq(pread(fd, back, BIG, 0), BIG);
	cr_assert_eq(memcmp(text, back, BIG), 0);
	cr_assert_eq(pwrite(fd, text, 5001, 777), 5001);
	files_forget_data(fd);
	cr_assert_eq(pread(fd, back, 5001, 777), 5001);
	cr_assert_eq(memcmp(text, back, 5001), 0);
	close(fd);
	sem_stop(&d);
}

SEM_FACT(write, may_take_fewer_with_direct_io)
{
	unsigned long node;
	struct daemon d;
	int fd;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "");
	sem_control("direct %lu", node);
	sem_control("write_at_most 10");
	fd = open(daemon_path(&d, "f"), O_RDWR | O_CLOEXEC);
	cr_assert_eq(write(fd, "0123456789abcdef", 16), 10);
	cr_assert_eq(files_stat(fd).st_size, 10);
	close(fd);
	sem_control("write_at_most 0");
	sem_stop(&d);
}

/* ---- open ---- */

SEM_FACT(open, keeps_the_page_cache)
{
	unsigned long reads;
	struct daemon d;

	sem_start(&d, backend, NULL);
	sem_put(&d, "f", "text");
	cr_assert_str_eq(sem_get(&d, "f"), "text");
	reads = sem_messages(&d, "READ");
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(sem_get(&d, "f"), "text");
	/* each reading of the report is one, too, but there was none in between */
	cr_assert_eq(sem_messages(&d, "READ"), reads);
	cr_assert_geq(sem_messages(&d, "OPEN"), 10);
	sem_stop(&d);
}

SEM_FACT(open, with_direct_io_each_read_is_asked_for)
{
	unsigned long node, reads;
	struct daemon d;

	sem_start(&d, backend, NULL);
	node = sem_put(&d, "f", "text");
	sem_control("direct %lu", node);
	reads = sem_messages(&d, "READ");
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(sem_get(&d, "f"), "text");
	cr_assert_eq(sem_messages(&d, "READ") - reads, 10);
	sem_stop(&d);
}

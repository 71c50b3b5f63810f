/*
 * What the data of a mount's files is like, asked once for each mount.
 * Knows nothing of open files.
 */
#include "file_impl.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/vfs.h>

#include "passthrough.h"

/* By f_type of statfs(2). */
static const struct {
	uint32_t magic;
	enum pt_file_kind kind;
} kinds[] = {
	{0x00009fa0, PT_FILE_KIND_SIZELESS}, /* proc */
	{0x62656572, PT_FILE_KIND_SIZELESS}, /* sysfs */
	{0x64626720, PT_FILE_KIND_SIZELESS}, /* debugfs */
	{0x74726163, PT_FILE_KIND_SIZELESS}, /* tracefs */
	{0x73636673, PT_FILE_KIND_SIZELESS}, /* securityfs */
	{0x62656570, PT_FILE_KIND_SIZELESS}, /* configfs */
	{0x0027e0eb, PT_FILE_KIND_SIZELESS}, /* cgroup */
	{0x63677270, PT_FILE_KIND_SIZELESS}, /* cgroup2 */
};

enum pt_file_kind pt_file_kind(struct pt *fs, uint32_t mount, int fd)
{
	_Atomic uint8_t *known = &fs->files->kinds[mount];
	enum pt_file_kind kind = atomic_load_explicit(known, memory_order_relaxed);
	struct statfs sfs;

	if (kind != PT_FILE_KIND_UNKNOWN)
		return kind;
	kind = PT_FILE_KIND_PLAIN;
	if (fstatfs(fd, &sfs) != 0)
		return kind;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].magic == (uint32_t)sfs.f_type)
			kind = kinds[i].kind;
	atomic_store_explicit(known, (uint8_t)kind, memory_order_relaxed);
	return kind;
}

#!/bin/bash
# stress-ng.sh DIR: stress-ng's file-system stressors, four at a time, with --verify, for a bounded time.
# STRESS_SECONDS is the time for all of them together (13); more makes each run longer.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need stress-ng

stressors=(
	access aio aiol chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify dup fallocate fcntl
	file-ioctl filename flock fpunch fsize fstat getdent handle hdd inode-flags inotify io iomix lease link locka
	lockf lockofd madvise mknod mmap msync open readahead rename revio seek sendfile splice symlink sync-file
	touch utime xattr
)
# Left out, with the reason:
#   chattr           now and then leaves an immutable file behind, on a kernel tmpfs too
#   fiemap, verity   a kernel tmpfs has neither: stress-ng skips them there too
#   io-uring         fails on a kernel tmpfs and on ext4: it asks STATX for a name that it has removed
#   bind-mount, binderfs, procfs, eventfd, ioprio, fanotify   are not about the directory given
sizes=(
	--aiol-requests 16 --copy-file-bytes 128M --fallocate-bytes 16M --hdd-bytes 16M --iomix-bytes 16M
	--mmap-bytes 16M --msync-bytes 16M --readahead-bytes 16M --revio-bytes 16M --seek-size 16M
	--sendfile-size 1M --splice-bytes 64K --sync-file-bytes 16M
)

at_once=4
batches=$(((${#stressors[@]} + at_once - 1) / at_once))
each=$((${STRESS_SECONDS:-13} / batches))
((each > 0)) || each=1

# batch STRESSOR...: all at once; a failure, a stressor that skips itself and anything left behind count.
batch() {
	local stressor
	local -a arguments=()
	for stressor in "$@"; do
		arguments+=("--$stressor" 1)
	done
	stress-ng --temp-path "$work" --timeout "$each" --verify --no-rand-seed "${sizes[@]}" "${arguments[@]}" \
		>"$outside/log" 2>&1 ||
		fail "among $*: $(grep -m 1 -E 'fail:|error:' "$outside/log" || tail -n 1 "$outside/log")"
	! grep -qE 'fail:|skipp' "$outside/log" || fail "among $*: $(grep -m 1 -E 'fail:|skipp' "$outside/log")"
	equal "what $* left behind" "$(ls -A)" ""
}

for ((first = 0; first < ${#stressors[@]}; first += at_once)); do
	batch "${stressors[@]:first:at_once}"
done
echo "$test_name: ${#stressors[@]} stressors, $each s each"

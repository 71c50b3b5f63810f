#!/bin/bash
# bench.sh: compares llfused's memfs with kernel tmpfs and, where installed, bindfs and python3-llfuse's
# tmpfs example, interleaved, and reports the goals.  Knows mount commands only; fsbench measures.
#
# Usage, as root: bench.sh [--strict]      (--strict: a goal missed or not measured is a failure)
# Environment:
#   BUILD            where llfused and fsbench were built (build)
#   LLFUSED_MOUNT    command that mounts llfused on the directory appended (BUILD/llfused --backend=tmpfs)
#   LLFUSE_EXAMPLE   python3-llfuse's tmpfs.py (searched under /usr/share/doc)
#   BENCH_SYSTEMS    which to measure ("tmpfs llfused bindfs llfuse-py")
#   BENCH_FILES, BENCH_ROUNDS, BENCH_SIZE, BENCH_THREADS   (3000, 5, 64m, 1)
#   BENCH_CSV        prefix of two CSV files with every sample
#   BENCH_LIMIT      seconds until everything is killed (900)
set -eu

fail() {
	echo "bench: $1" >&2
	exit "${2:-1}"
}

build=$(realpath -m "${BUILD:-build}")
fsbench=$build/fsbench
llfused_mount=${LLFUSED_MOUNT:-$build/llfused --backend=tmpfs}

# Everything happens in namespaces of its own: when this ends or is killed, mounts and daemons go with it.
if [[ ${1-} != --inside ]]; then
	[[ $# -eq 0 || $* == --strict ]] || fail "usage: bench.sh [--strict]" 2
	[[ $EUID -eq 0 ]] || fail "mounting takes root" 2
	[[ -x $fsbench ]] || fail "$fsbench is missing: run make first" 2
	top=$(mktemp -d)
	trap 'rmdir "$top"' EXIT
	status=0
	timeout --foreground -s KILL "${BENCH_LIMIT:-900}" \
		unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$top" "$@" || status=$?
	[[ $status -ne 137 ]] || echo "bench: killed after ${BENCH_LIMIT:-900} s" >&2
	exit "$status"
fi
top=$2
shift 2

mount -t tmpfs bench "$top"
systems=()
notes=()

# Wait for what was started to be mounted on a directory.
mounted() {
	local tries=0
	until timeout 5 mountpoint -q "$1"; do
		((++tries < 100)) || fail "nothing is mounted on $1 after 10 s"
		sleep 0.1
	done
}

system_tmpfs() {
	mount -t tmpfs tmpfs "$1"
}

system_llfused() {
	local -a command
	read -ra command <<<"$llfused_mount"
	timeout 30 "${command[@]}" "$1" || fail "'$llfused_mount $1' failed"
	mounted "$1"
}

system_bindfs() {
	command -v bindfs >/dev/null || return 3
	mkdir "$1.source"
	mount -t tmpfs tmpfs "$1.source"
	bindfs "$1.source" "$1"
	mounted "$1"
}

system_llfuse_py() {
	local example=${LLFUSE_EXAMPLE-} place
	for place in /usr/share/doc/python{3,}-llfuse{-doc,}/examples/tmpfs.py; do
		[[ -n $example || ! -r $place ]] || example=$place
	done
	[[ -r $example ]] && /usr/bin/python3 -c 'import llfuse' 2>/dev/null || return 3
	/usr/bin/python3 "$example" "$1" >"$top/llfuse-py.log" 2>&1 &
	mounted "$1"
}

for name in ${BENCH_SYSTEMS:-tmpfs llfused bindfs llfuse-py}; do
	mkdir "$top/$name"
	status=0
	case $name in
	tmpfs) system_tmpfs "$top/$name" ;;
	llfused) system_llfused "$top/$name" ;;
	bindfs) system_bindfs "$top/$name" || status=$? ;;
	llfuse-py) system_llfuse_py "$top/$name" || status=$? ;;
	*) fail "unknown system '$name'" 2 ;;
	esac
	case $status in
	0) systems+=("$name") ;;
	3) notes+=("$name: not installed, not measured") ;;
	*) fail "cannot mount $name" ;;
	esac
done

# measure PHASES SYSTEMS OPTION...: one interleaved run.
measure() {
	local phases=$1 name
	local -a arguments=()
	for name in $2; do
		arguments+=(--system "$name=$top/$name")
	done
	[[ " $2 " != *" bindfs "* ]] || arguments+=(--baseline=bindfs)
	shift 2
	"$fsbench" --phases="$phases" --files="${BENCH_FILES:-3000}" --rounds="${BENCH_ROUNDS:-5}" \
		--size="${BENCH_SIZE:-64m}" --threads="${BENCH_THREADS:-1}" "${arguments[@]}" "$@"
}

# The Python example would take minutes over the data phases (a few MiB/s), so it is left out of them.
data_systems=("${systems[@]/llfuse-py/}")
echo "Data"
measure seq-write,seq-read,direct-write,direct-read,rand-write,rand-read "${data_systems[*]}" \
	${BENCH_CSV:+--csv="$BENCH_CSV.data.csv"}
echo
echo "Small files and directories"
status=0
measure create,stat,open,open-write,open-read,readdir,rename,unlink,mkdir,rmdir "${systems[*]}" \
	--goal='create:llfused/bindfs>=1.2' --goal='rename:llfused/bindfs>=1.2' \
	--goal='unlink:llfused/bindfs>=1.5' --goal='open-write:llfused/bindfs>=2' \
	--goal='open:llfused/bindfs>=5' --goal='open-read:llfused/bindfs>=5' \
	${BENCH_CSV:+--csv="$BENCH_CSV.small.csv"} "$@" || status=$?
for note in "${notes[@]}"; do
	echo "note: $note"
done

# Unmounting is how each daemon is stopped.
for name in llfused bindfs llfuse-py; do
	! mountpoint -q "$top/$name" || umount "$top/$name" || fail "cannot unmount $name"
done
exit "$status"

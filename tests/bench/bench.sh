#!/bin/bash
# bench.sh: compares llfused's memfs, and its passthrough over a tmpfs, with a kernel tmpfs and, where installed, bindfs
# over a tmpfs and python3-llfuse's tmpfs example, interleaved, and reports the goals and how many FUSE messages each
# phase cost.  Knows mount commands only; fsbench measures.
#
# Usage, as root: bench.sh [--strict]      (--strict: a goal missed or not measured is a failure)
# Environment:
#   BUILD            where llfused and fsbench were built (build)
#   LLFUSED_MOUNT    llfused's command line without a mount point (BUILD/llfused --backend=tmpfs)
#   PASSTHROUGH_MOUNT  the same for its passthrough, without source too (BUILD/llfused --backend=passthrough)
#   LLFUSE_EXAMPLE   python3-llfuse's tmpfs.py (searched under /usr/share/doc)
#   BENCH_SYSTEMS    which to measure ("tmpfs llfused passthrough bindfs llfuse-py")
#   BENCH_FILES, BENCH_ROUNDS, BENCH_SIZE, BENCH_THREADS   (3000, 5, 64m, 1)
#   BENCH_CSV        prefix of two CSV files with every sample
#   BENCH_LIMIT      seconds until everything is killed (900)
set -eu

fail() {
	echo "bench: $1" >&2
	exit "${2:-1}"
}

here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath -m "${BUILD:-build}")
fsbench=$build/fsbench
llfused_mount=${LLFUSED_MOUNT:-$build/llfused --backend=tmpfs}
passthrough_mount=${PASSTHROUGH_MOUNT:-$build/llfused --backend=passthrough}

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

# serve NAME ARGUMENT... DIR: llfused in the foreground, so that its log and process id are known.
serve() {
	local name=$1
	shift
	"$@" 2>"$top/$name.log" &
	echo $! >"$top/$name.pid"
	mounted "${*: -1}"
}

system_llfused() {
	local -a command
	read -ra command <<<"$llfused_mount"
	serve llfused "${command[@]}" --foreground "$1"
}

system_passthrough() {
	local -a command
	read -ra command <<<"$passthrough_mount"
	mkdir "$1.source"
	mount -t tmpfs tmpfs "$1.source"
	serve passthrough "${command[@]}" --foreground --source="$1.source" "$1"
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

for name in ${BENCH_SYSTEMS:-tmpfs llfused passthrough bindfs llfuse-py}; do
	mkdir "$top/$name"
	status=0
	case $name in
	tmpfs) system_tmpfs "$top/$name" ;;
	llfused) system_llfused "$top/$name" ;;
	passthrough) system_passthrough "$top/$name" ;;
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
	"$fsbench" --phases="$phases" --size="${BENCH_SIZE:-64m}" --threads="${BENCH_THREADS:-1}" "${arguments[@]}" "$@"
}

# goals SYSTEM BASE PHASE>=RATIO...: put into the array of that name, if the system is measured.
goals=()
goals() {
	local system=$1 base=$2 goal
	shift 2
	[[ " ${systems[*]} " == *" $system "* ]] || return 0
	for goal in "$@"; do
		goals+=("--goal=${goal%%>*}:$system/$base>${goal#*>}")
	done
}

# The Python example would take minutes over the data phases (a few MiB/s), so it is left out of them.
data_systems=("${systems[@]/llfuse-py/}")
data=seq-over,seq-read,direct-write,direct-read,rand-write,rand-read,rand-cwrite,rand-cread
small=create,stat,open,open-write,open-read,readdir,rename,unlink,mkdir,rmdir
size=(--files="${BENCH_FILES:-3000}" --rounds="${BENCH_ROUNDS:-5}")
status=0
IFS=, read -ra each <<<"$data"
goals passthrough tmpfs "${each[@]/%/>=0.9}"
echo "Data"
measure "$data" "${data_systems[*]}" "${size[@]}" "${goals[@]}" ${BENCH_CSV:+--csv="$BENCH_CSV.data.csv"} "$@" || status=$?
echo
goals=()
goals llfused bindfs 'create>=1.2' 'rename>=1.2' 'unlink>=1.5' 'open-write>=2' 'open>=5' 'open-read>=5'
goals passthrough bindfs 'create>=0.9' 'open>=0.8' 'rename>=1.3' 'unlink>=1.8' 'open-read>=1.5' 'open-write>=1.2'
echo "Small files and directories"
measure "$small" "${systems[*]}" "${size[@]}" "${goals[@]}" ${BENCH_CSV:+--csv="$BENCH_CSV.small.csv"} "$@" || status=$?

# What the daemons were asked, in a run of its own that measures nothing.
served=()
for name in llfused passthrough; do
	[[ " ${systems[*]} " != *" $name "* ]] || served+=("$name")
done
if [[ ${#served[@]} -gt 0 ]]; then
	echo
	echo "Messages for each operation; for each MiB where that is the unit"
	MESSAGES=$top measure "$small,$data" "${served[*]}" --files=1000 --rounds=1 --hook="$here/messages.sh" \
		>"$top/messages" || fail "counting messages failed"
	sed -n 's/^messages //p' "$top/messages"
fi
for note in "${notes[@]}"; do
	echo "note: $note"
done

# Unmounting is how each daemon is stopped.
for name in llfused passthrough bindfs llfuse-py; do
	! mountpoint -q "$top/$name" || umount "$top/$name" || fail "cannot unmount $name"
done
exit "$status"

#!/bin/bash
# bench.sh: compares llfused's memfs and passthrough, on both transports, with a kernel tmpfs, an ext4 in memory and,
# where installed, bindfs over a tmpfs and python3-llfuse's tmpfs example, and with any other command that mounts
# something; interleaved.  Then: how many FUSE messages each phase cost, which goals are reached, and the pictures.
# systems.sh mounts, fsbench measures.
#
# Usage, as root: bench.sh [--strict]      (--strict: a goal missed or not measured is a failure)
# Environment:
#   BUILD            where llfused and fsbench were built (build)
#   BENCH_SYSTEMS    which to measure (all that systems.sh knows)
#   BENCH_PEERS      others, one a line: NAME=COMMAND with %d where the mount point stands and %s for a directory on a
#                    tmpfs; NAME/FILE=COMMAND measures single operations on that file of it
#   BENCH_GROUPS     what to do ("small mixes data trips messages")
#   BENCH_PHASES     only these phases, with commas (all)
#   BENCH_SCALE      systems that have a turn with two client threads, too ("llfused-uring passthrough-uring")
#   BENCH_FILES, BENCH_ROUNDS, BENCH_SIZE, BENCH_THREADS   (5000, 5, 64m, 1)
#   BENCH_OUT        where the CSV files with every sample and the pictures go (BUILD/bench)
#   BENCH_LIMIT      seconds until everything is killed (900)
#   LLFUSED_MOUNT    llfused's command line for memfs without a mount point (BUILD/llfused --backend=tmpfs)
#   PASSTHROUGH_MOUNT  the same for its passthrough, without source too (BUILD/llfused --backend=passthrough)
#   LLFUSE_EXAMPLE   python3-llfuse's tmpfs.py (searched under /usr/share/doc)
set -eu

fail() {
	echo "bench: $1" >&2
	exit "${2:-1}"
}

here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath -m "${BUILD:-build}")
out=$(realpath -m "${BENCH_OUT:-$build/bench}")
fsbench=$build/fsbench
switch=/sys/module/fuse/parameters/enable_uring

# Everything happens in namespaces of its own: when this ends or is killed, mounts and daemons go with it.
if [[ ${1-} != --inside ]]; then
	[[ $# -eq 0 || $* == --strict ]] || fail "usage: bench.sh [--strict]" 2
	[[ $EUID -eq 0 ]] || fail "mounting takes root" 2
	[[ -x $fsbench ]] || fail "$fsbench is missing: run make first" 2
	top=$(mktemp -d)
	before=N
	[[ ! -r $switch ]] || before=$(<"$switch")
	trap 'rmdir "$top"; [[ ! -w $switch || $(<"$switch") == "$before" ]] || echo "$before" >"$switch"' EXIT
	[[ ! -w $switch || $before == Y ]] || echo Y >"$switch"
	status=0
	timeout --foreground -s KILL "${BENCH_LIMIT:-900}" \
		unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$top" "$@" || status=$?
	[[ $status -ne 137 ]] || echo "bench: killed after ${BENCH_LIMIT:-900} s" >&2
	exit "$status"
fi
top=$2
shift 2

mount -t tmpfs bench "$top"
mkdir -p "$out"
rm -f "$out"/{small,mixes,data,trips}.{csv,svg}
# shellcheck source=tests/bench/systems.sh
. "$here/systems.sh"
systems_mount "${BENCH_SYSTEMS:-$all_systems}" "${BENCH_PEERS:-}"

# phases_of LIST: those of the list that are wanted.
phases_of() {
	local phase chosen=
	for phase in ${1//,/ }; do
		[[ -n ${BENCH_PHASES-} && ,$BENCH_PHASES, != *,$phase,* ]] || chosen+=,$phase
	done
	echo "${chosen#,}"
}

has() {
	[[ " $1 " == *" $2 "* ]]
}

# measure PHASES SYSTEMS OPTION...: one interleaved run, if there are phases and systems left.
measure() {
	local phases name
	local -a arguments=()
	phases=$(phases_of "$1")
	for name in $2; do
		arguments+=(--system "$name=$(system_path "${name%@*}")")
	done
	! has "$2" bindfs || arguments+=(--baseline=bindfs)
	shift 2
	[[ -n $phases && ${#arguments[@]} -gt 0 ]] || return 0
	"$fsbench" --phases="$phases" --size="${BENCH_SIZE:-64m}" --threads="${BENCH_THREADS:-1}" "${arguments[@]}" "$@"
}

# group NAME TITLE PHASES SYSTEMS OPTION...: a run whose samples are kept.
reads=()
group() {
	has "${BENCH_GROUPS:-small mixes data trips messages}" "$1" || return 0
	local name=$1 phases=$3 names=$4
	echo "$2"
	shift 4
	measure "$phases" "$names" --files="${BENCH_FILES:-5000}" --rounds="${BENCH_ROUNDS:-5}" --csv="$out/$name.csv" "$@"
	[[ ! -f $out/$name.csv ]] || reads+=("--read=$out/$name.csv")
	echo
}

# goals SYSTEM BASE PHASE>=RATIO...: what must be reached, if the system and the phase are measured.
goals=()
goals() {
	local system=$1 base=$2 goal
	shift 2
	for goal in "$@"; do
		grep -qs "^[^,]*,[^,]*,[^,]*,${goal%%>*},[^,]*,$system," "${reads[@]#--read=}" /dev/null || continue
		goals+=("--goal=${goal%%>*}:$system/$base>${goal#*>}")
	done
}

small=create,stat,open,open-write,open-read,readdir,rename,unlink,mkdir,rmdir
mixes=untar,walk,rmtree,build,sqlite,large
data=seq-new,seq-over,seq-read,direct-write,direct-read,rand-write,rand-read,rand-cwrite,rand-cread
data+=,mmap-write,mmap-read,mmap-rwrite,mmap-rread
trips=trip-getattr,trip-read,trip-write

# The Python example would take minutes with data (a few MiB/s): it has small files only.
fast=$(systems_but 'llfuse-py')
scaled=
for name in ${BENCH_SCALE-llfused-uring passthrough-uring}; do
	! has "${systems[*]}" "$name" || scaled+=" $name@2"
done
group small "Small files and directories" "$small" "$(systems_but 'no')$scaled"
group mixes "Mixes" "$mixes" "$fast" --together
group data "Data" "$data" "$fast"
group trips "Single operations" "$trips" \
	"$(systems_only 'tmpfs|llfused-uring|llfused-dev|passthrough-uring|bindfs') ${files[*]}"

# What the daemons were asked, in a run of its own that measures nothing.
silent=()
if has "${BENCH_GROUPS:-small mixes data trips messages}" messages; then
	echo "Messages for each operation, file, unit, commit or MiB"
	MESSAGES=$top measure "$small,$mixes,$data" "$(systems_only 'llfused-.*|passthrough-uring')" \
		--files=1000 --rounds=1 --hook="$here/messages.sh" >"$top/messages" || fail "counting messages failed"
	sed -n 's/^messages //p' "$top/messages"
	silent=(stat readdir)
	echo
fi

# every LIST ENDING: each phase of the list, with that ending.
every() {
	local phase
	for phase in ${1//,/ }; do
		echo "$phase$2"
	done
}

# What must be reached.
goals llfused-uring tmpfs 'create>=0.2' 'rename>=0.25' 'unlink>=0.33' 'open>=0.6' 'open-read>=0.5' 'open-write>=0.35' \
	'seq-read>=0.9' 'seq-over>=0.25' 'seq-new>=0.4'
# shellcheck disable=SC2046
goals llfused-uring-pt tmpfs $(every "$data" '>=0.95')
goals passthrough-uring bindfs 'create>=2' 'open>=1.7' 'open-write>=2.5' 'open-read>=3' 'rename>=2.8' 'unlink>=3'
goals passthrough-uring tmpfs 'rand-write>=0.9'
for name in $scaled; do
	# shellcheck disable=SC2046
	goals "$name" "${name%@*}" $(every "$small" '>=1.7')
done
goals null-uring null-dev 'trip-getattr>=1.7' 'trip-read>=1.7' 'trip-write>=1.7'
for name in "${files[@]}"; do
	[[ $name != bare* ]] || goals null-uring "$name" 'trip-getattr>=0.95' 'trip-read>=0.95' 'trip-write>=0.95'
done

status=0
strict=${*:-}
if [[ ${#reads[@]} -gt 0 ]]; then
	"$fsbench" "${reads[@]}" --no-table "${goals[@]}" "$@" || status=$?
fi
# verdict WHAT VALUE GOAL YES-OR-NO
verdict() {
	local word=reached
	[[ $4 == yes ]] || word=MISSED
	[[ $word == reached || -z $strict ]] || status=1
	printf '  %s: %s, %s: %s\n' "$1" "$2" "$3" "$word"
}

for phase in "${silent[@]}"; do
	for name in $(systems_only 'llfused-.*'); do
		line=$(grep "^messages $phase  *$name\>" "$top/messages" || true)
		[[ -n $line ]] || continue
		count=$(awk '{ for (i = 5; i <= NF; i += 2) n += $i } END { printf "%.2f", n }' <<<"$line")
		verdict "$phase $name" "$count messages" "less than 0.01" "$(awk -v n="$count" 'BEGIN { print n < 0.01 ? "yes" : "no" }')"
	done
done
for name in "${systems[@]}" "${files[@]}"; do
	[[ -n ${idle[$name]-} ]] || continue
	verdict "$name, idle" "${idle[$name]} KiB resident" "at most 8192" "$( ((idle[$name] <= 8192)) && echo yes || echo no)"
done

# The pictures.
picture() {
	local -a arguments=()
	local name
	[[ -f $out/$1.csv ]] || return 0
	for name in $(systems_only 'tmpfs|ext4|llfused-.*|passthrough-uring|bindfs|llfuse-py'); do
		arguments+=(--system "$name")
	done
	"$fsbench" "${reads[@]}" --no-table "${arguments[@]}" --phases="$(phases_of "$3")" --svg="$out/$1.svg" \
		--title="$2, as ratios to kernel tmpfs ($(nproc) processors, Linux $(uname -r))"
	echo "picture: $out/$1.svg"
}
if has "${systems[*]}" tmpfs && [[ ${#reads[@]} -gt 0 ]]; then
	picture small "Files and directories" "$small"
	picture mixes "Mixes of operations" "$mixes"
	picture data "Data of a large file" "$data"
fi
for note in "${notes[@]}"; do
	echo "note: $note"
done

# Unmounting is how each daemon is stopped.
systems_unmount
exit "$status"

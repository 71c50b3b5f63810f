# shellcheck shell=bash
# systems.sh: mounts what bench.sh measures, each by its name below $top.  Knows how things are mounted; must not know
# what is measured.  Sourced, with $top (a tmpfs), $build and fail(); gives:
#   all_systems      the names it knows, but llfused-uring-auto, which is one of two others
#   systems, files   arrays: what is mounted as a directory, and what is measured as one file
#   notes            what could not be mounted, and why
#   idle             KiB resident of each llfused before it had work, by name

all_systems="tmpfs ext4 llfused-uring llfused-dev llfused-uring-pt passthrough-uring passthrough-dev bindfs llfuse-py"
all_systems+=" null-uring null-dev bare-uring"
: "${top:?}" "${build:?}"
systems=()
files=()
notes=()
# shellcheck disable=SC2034
declare -A idle=()

llfused_mount=${LLFUSED_MOUNT:-$build/llfused --backend=tmpfs}
passthrough_mount=${PASSTHROUGH_MOUNT:-$build/llfused --backend=passthrough}
# A function that cannot mount leaves the reason here and returns 3.
why=

# Wait for what was started to be mounted on a directory.
mounted() {
	local tries=0
	until timeout 5 mountpoint -q "$1"; do
		((++tries < 100)) || fail "nothing is mounted on $1 after 10 s"
		sleep 0.1
	done
}

source_of() {
	mkdir "$1.source"
	mount -t tmpfs tmpfs "$1.source"
}

# serve NAME TRANSPORT ARGUMENT...: llfused in the foreground, so that its log and process id are known, on the
# transport asked for and no other.
serve() {
	local name=$1 transport=$2 tries=0
	shift 2
	if [[ $transport == uring && $(cat /sys/module/fuse/parameters/enable_uring 2>/dev/null) != Y ]]; then
		why="this kernel has no FUSE over io_uring"
		return 3
	fi
	"$@" --transport="$transport" --foreground "$top/$name" 2>"$top/$name.log" &
	echo $! >"$top/$name.pid"
	mounted "$top/$name"
	until grep -q 'serving .* transport=' "$top/$name.log"; do
		((++tries < 50)) || fail "$name does not say which transport it has"
		sleep 0.1
	done
	grep -q "serving .* transport=$transport " "$top/$name.log" || fail "$name is not on $transport"
	# shellcheck disable=SC2034
	idle[$name]=$(awk '/^VmRSS:/ { print $2 }' "/proc/$(<"$top/$name.pid")/status")
}

# memfs NAME TRANSPORT DATA: where it has the choice, with data=DATA.
memfs() {
	local -a command
	read -ra command <<<"$llfused_mount"
	if "${command[@]}" --help 2>/dev/null | grep -q '^ *data='; then
		command+=(-o "data=$3")
	elif [[ $3 != cached ]]; then
		why="this llfused has no data=$3"
		return 3
	fi
	serve "$1" "$2" "${command[@]}"
}

passthrough() {
	local -a command
	read -ra command <<<"$passthrough_mount"
	source_of "$top/$1"
	serve "$1" "$2" "${command[@]}" --source="$top/$1.source"
}

# In memory, so that no disk decides.
ext4() {
	why="mkfs.ext4 or a loop device is missing"
	truncate -s 4g "$top/$1.image"
	mkfs.ext4 -q -F "$top/$1.image" 2>/dev/null && mount -o loop "$top/$1.image" "$top/$1" 2>/dev/null || return 3
}

bindfs_mount() {
	why="not installed"
	command -v bindfs >/dev/null || return 3
	source_of "$top/$1"
	bindfs "$top/$1.source" "$top/$1"
	mounted "$top/$1"
}

llfuse_py() {
	local example=${LLFUSE_EXAMPLE-} place
	why="not installed"
	for place in /usr/share/doc/python{3,}-llfuse{-doc,}/examples/tmpfs.py; do
		[[ -n $example || ! -r $place ]] || example=$place
	done
	[[ -r $example ]] && /usr/bin/python3 -c 'import llfuse' 2>/dev/null || return 3
	/usr/bin/python3 "$example" "$top/$1" >"$top/$1.log" 2>&1 &
	mounted "$top/$1"
}

# peer NAME COMMAND: it may stay in the foreground or not.
peer() {
	local line=${2//%d/$top/$1}
	if [[ $line == *%s* ]]; then
		source_of "$top/$1"
		line=${line//%s/$top/$1.source}
	fi
	bash -c "exec $line" >"$top/$1.log" 2>&1 &
	mounted "$top/$1"
}

# A server that does nothing else, on io_uring.
bare() {
	why="$build/tests/bare is missing"
	[[ -x $build/tests/bare ]] || return 3
	"$build/tests/bare" "$top/$1" >"$top/$1.log" 2>&1 &
	mounted "$top/$1"
}

system_mount() {
	case $1 in
	tmpfs) mount -t tmpfs tmpfs "$top/$1" ;;
	ext4) ext4 "$1" ;;
	llfused-uring) memfs "$1" uring cached ;;
	llfused-dev) memfs "$1" dev cached ;;
	llfused-uring-pt) memfs "$1" uring passthrough ;;
	llfused-uring-auto) memfs "$1" uring auto ;;
	passthrough-uring) passthrough "$1" uring ;;
	passthrough-dev) passthrough "$1" dev ;;
	null-uring | null-dev) serve "$1" "${1#null-}" "$build/llfused" --backend=null ;;
	bare-uring) bare "$1" ;;
	bindfs) bindfs_mount "$1" ;;
	llfuse-py) llfuse_py "$1" ;;
	*) fail "unknown system '$1'" 2 ;;
	esac
}

# systems_mount NAMES PEERS
systems_mount() {
	local name line status
	for name in $1; do
		mkdir "$top/$name"
		status=0
		system_mount "$name" || status=$?
		case $status in
		0) [[ $name == null-* || $name == bare-* ]] && files+=("$name") || systems+=("$name") ;;
		3) notes+=("$name: $why, not measured") ;;
		*) fail "cannot mount $name" ;;
		esac
	done
	while IFS= read -r line; do
		[[ $line =~ [^[:space:]] ]] || continue
		[[ $line =~ ^([A-Za-z0-9._-]+)(/([^=]+))?=(.+)$ ]] || fail "bad peer '$line' (want NAME=COMMAND)" 2
		name=${BASH_REMATCH[1]}
		mkdir "$top/$name" || fail "two systems are named '$name'" 2
		if [[ -n ${BASH_REMATCH[3]} ]]; then
			echo "${BASH_REMATCH[3]}" >"$top/$name.file"
			files+=("$name")
		else
			systems+=("$name")
		fi
		peer "$name" "${BASH_REMATCH[4]}"
	done <<<"$2"
}

# The directory or file to measure.
system_path() {
	case $1 in
	null-* | bare-*) echo "$top/$1/f" ;;
	*) [[ -f $top/$1.file ]] && echo "$top/$1/$(<"$top/$1.file")" || echo "$top/$1" ;;
	esac
}

# The names of mounted directories that a pattern fits, or fits not.
systems_only() {
	printf '%s\n' "${systems[@]}" | grep -Ex "$1" | tr '\n' ' ' || true
}

systems_but() {
	printf '%s\n' "${systems[@]}" | grep -vEx "$1" | tr '\n' ' ' || true
}

systems_unmount() {
	local name
	for name in "${systems[@]}" "${files[@]}"; do
		! mountpoint -q "$top/$name" || umount "$top/$name" || fail "cannot unmount $name"
	done
}

# common.bash: the frame of every program test: arguments, needed programs, a private place, one closing line.
# Sourced by NAME.sh, which runs as: NAME.sh DIR.  Knows nothing of what is mounted on DIR.
# shellcheck shell=bash
set -eu -o pipefail
export LC_ALL=C TZ=UTC

test_name=$(basename "$0" .sh)

# A failure says in one line what differed.
fail() {
	echo "$test_name: $*" >&2
	exit 1
}

# need PROGRAM...: a missing program is a failure, never a silent skip.
need() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || fail "not installed: $program"
	done
}

# same WHAT FILE FILE: two text files must be equal; the first differing lines are shown.
same() {
	cmp -s "$2" "$3" && return
	diff "$2" "$3" | cut -c 1-200 | head -n 20 >&2 || true
	fail "$1 differ"
}

# equal WHAT GOT WANTED
equal() {
	[[ "$2" == "$3" ]] || fail "$1: got '$2', wanted '$3'"
}

# refused ERRNO-TEXT COMMAND...: it must fail, and say why.
refused() {
	local text=$1 said
	shift
	! said=$("$@" 2>&1) || fail "should be refused: $*"
	[[ $said == *"$text"* ]] || fail "$*: said '$said', wanted '$text'"
}

cleanup() {
	local status=$?
	# shellcheck disable=SC2046
	kill $(jobs -p) 2>/dev/null || true
	cd /
	rm -rf "$work" "$outside"
	exit "$status"
}

[[ $# -eq 1 && -d ${1-} ]] || {
	echo "usage: $test_name.sh DIR" >&2
	exit 2
}
work=$(mktemp -d "$(realpath "$1")/$test_name.XXXXXX") # on the file system under test
outside=$(mktemp -d)                                  # notes that must not depend on it
trap cleanup EXIT
trap 'exit 1' INT TERM
cd "$work"

#!/bin/bash
# run.sh: runs the tests of the small backends and of how plugins are built and installed.
# Knows the scripts by their place only.
#
# Usage: run.sh [NAME...]      (as root; NAME: only these, e.g. kv null)
# Environment:
#   LLFUSED       the daemon (build/llfused)
#   BUILD         where it was built (build)
#   SCRIPT_LIMIT  seconds for each script (120)
#   LLFUSED_TEST_TRANSPORT   dev or uring: what each daemon must be on
#   MAKE, CC, CFLAGS, SANITIZE   how it was built, for out-of-tree.sh
set -eu

usage() {
	echo "plugins: $1" >&2
	exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/common/transport.bash
source "$here/../common/transport.bash"
LLFUSED=$(realpath -m "${LLFUSED:-build/llfused}")
BUILD=$(realpath -m "${BUILD:-build}")
export LLFUSED BUILD
limit=${SCRIPT_LIMIT:-120}

inside=
if [[ ${1-} == --inside ]]; then
	inside=yes
	shift
fi

scripts=()
for name in "$@"; do
	[[ -x $here/$name.sh && $name != run ]] || usage "no test named '$name'"
	scripts+=("$here/$name.sh")
done
if [[ $# -eq 0 ]]; then
	for script in "$here"/*.sh; do
		[[ $script == "$here/run.sh" ]] || scripts+=("$script")
	done
fi

# The mounts live in namespaces of their own: when this ends or is killed, they and their daemons go.
if [[ -z $inside ]]; then
	[[ $EUID -eq 0 ]] || usage "mounting takes root"
	status=0
	"${ring_command[@]}" timeout --foreground -s KILL $((limit * ${#scripts[@]} + 60)) \
		unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$@" || status=$?
	[[ $status -ne 137 ]] || echo "plugins: killed by the watchdog" >&2
	exit "$status"
fi

passed=0
failed=0
for script in "${scripts[@]}"; do
	status=0
	began=$SECONDS
	timeout -k 5 "$limit" "$script" || status=$?
	if [[ $status -eq 0 ]]; then
		passed=$((passed + 1))
		continue
	fi
	failed=$((failed + 1))
	name=$(basename "$script" .sh)
	[[ $status -ne 124 && $status -ne 137 ]] || echo "$name: not done after $limit s, killed" >&2
	echo "$name ($((SECONDS - began)) s): FAILED" >&2
done
echo "plugins: $passed passed, $failed failed, on transport $transport"
[[ $failed -eq 0 ]]

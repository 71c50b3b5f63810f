# transport.bash: the transport that the daemons of a suite must be on: LLFUSED_TEST_TRANSPORT, `dev` or `uring`; uring
# if it says nothing.  Sourced by the suites.  Knows no suite.
# shellcheck shell=bash

transport=${LLFUSED_TEST_TRANSPORT:-uring}
[[ $transport == dev || $transport == uring ]] || {
	echo "$0: LLFUSED_TEST_TRANSPORT=$transport: neither dev nor uring" >&2
	exit 2
}

# ring_command: what a suite puts before the command that runs it: it needs the kernel's switch to be on.
ring_command=()
# shellcheck disable=SC2034
[[ $transport == dev ]] || ring_command=("$(dirname "${BASH_SOURCE[0]}")/ring-on.sh")

# on_transport LOG: the daemon's start line must say it within ten seconds after the mount.
on_transport() {
	local tries=0
	until grep -q ' transport=' "$1"; do
		((++tries < 200)) || break
		sleep 0.05
	done
	grep -q " transport=$transport (" "$1" && return
	echo "not on transport $transport: $(grep -m 1 -o ' transport=[^)]*)' "$1" || echo "no start line")" >&2
	return 1
}

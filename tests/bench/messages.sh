#!/bin/bash
# messages.sh begin|end SYSTEM PHASE DONE: fsbench's hook: how many FUSE messages of each kind a phase cost, for each one
# of what it counts, as a line "messages ...".  Knows that llfused logs its counters at SIGUSR1, and nothing of phases.
#
# Environment: MESSAGES   a directory with SYSTEM.pid and SYSTEM.log, the daemon's process id and log
set -eu

when=$1
system=$2
phase=$3
count=$4
log=$MESSAGES/$system.log
[[ -r $MESSAGES/$system.pid ]] || exit 0
daemon=$(<"$MESSAGES/$system.pid")

sleep 0.1 # what follows a close comes later
before=$(grep -c 'counters: malformed=' "$log" || true)
kill -USR1 "$daemon"
tries=0
until (($(grep -c 'counters: malformed=' "$log" || true) > before)); do
	((++tries < 100)) || {
		echo "messages: no counters from process $daemon" >&2
		exit 1
	}
	sleep 0.02
done
grep 'counters: ' "$log" | grep -v malformed= | tail -n 1 >"$MESSAGES/$system.$when"
[[ $when == end ]] || exit 0

awk -v who="$system" -v what="$phase" -v count="$count" '
	{
		for (i = 1; i <= NF; i++)
			if (split($i, part, /[=\/]/) >= 2 && part[2] ~ /^[0-9]+$/) {
				total[part[1]] += NR == 1 ? -part[2] : part[2]
				if (!(part[1] in place)) {
					place[part[1]] = ++n
					name[n] = part[1]
				}
			}
	}
	END {
		printf "messages %-12s %-18s", what, who
		for (i = 1; i <= n; i++)
			if (count > 0 && total[name[i]] / count >= 0.005)
				printf " %s %.2f", name[i], total[name[i]] / count
		print ""
	}' "$MESSAGES/$system.begin" "$MESSAGES/$system.end"

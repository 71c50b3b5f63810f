#!/bin/bash
# sqlite.sh DIR: several processes write one database and one of them is killed; nothing committed is lost and the
# database stays whole.  In WAL mode (shared mmap) and with a rollback journal (byte-range locks).
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need sqlite3 stdbuf

writers=4
transactions=40

# Each transaction moves one unit between accounts and notes it; then it tells that it was committed.
statements() {
	local n
	echo '.timeout 60000'
	for ((n = 1; n <= $2; n++)); do
		echo "BEGIN IMMEDIATE;
			UPDATE account SET amount = amount - 1 WHERE id = $(($1 * 7 % 10));
			UPDATE account SET amount = amount + 1 WHERE id = $(($1 * 3 % 10 + 10));
			INSERT INTO note(who, n, text) VALUES ($1, $n, hex(zeroblob(300)));
			COMMIT;
			SELECT 'committed $n';"
	done
}

ask() {
	sqlite3 -bail -cmd '.timeout 60000' "$1" "$2"
}

# start WHO: a writer in the background, its process id in $!.
start() {
	stdbuf -oL sqlite3 -bail "$db" <"$outside/$1.sql" >"$outside/$1.told" 2>"$outside/$1.errors" &
}

database_make() {
	equal "journal mode" "$(ask "$db" "PRAGMA journal_mode = $mode")" "$mode"
	ask "$db" "CREATE TABLE account(id INTEGER PRIMARY KEY, amount INTEGER);
		CREATE TABLE note(who INTEGER, n INTEGER, text TEXT, PRIMARY KEY (who, n));
		WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 19)
		INSERT INTO account SELECT i, 1000 FROM c;"
}

# What the killed writer told is there; it may have died between committing and telling, never the other way round.
killed_check() {
	local told noted
	told=$(grep -c committed "$outside/99.told")
	noted=$(ask "$db" 'SELECT count(*) FROM note WHERE who = 99')
	((noted == told || noted == told + 1)) || fail "$mode: $told commits were told, $noted are there"
}

run_mode() {
	local who victim tries=0 status=0
	local -a pids=()
	mode=$1
	db=$work/$1.db
	database_make
	rm -f "$outside/99.told" # what it told in another mode
	start 99
	victim=$!
	for ((who = 1; who <= writers; who++)); do
		start "$who"
		pids+=($!)
	done
	until grep -qs 'committed 10$' "$outside/99.told"; do
		((++tries < 3000)) || fail "$mode: the writer to be killed does not get on"
		sleep 0.02
	done
	kill -9 "$victim" || fail "$mode: the writer to be killed has ended"
	wait "$victim" 2>/dev/null || status=$?
	equal "$mode: status of the killed writer" "$status" 137
	for ((who = 1; who <= writers; who++)); do
		wait "${pids[who - 1]}" || fail "$mode: writer $who: $(head -n 1 "$outside/$who.errors")"
	done
	killed_check
	equal "$mode: integrity_check" "$(ask "$db" 'PRAGMA integrity_check')" ok
	equal "$mode: sum of all accounts" "$(ask "$db" 'SELECT sum(amount) FROM account')" 20000
	equal "$mode: transactions" "$(ask "$db" 'SELECT count(*) FROM note WHERE who < 99')" $((writers * transactions))
}

for who in 1 2 3 4; do
	statements "$who" "$transactions" >"$outside/$who.sql"
done
statements 99 20000 >"$outside/99.sql"
run_mode wal
run_mode delete
run_mode truncate
ask "$work/wal.db" "VACUUM INTO '$work/copy.db'"
equal "integrity_check of a copy" "$(ask "$work/copy.db" 'PRAGMA integrity_check')" ok
echo "$test_name: $writers writers and one killed in WAL and rollback modes, every commit there"

#!/bin/sh
# Checks from the compiler's dependency files that no folder includes what it may not know.
# Usage: check-layers.sh BUILD_DIR
set -eu

build=${1:?usage: check-layers.sh BUILD_DIR}
bad=0

# forbid FOLDER PATTERN WHY: no object of FOLDER may depend on a file that matches PATTERN
forbid() {
	for d in "$build"/obj/"$1"/*.d; do
		[ -f "$d" ] || continue
		if tr ' ' '\n' <"$d" | grep -E -v '^[^ ]*\.o:$' | grep -E -q "$2"; then
			echo "layers: $d: $3" >&2
			bad=1
		fi
	done
}

forbid proto '(^|/)(daemon|backends|tools|tests)/' 'proto/ may include nothing but itself and libc'
forbid backends/memfs '(^|/)(daemon|proto|tools|tests)/' 'a backend may include only the public header'
forbid daemon '(^|/)(backends/memfs|tools|tests)/' 'daemon/ may not look inside a backend'
forbid tools/fsbench '(^|/)(daemon|backends|tests)/' 'tools/ may include only proto/'

[ "$bad" -eq 0 ] && echo "layers: every folder includes only what it may"
exit "$bad"

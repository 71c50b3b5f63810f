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
forbid daemon '(^|/)(tools|tests)/' 'daemon/ may include only proto/ and the public header'
forbid tools/fsbench '(^|/)(daemon|backends|tests)/' 'tools/ may include only proto/'
forbid tests/integration/testfs '(^|/)(daemon|proto|tools)/' 'a backend may include only the public header'

for backend in memfs passthrough null hello kv; do
	forbid daemon "(^|/)backends/$backend/" 'daemon/ may not look inside a backend'
	forbid "backends/$backend" '(^|/)(daemon|proto|tools|tests)/' \
		'a backend may include only the public header'
	for other in memfs passthrough null hello kv; do
		[ "$other" = "$backend" ] || forbid "backends/$backend" "(^|/)backends/$other/" \
			'a backend may not look inside another one'
	done
done

[ "$bad" -eq 0 ] && echo "layers: every folder includes only what it may"
exit "$bad"

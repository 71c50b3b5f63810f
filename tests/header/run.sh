#!/bin/bash
# run.sh: the public header compiles alone as C99, C11, C17 and C++17, and takes no name that does not begin with
# llfused_ or LLFUSED_.  Knows no more of it than its path.
# Environment: CC (cc), CXX (c++)
set -eu -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."

read -ra cc <<<"${CC:-cc}"
read -ra cxx <<<"${CXX:-c++}"
header=backends/include/llfused/backend.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# check WHAT COMMAND...: one test; what the command says is shown when it fails.
check() {
	local what=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "header: $what: FAILED" >&2
		head -n 20 "$work/said" >&2
	fi
}

# The smallest plugin, with the parts that are macros and inline functions in use.
cat >"$work/plugin.c" <<'END'
#include <llfused/backend.h>

static int load(void **fs, struct llfused_error *error)
{
	struct llfused_buf buf = {NULL, 0, 0};

	(void)fs;
	llfused_buf_read(&buf, "", 0, 0);
	error->text[0] = '\0';
	return llfused_buf_put(&buf, "", 0);
}
END
cp "$work/plugin.c" "$work/plugin.cc"
cat >>"$work/plugin.c" <<'END'

static const struct llfused_ops ops = {.size = sizeof(ops)};
static const struct llfused_backend backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "none",
	.summary = "nothing",
	.ops = &ops,
	.load = load,
};
LLFUSED_PLUGIN(backend)
END
cat >>"$work/plugin.cc" <<'END'

static llfused_backend make()
{
	static llfused_ops ops = {};
	llfused_backend b = {};

	ops.size = sizeof ops;
	b.size = sizeof b;
	b.api_major = LLFUSED_API_MAJOR;
	b.ops = &ops;
	b.load = load;
	return b;
}
static const llfused_backend backend = make();
LLFUSED_PLUGIN(backend)
END

strict=(-pedantic -Wall -Wextra -Werror -Wmissing-declarations -Ibackends/include -fsyntax-only)
for std in c99 c11 c17; do
	check "compiles as $std" "${cc[@]}" -std=$std "${strict[@]}" -Wstrict-prototypes "$work/plugin.c"
done
skipped=0
if command -v "${cxx[0]}" >/dev/null; then
	check "compiles as c++17" "${cxx[@]}" -std=c++17 "${strict[@]}" "$work/plugin.cc"
else
	echo "header: not installed: ${cxx[0]}" >&2
	skipped=1
fi

# Every identifier that the header itself declares at file scope, with the tags and constants in it.  What follows a
# brace or a parenthesis belongs to something that has a name already: members, parameters, bodies.
declared() {
	"${cc[@]}" -std=c17 -E -dD -Ibackends/include "$header" | awk -v header="$header" '
		/^# [0-9]+ "/ { ours = index($3, header) > 0; next }
		!ours { next }
		/^# *define / { sub(/^# *define */, ""); sub(/[^A-Za-z0-9_].*/, ""); print "macro " $0; next }
		/^ *#/ { next }
		{ text = text " " $0 }
		END {
			gsub(/"([^"\\]|\\.)*"/, " ", text)
			gsub(/[^A-Za-z0-9_]/, " & ", text)
			n = split(text, token, " ")
			for (i = 1; i <= n; i++) {
				t = token[i]
				if (t == "(" || t == "{" || t == "[") {
					depth++
					kind[depth] = t == "{" && (was == "enum" || before == "enum") ? "enum" : t
					first = 1
				} else if (t == ")" || t == "}" || t == "]") {
					depth--
				} else if (t == ",") {
					first = 1
				} else if (t ~ /^[A-Za-z_]/) {
					if (was == "struct" || was == "union" || was == "enum")
						print "tag " t
					else if (depth == 0)
						print "name " t
					else if (kind[depth] == "enum" && first)
						print "constant " t
					first = 0
				}
				before = was
				was = t
			}
		}'
}

# What may stand there besides: the language, types of libc, and attributes.
known='__attribute__|char|const|enum|extern|inline|int|int32_t|int64_t|size_t|static|struct|timespec|typedef|uint32_t'
known+='|uint64_t|union|unsigned|void'

foreign_names() {
	declared >"$work/names"
	! grep -E -v "^[a-z]+ (llfused_|LLFUSED_|($known)\$)" "$work/names"
}
check "names begin with llfused_ or LLFUSED_" foreign_names

# That the list above is one: a few names that must be in it.
lists() {
	local line
	for line in "macro LLFUSED_PLUGIN" "macro LLFUSED_ROOT_ID" "tag llfused_ops" "name llfused_pend" \
		"name llfused_pending" "name llfused_buf_read" "constant LLFUSED_LOG_ERROR"; do
		grep -qx "$line" "$work/names" || {
			echo "not found: $line"
			return 1
		}
	done
}
check "the names are found" lists

echo "header: $passed passed, $failed failed$([[ $skipped -eq 0 ]] || echo ", $skipped skipped")"
[[ $failed -eq 0 ]]

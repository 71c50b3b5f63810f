#!/bin/bash
# out-of-tree.sh: what `make install` leaves is all that a plugin needs: the installed example is built in a folder of
# its own with nothing of the source tree in sight, and the installed daemon serves it.
# shellcheck source=tests/plugins/common.bash
source "$(dirname "$0")/common.bash"
: "${BUILD:?where the daemon was built}"

tree=$(cd "$(dirname "$0")/../.." && pwd)
read -ra cc <<<"${CC:-cc}"
for program in pkg-config "${cc[0]}" "${MAKE:=make}"; do
	command -v "$program" >/dev/null || fail "not installed: $program"
done

# In an empty environment: neither variables nor flags of the make that has started this.
quiet_make() {
	env -i PATH="$PATH" PKG_CONFIG_PATH="${pkg_config_path-}" PKG_CONFIG_SYSROOT_DIR="${sysroot-}" \
		"$MAKE" --no-print-directory -s CC="${cc[*]}" "$@" >"$work/make" 2>&1 || {
		cat "$work/make" >&2
		fail "make $* failed"
	}
}

# A build for a prefix of ours; the objects are those of the build under test.
prefix=$work/prefix
mkdir -p "$work/build/obj"
cp -a "$BUILD/obj/daemon" "$BUILD/obj/proto" "$BUILD/obj/backends" "$work/build/obj"
install_to() {
	quiet_make -C "$tree" B="$work/build" CFLAGS="${CFLAGS--O2 -g}" SANITIZE="${SANITIZE-}" PREFIX="$prefix" \
		DESTDIR="$1" install
}

# serves_hello OPTION...: the installed daemon is started with them, and it is hello that it serves.
serves_hello() {
	start "$@"
	equal "the message" "$(cat "$mnt/message")" "hello world"
	equal "the listing" "$(ls "$mnt")" "message"
	refused "Permission denied" bash -c "echo x >>'$mnt/message'"
	stop
}

# ---- installed below DESTDIR, as for a package

root=$work/root
install_to "$root"
for file in bin/llfused include/llfused/backend.h lib/llfused/hello.so lib/llfused/kv.so \
	lib/pkgconfig/llfused.pc share/man/man8/llfused.8 share/man/man3/llfused-backend.3 \
	share/doc/llfused/examples/hello/hello.c share/doc/llfused/examples/hello/Makefile \
	share/doc/llfused/examples/kv/kv.c; do
	[[ -f $root$prefix/$file ]] || fail "make install left no $file"
done
installed=$(cd "$root$prefix" && find . -type f | wc -l)

mkdir "$work/own"
cp "$root$prefix"/share/doc/llfused/examples/hello/* "$work/own"
pkg_config_path=$root$prefix/lib/pkgconfig
sysroot=$root
quiet_make -C "$work/own"
equal "files of the example" "$(cd "$work/own" && echo *)" "Makefile hello.c hello.so"
quiet_make -C "$work/own" DESTDIR="$work/plugged" PLUGINDIR=/dir install
cmp "$work/own/hello.so" "$work/plugged/dir/hello.so" || fail "the example's install put something else"

LLFUSED=$root$prefix/bin/llfused
serves_hello --backend="$work/own/hello.so"
LLFUSED_PLUGIN_PATH=$work/nowhere:$work/own serves_hello --backend=hello
# Nowhere else: there is nothing in the prefix itself, and the daemon does not look into the build tree.
refused "hello" "$LLFUSED" --foreground --backend=hello "$mnt"

# The other example has no Makefile: one command does.  The header that it takes is the installed one.
flags=$(PKG_CONFIG_PATH=$pkg_config_path PKG_CONFIG_SYSROOT_DIR=$sysroot pkg-config --cflags llfused)
read -ra flags <<<"$flags"
cp "$root$prefix/share/doc/llfused/examples/kv/kv.c" "$work/own"
env -i PATH="$PATH" "${cc[@]}" "${flags[@]}" -Wall -Wextra -Werror -fPIC -shared -pthread -MD -MF "$work/own/kv.d" \
	-o "$work/own/kv.so" "$work/own/kv.c" || fail "kv.c does not compile"
equal "the header" "$(grep -o '[^ ]*llfused/[^ ]*' "$work/own/kv.d")" "$root$prefix/include/llfused/backend.h"
start --backend="$work/own/kv.so"
eventually test -s "$mnt/clock"
stop

# ---- installed where it is used

install_to ""
equal "files installed" "$(cd "$prefix" && find . -type f | wc -l)" "$installed"
LLFUSED=$prefix/bin/llfused
serves_hello --backend=hello
"$LLFUSED" --help | grep -q "$prefix/lib/llfused/kv.so" || fail "the help does not show the installed plugins"

# The example finds the plugin directory by itself, and what it puts there is what is loaded.
pkg_config_path=$prefix/lib/pkgconfig
sysroot=
rm "$prefix/lib/llfused/hello.so" "$work/own/hello.so"
refused "hello" "$LLFUSED" --foreground --backend=hello "$mnt"
quiet_make -C "$work/own" install
serves_hello --backend=hello

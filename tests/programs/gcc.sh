#!/bin/bash
# gcc.sh DIR: the compiler and linker write programs and a shared library here, which are run from here.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need gcc

cat >hello.c <<'END'
#include <stdio.h>
int answer(void);
int main(void)
{
	printf("hello %d\n", answer());
	return 7;
}
END
printf 'int answer(void)\n{\n\treturn 42;\n}\n' >answer.c
mkdir tmp
export TMPDIR=$work/tmp # the compiler's own files too

gcc -O2 -pipe -g -o hello hello.c answer.c
status=0
said=$(./hello) || status=$?
equal "the program's output" "$said" "hello 42"
equal "the program's status" "$status" 7
gcc -O2 -g -save-temps -flto -o hello-lto hello.c answer.c
equal "the LTO program's output" "$(./hello-lto || true)" "hello 42"

gcc -shared -fPIC -o libanswer.so answer.c
gcc -o hello-shared hello.c -L. -lanswer -Wl,-rpath,"$work"
equal "the output through a shared library" "$(./hello-shared || true)" "hello 42"

# A program that runs can't be written to, but be replaced.
printf '#include <unistd.h>\nint main(void)\n{\n\treturn read(0, (char[1]){0}, 1) < 0;\n}\n' >wait.c
gcc -o wait wait.c
mkfifo gate
./wait <gate &
waiter=$!
exec 3>gate # the program has been started once the fifo opens
until [[ $(readlink "/proc/$waiter/exe") == "$work/wait" ]]; do sleep 0.01; done
refused "Text file busy" dd if=/dev/null of=wait conv=notrunc
gcc -o wait wait.c
exec 3>&-
wait "$waiter" || fail "the replaced program ended with status $?"
printf '#!%s\n' "$work/hello" >script
chmod +x script
equal "the output of a script" "$(./script || true)" "hello 42"
equal "what the compiler left behind" "$(ls tmp)" ""
echo "$test_name: programs and a shared library linked and run"

#!/bin/bash
# make.sh DIR: a C project of sixty sources is built in parallel, runs, and is rebuilt exactly as far as needed.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need make gcc ar

mkdir src include
for n in {1..60}; do
	header=$((n % 6))
	printf '#include "part%d.h"\nint value%d(void)\n{\n\treturn PART%d * %d;\n}\n' \
		"$header" "$n" "$header" "$n" >"src/value$n.c"
done
for n in {0..5}; do
	printf '#define PART%d %d\n' "$n" $((n + 1)) >"include/part$n.h"
done
{
	printf '#include <stdio.h>\n'
	for n in {1..60}; do printf 'int value%d(void);\n' "$n"; done
	printf 'int main(void)\n{\n\tint sum = 0;\n'
	for n in {1..60}; do printf '\tsum += value%d();\n' "$n"; done
	printf '\tprintf("%%d\\n", sum);\n\treturn 0;\n}\n'
} >src/main.c
cat >Makefile <<'END'
SRC := $(wildcard src/*.c)
OBJ := $(SRC:src/%.c=obj/%.o)
sum: obj/main.o libvalues.a
	gcc -o $@ $^
libvalues.a: $(filter-out obj/main.o,$(OBJ))
	rm -f $@
	ar rcs $@ $^
obj/%.o: src/%.c | obj
	gcc -O1 -Iinclude -MMD -MP -c -o $@ $<
obj:
	mkdir -p $@
-include $(OBJ:.o=.d)
END

# What the program must print when header `h` defines part[h].
wanted() {
	local n sum=0
	for n in {1..60}; do sum=$((sum + n * part[n % 6])); done
	echo "$sum"
}

part=(1 2 3 4 5 6)
make -s -j4 >"$outside/log" 2>&1 || fail "make: $(tail -n 1 "$outside/log")"
equal "the program" "$(./sum)" "$(wanted)"
make -q || fail "make would build again although nothing changed"

sleep 0.02 # the next change must be newer than every object, also by a coarse clock
printf '#define PART3 100\n' >include/part3.h
part[3]=100
make -j4 >"$outside/log" 2>&1 || fail "make after a change: $(tail -n 1 "$outside/log")"
equal "objects built again" "$(grep -c ' -c -o ' "$outside/log")" 10
equal "the program after a change" "$(./sum)" "$(wanted)"
make -q || fail "make would build again after the change"
sleep 0.02
touch src/value7.c
equal "objects built after touch" "$(make -j4 | grep -c ' -c -o ')" 1
echo "$test_name: 61 sources built with -j4, run, rebuilt as far as needed"

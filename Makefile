# llfused: build, test, install.  Quiet unless V=1; everything that is made lies in build/.

VERSION := 0.1.0

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
INCDIR  ?= $(PREFIX)/include
LIBDIR  ?= $(PREFIX)/lib
DOCDIR  ?= $(PREFIX)/share/doc/llfused
UNITDIR ?= $(PREFIX)/lib/systemd/system
# Where --backend=NAME finds plugins.
PLUGINDIR ?= $(LIBDIR)/llfused

CC     ?= cc
CFLAGS ?= -O2 -g
B      ?= build

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2
# Only for --version: liburing before 2.4 does not say it in a header.
LIBURING := $(shell pkg-config --modversion liburing 2>/dev/null || \
	cat /usr/lib/*/pkgconfig/liburing.pc 2>/dev/null | sed -n 's/^Version: *//p')

BASE := -std=c17 -D_GNU_SOURCE -DLLFUSED_VERSION=\"$(VERSION)\" \
	$(if $(LIBURING),-DLLFUSED_LIBURING=\"$(LIBURING)\") $(WARN) -fvisibility=hidden \
	-fno-strict-aliasing -pthread -MMD -MP
ALL_CFLAGS = $(BASE) $(CFLAGS) $(SANITIZE)

ifeq ($(V),1)
  Q :=
  say = @:
else
  Q := @
  say = @printf '  %-7s %s\n'
endif

# ---- sources, and the include paths that each folder gets: the layers -----------------------------

PROTO_SRC  := $(sort $(wildcard proto/*.c))
MEMFS_SRC  := $(sort $(wildcard backends/memfs/*.c))
PT_SRC     := $(sort $(wildcard backends/passthrough/*.c))
NULL_SRC   := $(sort $(wildcard backends/null/*.c))
HELLO_SRC  := $(sort $(wildcard backends/hello/*.c))
KV_SRC     := $(sort $(wildcard backends/kv/*.c))
DAEMON_SRC := $(sort $(wildcard daemon/*.c))
BENCH_SRC  := $(sort $(wildcard tools/fsbench/*.c))
UNIT_SRC   := $(sort $(wildcard tests/unit/*.c))
INTEG_SRC  := $(sort $(wildcard tests/integration/*.c))
DIFF_SRC   := $(sort $(wildcard tests/differential/*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/*.c))
TSAN_SRC   := $(sort $(wildcard tests/tsan/*.c))
BARE_SRC   := $(sort $(wildcard tests/bench/*.c))
SOAK_SRC   := $(sort $(wildcard tests/soak/*.c))
# Plugins of the tests: in unit/ each file is one; in integration/ those that say so are, and the
# others are for any of them.
UNIT_PLUGIN_SRC   := $(sort $(wildcard tests/unit/plugins/*.c))
TESTFS_SRC        := $(sort $(wildcard tests/integration/testfs/*.c))
TESTFS_PLUGIN_SRC := $(if $(TESTFS_SRC),$(shell grep -l '^LLFUSED_PLUGIN.' $(TESTFS_SRC)))
TESTFS_SHARED_SRC := $(filter-out $(TESTFS_PLUGIN_SRC),$(TESTFS_SRC))

# "proto/x.h" is found through a link that only those who may use proto/ get on their path.
LAYER := $(B)/layer

inc_daemon     := -Ibackends/include -I$(LAYER)/proto
inc_backends   := -Ibackends/include
inc_unit       := -Ibackends/include -I$(LAYER)/proto -I$(LAYER)/daemon -I$(LAYER)/memfs \
	-I$(LAYER)/passthrough -I$(LAYER)/fsbench
inc_integration := -Ibackends/include

objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

PROTO_OBJ  := $(call objs,$(PROTO_SRC))
MEMFS_OBJ  := $(call objs,$(MEMFS_SRC))
PT_OBJ     := $(call objs,$(PT_SRC))
NULL_OBJ   := $(call objs,$(NULL_SRC))
HELLO_OBJ  := $(call objs,$(HELLO_SRC))
KV_OBJ     := $(call objs,$(KV_SRC))
DAEMON_OBJ := $(call objs,$(DAEMON_SRC))
BENCH_OBJ  := $(call objs,$(BENCH_SRC))
# What the unit tests look at: the parts without side effects.
BENCH_PURE := $(call objs,$(addprefix tools/fsbench/,goal.c histogram.c stats.c svg.c))
UNIT_OBJ   := $(call objs,$(UNIT_SRC))
INTEG_OBJ  := $(call objs,$(INTEG_SRC))
DIFF_OBJ   := $(call objs,$(DIFF_SRC))
FUZZ_OBJ   := $(call objs,$(FUZZ_SRC))
TSAN_OBJ   := $(call objs,$(TSAN_SRC))
BARE_OBJ   := $(call objs,$(BARE_SRC))
SOAK_OBJ   := $(call objs,$(SOAK_SRC))
UNIT_PLUGIN_OBJ   := $(call objs,$(UNIT_PLUGIN_SRC))
TESTFS_PLUGIN_OBJ := $(call objs,$(TESTFS_PLUGIN_SRC))
TESTFS_SHARED_OBJ := $(call objs,$(TESTFS_SHARED_SRC))

# The file systems that are part of the daemon; and the daemon but its main(), for tests.
BUILTIN_OBJ := $(MEMFS_OBJ) $(PT_OBJ) $(NULL_OBJ)
DAEMON_LIB  := $(filter-out $(B)/obj/daemon/main.o,$(DAEMON_OBJ)) $(PROTO_OBJ) $(BUILTIN_OBJ)
PLUGIN_OBJ  := $(HELLO_OBJ) $(KV_OBJ) $(UNIT_PLUGIN_OBJ) $(TESTFS_PLUGIN_OBJ) $(TESTFS_SHARED_OBJ)

# A daemon that lies beside plugins/ searches it if the marker is there.
PLUGINS := $(B)/plugins/hello.so $(B)/plugins/kv.so $(B)/plugins/.llfused-build

.PHONY: all
all: $(B)/llfused $(B)/fsbench $(PLUGINS)

# ---- compiling ------------------------------------------------------------------------------------

# By folder: include paths, code for shared objects, and definitions of their own.
INC :=
PIC :=
DEFS :=
$(PROTO_OBJ): INC :=
$(BUILTIN_OBJ) $(PLUGIN_OBJ): INC := $(inc_backends)
$(PLUGIN_OBJ): PIC := -fPIC
$(DAEMON_OBJ): INC := $(inc_daemon)
$(BENCH_OBJ) $(DIFF_OBJ) $(BARE_OBJ) $(SOAK_OBJ): INC :=
$(UNIT_OBJ) $(FUZZ_OBJ) $(TSAN_OBJ): INC := $(inc_unit)
$(INTEG_OBJ): INC := $(inc_integration)

$(B)/obj/%.o: %.c | $(LAYER)/.made
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) $(PIC) $(INC) $(DEFS) -c -o $@ $<

# Made anew when another PLUGINDIR is given.
PLUGINDIR_OBJ := $(call objs,$(shell grep -l LLFUSED_PLUGINDIR daemon/*.c tests/unit/*.c))
$(PLUGINDIR_OBJ): DEFS = -DLLFUSED_PLUGINDIR=\"$(PLUGINDIR)\"
$(PLUGINDIR_OBJ): $(B)/plugindir

$(B)/plugindir: FORCE
	@mkdir -p $(@D)
	@echo '$(PLUGINDIR)' | cmp -s - $@ || echo '$(PLUGINDIR)' >$@

.PHONY: FORCE
FORCE:

$(LAYER)/.made: Makefile
	@mkdir -p $(LAYER)/proto $(LAYER)/daemon $(LAYER)/memfs $(LAYER)/passthrough \
		$(LAYER)/fsbench
	@ln -sfn $(CURDIR)/proto $(LAYER)/proto/proto
	@ln -sfn $(CURDIR)/daemon $(LAYER)/daemon/daemon
	@ln -sfn $(CURDIR)/backends/memfs $(LAYER)/memfs/memfs
	@ln -sfn $(CURDIR)/backends/passthrough $(LAYER)/passthrough/passthrough
	@ln -sfn $(CURDIR)/tools/fsbench $(LAYER)/fsbench/fsbench
	@touch $@

-include $(patsubst %.o,%.d,$(PROTO_OBJ) $(BUILTIN_OBJ) $(PLUGIN_OBJ) $(DAEMON_OBJ) $(BENCH_OBJ) \
	$(UNIT_OBJ) $(INTEG_OBJ) $(DIFF_OBJ) $(FUZZ_OBJ) $(TSAN_OBJ) $(BARE_OBJ) $(SOAK_OBJ))

# ---- linking --------------------------------------------------------------------------------------

LINK = $(CC) $(ALL_CFLAGS) $(LDFLAGS)

# Only the functions of the public header are visible to plugins: everything else is hidden.
$(B)/llfused: $(B)/obj/daemon/main.o $(DAEMON_LIB)
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--export-dynamic -o $@ $^ -luring -ldl

# What a plugin calls of the daemon is found when it is loaded.
LINK_PLUGIN = $(LINK) -shared

$(B)/plugins/hello.so: $(HELLO_OBJ)
$(B)/plugins/kv.so: $(KV_OBJ)
$(B)/plugins/%.so:
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK_PLUGIN) -o $@ $^

$(B)/plugins/.llfused-build:
	@mkdir -p $(@D)
	@touch $@

$(B)/fsbench: $(BENCH_OBJ)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ -lm

# It loads plugins, too.
$(B)/tests/unit: $(UNIT_OBJ) $(DAEMON_LIB) $(BENCH_PURE)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--export-dynamic -o $@ $^ -luring -lcriterion -ldl

$(B)/tests/fuzz: $(FUZZ_OBJ) $(DAEMON_LIB)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ -luring -ldl

$(B)/tests/integration: $(INTEG_OBJ)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ -lcriterion

$(B)/tests/differential: $(DIFF_OBJ)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^

$(B)/tests/soak: $(SOAK_OBJ) $(B)/obj/tests/differential/rng.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^

# A server that does nothing else, to measure the daemon's round trips against, and their client.
$(B)/tests/bare: $(call objs,tests/bench/bare.c tests/bench/bare_answer.c)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ -luring

$(B)/tests/roundtrip: $(call objs,tests/bench/roundtrip.c)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^

# ---- tests ----------------------------------------------------------------------------------------

# Used by every suite: the daemon under test, and where the test programs lie.
TEST_ENV = LLFUSED=$(abspath $(B)/llfused) BUILD=$(abspath $(B))
UNIT_PLUGINS   := $(patsubst tests/unit/plugins/%.c,$(B)/tests/unit-plugins/%.so,$(UNIT_PLUGIN_SRC))
TESTFS_PLUGINS := $(patsubst tests/integration/testfs/%.c,$(B)/tests/plugins/%.so,$(TESTFS_PLUGIN_SRC))
TSAN_TESTS     := $(patsubst tests/tsan/%.c,$(B)/tests/tsan-%,$(TSAN_SRC))
TEST_BIN := $(B)/tests/unit $(B)/tests/integration $(B)/tests/differential $(B)/tests/soak \
	$(B)/tests/count_alloc.so $(B)/tests/fuzz $(UNIT_PLUGINS) $(TESTFS_PLUGINS) $(TSAN_TESTS)
# On each transport.
DIFF_OPS ?= 30000
FUZZ_MESSAGES ?= 200000
# Compiling uses every processor; the suites run one after the other.
JOBS ?= $(shell nproc)

ASAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
TSAN := -fsanitize=thread -fno-omit-frame-pointer

$(UNIT_PLUGINS): $(B)/tests/unit-plugins/%.so: $(B)/obj/tests/unit/plugins/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK_PLUGIN) -o $@ $^

# An archive, so that each plugin takes only what it uses.
$(B)/tests/plugins/shared.a: $(TESTFS_SHARED_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(TESTFS_PLUGINS): $(B)/tests/plugins/%.so: $(B)/obj/tests/integration/testfs/%.o $(B)/tests/plugins/shared.a
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK_PLUGIN) -o $@ $^

# Plain programs, because criterion does not start under the thread sanitizer; with little else, so
# that they are made quickly.
$(B)/tests/tsan-lock: $(call objs,daemon/clock.c daemon/err.c daemon/lock.c daemon/pool.c \
	$(wildcard tests/unit/daemon_stress*.c))
$(B)/tests/tsan-memfs: $(call objs,$(wildcard backends/memfs/*.c) $(wildcard tests/unit/memfs_stress*.c))
$(TSAN_TESTS): $(B)/tests/tsan-%: $(B)/obj/tests/tsan/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^

$(B)/tests/count_alloc.so: $(wildcard tests/integration/preload/*.c)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(BASE) $(CFLAGS) -fPIC -shared -o $@ $^ -ldl

.PHONY: tests quick-tests test-plugins
tests: all $(TEST_BIN)
quick-tests: all $(B)/tests/unit $(UNIT_PLUGINS) $(B)/tests/differential $(B)/tests/soak \
	$(B)/tests/fuzz
test-plugins: $(UNIT_PLUGINS) $(TESTFS_PLUGINS)

# Everything that a change must pass; the short sanitizer runs are part of it.
.PHONY: check check-suites check-quick-asan check-quick-tsan check-asan check-tsan \
	check-full
check:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) tests
	$(Q)$(MAKE) --no-print-directory -j1 check-layers check-abi check-header check-suites \
		check-quick-asan check-quick-tsan
	@echo "check: all suites passed"

check-suites: check-unit check-stress check-integration check-differential check-programs check-plugins

# Each suite that mounts runs on both transports.  A kernel before 6.14 has one: TRANSPORTS=dev.
TRANSPORTS ?= dev uring
# $(call on_each,ENVIRONMENT AND COMMAND)
on_each = for t in $(TRANSPORTS); do LLFUSED_TEST_TRANSPORT=$$t $(1) || exit 1; done
# Tests wait for something most of their time.
TEST_JOBS ?= $(shell expr 2 \* $$(nproc))

.PHONY: check-unit check-stress check-integration check-differential check-programs check-plugins
check-unit: $(B)/tests/unit $(UNIT_PLUGINS)
	$(Q)$(TEST_ENV) $(B)/tests/unit -j$(TEST_JOBS)

# The lock under load; the thread sanitizer sees the most of it.
STRESS_SCALE ?= 1
check-stress: $(TSAN_TESTS)
	$(Q)for t in $^; do $$t $(STRESS_SCALE) || exit 1; done

# With the number of threads that the daemon chooses, and on one transport with a single one, too.
check-integration: tests
	$(Q)$(call on_each,$(TEST_ENV) $(B)/tests/integration -j$(TEST_JOBS))
	$(Q)$(TEST_ENV) LLFUSED_TEST_TRANSPORT=$(lastword $(TRANSPORTS)) LLFUSED_TEST_WORKERS=1 \
		$(B)/tests/integration -j$(TEST_JOBS)

# Random messages from a fixed seed; only with the address sanitizer does it see much.
.PHONY: check-fuzz
check-fuzz: $(B)/tests/fuzz
	$(Q)$(B)/tests/fuzz $(FUZZ_MESSAGES)

check-differential: all $(B)/tests/differential
	$(Q)$(call on_each,$(TEST_ENV) DIFF_OPS=$(DIFF_OPS) tests/differential/run.sh)

check-programs: all
	$(Q)$(call on_each,$(TEST_ENV) tests/programs/run.sh)

# The file systems beside memfs.  PLUGIN_TESTS: only these, as "kv null".
PLUGIN_ENV = MAKE="$(MAKE)" CC="$(CC)" CFLAGS="$(CFLAGS)" SANITIZE="$(SANITIZE)"
check-plugins: all
	$(Q)$(call on_each,$(TEST_ENV) $(PLUGIN_ENV) tests/plugins/run.sh $(PLUGIN_TESTS))

# criterion itself leaks a little, which is not ours to report.
SAN_ENV = LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
	UBSAN_OPTIONS=print_stacktrace=1
# Compiled in two thirds of the time that -O2 takes.
SAN_CFLAGS ?= -O1 -g
ASAN_BUILD = $(MAKE) --no-print-directory B=$(B)/asan SANITIZE="$(ASAN)" CFLAGS="$(SAN_CFLAGS)"
check-quick-asan:
	$(Q)$(ASAN_BUILD) -j$(JOBS) quick-tests
	$(Q)$(SAN_ENV) $(ASAN_BUILD) TRANSPORTS=$(lastword $(TRANSPORTS)) DIFF_OPS=2500 PLUGIN_TESTS="kv null" \
		check-unit check-fuzz check-differential check-plugins check-quick-soak

# Clients on mounts that are aborted and taken away, a minute in all; longer by hand, see its head.
.PHONY: check-quick-soak
check-quick-soak: all $(B)/tests/soak
	$(Q)$(TEST_ENV) LLFUSED_TEST_TRANSPORT=$(lastword $(TRANSPORTS)) SECONDS_EACH=15 tests/soak/run.sh

check-asan:
	$(Q)$(SAN_ENV) $(ASAN_BUILD) check-suites

# criterion cannot start under the thread sanitizer: plain tests drive a sanitized daemon.
TSAN_B := $(B)/tsan
TSAN_OPT := TSAN_OPTIONS=suppressions=$(CURDIR)/tests/integration/tsan.supp:exitcode=66
TSAN_ENV = $(TSAN_OPT) LLFUSED=$(abspath $(TSAN_B)/llfused)
TSAN_BUILD = $(MAKE) --no-print-directory B=$(TSAN_B) SANITIZE="$(TSAN)" CFLAGS="$(SAN_CFLAGS)"
check-quick-tsan:
	$(Q)$(TSAN_OPT) $(TSAN_BUILD) -j$(JOBS) check-stress

check-tsan: tests
	$(Q)$(TSAN_BUILD) -j$(JOBS) all test-plugins $(TSAN_B)/tests/count_alloc.so
	$(Q)$(TSAN_OPT) $(TSAN_BUILD) STRESS_SCALE=4 check-stress
	$(Q)$(call on_each,$(TSAN_ENV) BUILD=$(abspath $(TSAN_B)) $(B)/tests/integration -j2)
	$(Q)$(call on_each,$(TSAN_ENV) BUILD=$(abspath $(B)) DIFF_OPS=10000 tests/differential/run.sh)
	$(Q)$(call on_each,$(TSAN_ENV) BUILD=$(abspath $(TSAN_B)) tests/programs/run.sh)
	$(Q)$(call on_each,$(TSAN_ENV) BUILD=$(abspath $(TSAN_B)) $(PLUGIN_ENV) tests/plugins/run.sh kv null)

check-full: check check-asan check-tsan
	$(Q)$(MAKE) --no-print-directory DIFF_OPS=1000000 DIFF_TIMEOUT=7200 check-differential

# The layers: what a folder's objects were made from tells whom it knows.
.PHONY: check-layers
check-layers: all
	$(Q)tools/check-layers.sh $(B)

# The codec compiles against the oldest and the newest <linux/fuse.h>.
.PHONY: check-abi
check-abi:
	$(say) ABI "proto/*.c against a 7.45 header"
	$(Q)for f in $(PROTO_SRC); do \
		$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Itests/unit/abi745 -fsyntax-only $$f || exit 1; done

# The public header alone, as C and C++, and the names that it takes.
.PHONY: check-header
check-header:
	$(Q)CC="$(CC)" CXX="$(CXX)" tests/header/run.sh

# ---- checks of the text ---------------------------------------------------------------------------

BACKEND_C := $(MEMFS_SRC) $(PT_SRC) $(NULL_SRC) $(HELLO_SRC) $(KV_SRC)
ALL_C := $(PROTO_SRC) $(BACKEND_C) $(DAEMON_SRC) $(BENCH_SRC) $(UNIT_SRC) $(INTEG_SRC) $(DIFF_SRC) \
	$(FUZZ_SRC) $(TSAN_SRC) $(BARE_SRC) $(SOAK_SRC) $(UNIT_PLUGIN_SRC) $(TESTFS_SRC) \
	$(wildcard tests/integration/preload/*.c tests/fake/*.c)
ALL_H := $(wildcard proto/*.h daemon/*.h backends/*/*.h backends/include/llfused/*.h \
	tools/fsbench/*.h tests/*/*.h tests/unit/plugins/*.h tests/integration/testfs/*.h)
ALL_SH := .ci/run $(wildcard tools/*.sh tests/*/*.sh tests/common/*.bash)

.PHONY: lint
lint:
	clang-format --dry-run -Werror $(ALL_C) $(ALL_H)
	$(MAKE) CC=clang B=$(B)/clang tests
	clang-tidy --quiet $(PROTO_SRC) $(DAEMON_SRC) $(BACKEND_C) -- -std=c17 -D_GNU_SOURCE \
		-DLLFUSED_VERSION=\"$(VERSION)\" $(inc_daemon)
	cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=preprocessorErrorDirective -D_GNU_SOURCE \
		$(inc_daemon) proto daemon $(BACKEND_C)
	shellcheck $(ALL_SH)
	mandoc -T lint -W warning man/*.8 man/*.3

# ---- benchmarks -----------------------------------------------------------------------------------

# STRICT=--strict: a goal that is missed is a failure.
.PHONY: bench bench-memory
bench: all $(B)/tests/bare
	$(Q)$(TEST_ENV) tests/bench/bench.sh $(STRICT)

# A million small files take a minute or two, so this is not part of it.
bench-memory: all
	$(Q)$(TEST_ENV) tests/bench/million.sh $(STRICT)

# What a round trip costs above a server that does nothing else.
.PHONY: bench-roundtrip
bench-roundtrip: all $(B)/tests/bare $(B)/tests/roundtrip
	$(Q)$(TEST_ENV) tests/bench/roundtrip.sh

# ---- install --------------------------------------------------------------------------------------

SUBST = sed 's|@PREFIX@|$(PREFIX)|g; s|@BINDIR@|$(BINDIR)|g; s|@INCDIR@|$(INCDIR)|g; \
	s|@PLUGINDIR@|$(PLUGINDIR)|g; s|@VERSION@|$(VERSION)|g'
EXAMPLES := $(DESTDIR)$(DOCDIR)/examples

.PHONY: install
install: $(B)/llfused $(PLUGINS)
	install -D -m 755 $(B)/llfused $(DESTDIR)$(BINDIR)/llfused
	install -D -m 755 -t $(DESTDIR)$(PLUGINDIR) $(filter %.so,$(PLUGINS))
	install -D -m 644 -t $(DESTDIR)$(INCDIR)/llfused backends/include/llfused/backend.h
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man8 man/llfused.8
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man3 man/llfused-backend.3
	install -D -m 644 -t $(EXAMPLES)/hello backends/hello/hello.c backends/hello/Makefile
	install -D -m 644 -t $(EXAMPLES)/kv backends/kv/kv.c
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(UNITDIR)
	$(SUBST) tools/llfused.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/llfused.pc
	$(SUBST) tools/systemd/llfused@.service >$(DESTDIR)$(UNITDIR)/llfused@.service
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/llfused.pc $(DESTDIR)$(UNITDIR)/llfused@.service

.PHONY: clean
clean:
	$(Q)rm -rf $(B)

# llfused: build, test, install.  Quiet unless V=1; everything that is made lies in build/.

VERSION := 0.1.0

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
INCDIR  ?= $(PREFIX)/include
UNITDIR ?= $(PREFIX)/lib/systemd/system

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
DAEMON_SRC := $(sort $(wildcard daemon/*.c))
BENCH_SRC  := $(sort $(wildcard tools/fsbench/*.c))
UNIT_SRC   := $(sort $(wildcard tests/unit/*.c))
INTEG_SRC  := $(sort $(wildcard tests/integration/*.c))
DIFF_SRC   := $(sort $(wildcard tests/differential/*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/*.c))

# "proto/x.h" is found through a link that only those who may use proto/ get on their path.
LAYER := $(B)/layer

inc_daemon     := -Ibackends/include -I$(LAYER)/proto
inc_backends   := -Ibackends/include
inc_unit       := -Ibackends/include -I$(LAYER)/proto -I$(LAYER)/daemon -I$(LAYER)/memfs
inc_integration := -Ibackends/include

objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

PROTO_OBJ  := $(call objs,$(PROTO_SRC))
MEMFS_OBJ  := $(call objs,$(MEMFS_SRC))
DAEMON_OBJ := $(call objs,$(DAEMON_SRC))
BENCH_OBJ  := $(call objs,$(BENCH_SRC))
UNIT_OBJ   := $(call objs,$(UNIT_SRC))
INTEG_OBJ  := $(call objs,$(INTEG_SRC))
DIFF_OBJ   := $(call objs,$(DIFF_SRC))
FUZZ_OBJ   := $(call objs,$(FUZZ_SRC))

.PHONY: all
all: $(B)/llfused $(B)/fsbench

# ---- compiling ------------------------------------------------------------------------------------

$(PROTO_OBJ): INC :=
$(MEMFS_OBJ): INC := $(inc_backends)
$(DAEMON_OBJ): INC := $(inc_daemon)
$(BENCH_OBJ) $(DIFF_OBJ): INC :=
$(UNIT_OBJ) $(FUZZ_OBJ): INC := $(inc_unit)
$(INTEG_OBJ): INC := $(inc_integration)

$(B)/obj/%.o: %.c | $(LAYER)/.made
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) $(INC) -c -o $@ $<

$(LAYER)/.made:
	@mkdir -p $(LAYER)/proto $(LAYER)/daemon $(LAYER)/memfs
	@ln -sfn $(CURDIR)/proto $(LAYER)/proto/proto
	@ln -sfn $(CURDIR)/daemon $(LAYER)/daemon/daemon
	@ln -sfn $(CURDIR)/backends/memfs $(LAYER)/memfs/memfs
	@touch $@

-include $(patsubst %.o,%.d,$(PROTO_OBJ) $(MEMFS_OBJ) $(DAEMON_OBJ) $(BENCH_OBJ) $(UNIT_OBJ) \
	$(INTEG_OBJ) $(DIFF_OBJ) $(FUZZ_OBJ))

# ---- linking --------------------------------------------------------------------------------------

LINK = $(CC) $(ALL_CFLAGS) $(LDFLAGS)

# Only the functions of the public header are visible to plugins: everything else is hidden.
$(B)/llfused: $(DAEMON_OBJ) $(PROTO_OBJ) $(MEMFS_OBJ)
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--export-dynamic -o $@ $^ -luring

$(B)/fsbench: $(BENCH_OBJ)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^

$(B)/tests/unit: $(UNIT_OBJ) $(filter-out $(B)/obj/daemon/main.o,$(DAEMON_OBJ)) $(PROTO_OBJ) $(MEMFS_OBJ)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ -luring -lcriterion

$(B)/tests/fuzz: $(FUZZ_OBJ) $(filter-out $(B)/obj/daemon/main.o,$(DAEMON_OBJ)) $(PROTO_OBJ) $(MEMFS_OBJ)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ -luring

$(B)/tests/integration: $(INTEG_OBJ)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ -lcriterion

$(B)/tests/differential: $(DIFF_OBJ)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^

# ---- tests ----------------------------------------------------------------------------------------

# Used by every suite: the daemon under test, and where the test programs lie.
TEST_ENV = LLFUSED=$(abspath $(B)/llfused) BUILD=$(abspath $(B))
TEST_BIN := $(B)/tests/unit $(B)/tests/integration $(B)/tests/differential $(B)/tests/llfused-testfs \
	$(B)/tests/count_alloc.so $(B)/tests/fuzz
DIFF_OPS ?= 100000
FUZZ_MESSAGES ?= 200000
# Compiling uses every processor; the suites run one after the other.
JOBS ?= $(shell nproc)

ASAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
TSAN := -fsanitize=thread -fno-omit-frame-pointer

TESTFS_SRC := $(sort $(wildcard tests/integration/testfs/*.c))
TESTFS_OBJ := $(call objs,$(TESTFS_SRC))
$(TESTFS_OBJ): INC := $(inc_daemon) -I$(LAYER)/daemon

# The daemon with the backends of the tests in place of its own.
$(B)/tests/llfused-testfs: $(filter-out $(B)/obj/daemon/builtin.o,$(DAEMON_OBJ)) $(PROTO_OBJ) $(TESTFS_OBJ)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--export-dynamic -o $@ $^ -luring

$(B)/tests/count_alloc.so: $(wildcard tests/integration/preload/*.c)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(BASE) $(CFLAGS) -fPIC -shared -o $@ $^ -ldl

.PHONY: tests
tests: all $(TEST_BIN)

# Everything that a change must pass; the short sanitizer run is part of it.
.PHONY: check check-suites check-quick-asan check-asan check-tsan check-full
check:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) tests
	$(Q)$(MAKE) --no-print-directory check-layers check-abi check-suites check-quick-asan
	@echo "check: all suites passed"

check-suites: check-unit check-integration check-differential check-programs

.PHONY: check-unit check-integration check-differential check-programs
check-unit: $(B)/tests/unit
	$(Q)$(TEST_ENV) $(B)/tests/unit -j2

check-integration: tests
	$(Q)$(TEST_ENV) $(B)/tests/integration -j2

# Random messages from a fixed seed; only with the address sanitizer does it see much.
.PHONY: check-fuzz
check-fuzz: $(B)/tests/fuzz
	$(Q)$(B)/tests/fuzz $(FUZZ_MESSAGES)

check-differential: all $(B)/tests/differential
	$(Q)$(TEST_ENV) DIFF_OPS=$(DIFF_OPS) tests/differential/run.sh

check-programs: all
	$(Q)$(TEST_ENV) tests/programs/run.sh

# criterion itself leaks a little, which is not ours to report.
SAN_ENV = LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
	UBSAN_OPTIONS=print_stacktrace=1
check-quick-asan:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) B=$(B)/asan SANITIZE="$(ASAN)" all \
		$(B)/asan/tests/unit $(B)/asan/tests/differential $(B)/asan/tests/fuzz
	$(Q)$(SAN_ENV) $(MAKE) --no-print-directory B=$(B)/asan SANITIZE="$(ASAN)" DIFF_OPS=5000 \
		check-unit check-fuzz check-differential

check-asan:
	$(Q)$(SAN_ENV) $(MAKE) --no-print-directory B=$(B)/asan SANITIZE="$(ASAN)" check-suites

# criterion cannot start under the thread sanitizer: plain tests drive a sanitized daemon.
TSAN_B := $(B)/tsan
TSAN_ENV = TSAN_OPTIONS=suppressions=$(CURDIR)/tests/integration/tsan.supp:exitcode=66 \
	LLFUSED=$(abspath $(TSAN_B)/llfused)
check-tsan: tests
	$(Q)$(MAKE) --no-print-directory B=$(TSAN_B) SANITIZE="$(TSAN)" all $(TSAN_B)/tests/llfused-testfs \
		$(TSAN_B)/tests/count_alloc.so
	$(Q)$(TSAN_ENV) BUILD=$(abspath $(TSAN_B)) $(B)/tests/integration -j2
	$(Q)$(TSAN_ENV) BUILD=$(abspath $(B)) DIFF_OPS=20000 tests/differential/run.sh
	$(Q)$(TSAN_ENV) BUILD=$(abspath $(B)) tests/programs/run.sh

check-full: check check-asan check-tsan
	$(Q)$(MAKE) --no-print-directory DIFF_OPS=2000000 DIFF_TIMEOUT=7200 check-differential

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

# ---- checks of the text ---------------------------------------------------------------------------

ALL_C := $(PROTO_SRC) $(MEMFS_SRC) $(DAEMON_SRC) $(BENCH_SRC) $(UNIT_SRC) $(INTEG_SRC) $(DIFF_SRC) $(FUZZ_SRC) \
	$(TESTFS_SRC) $(wildcard tests/integration/preload/*.c tests/fake/*.c)
ALL_H := $(wildcard proto/*.h daemon/*.h backends/memfs/*.h backends/include/llfused/*.h \
	tools/fsbench/*.h tests/*/*.h tests/integration/testfs/*.h)
ALL_SH := .ci/run $(wildcard tools/*.sh tests/*/*.sh)

.PHONY: lint
lint:
	clang-format --dry-run -Werror $(ALL_C) $(ALL_H)
	$(MAKE) CC=clang B=$(B)/clang tests
	clang-tidy --quiet $(PROTO_SRC) $(DAEMON_SRC) $(MEMFS_SRC) -- -std=c17 -D_GNU_SOURCE \
		-DLLFUSED_VERSION=\"$(VERSION)\" $(inc_daemon)
	cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=preprocessorErrorDirective -D_GNU_SOURCE $(inc_daemon) proto daemon backends/memfs
	shellcheck $(ALL_SH)
	mandoc -T lint -W warning man/*.8

# ---- benchmarks -----------------------------------------------------------------------------------

.PHONY: bench
bench: all
	$(Q)$(TEST_ENV) tests/bench/bench.sh

# ---- install --------------------------------------------------------------------------------------

.PHONY: install
install: $(B)/llfused
	install -D -m 755 $(B)/llfused $(DESTDIR)$(BINDIR)/llfused
	install -D -m 644 backends/include/llfused/backend.h $(DESTDIR)$(INCDIR)/llfused/backend.h
	install -D -m 644 man/llfused.8 $(DESTDIR)$(MANDIR)/man8/llfused.8
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@BINDIR@|$(BINDIR)|g' tools/systemd/llfused@.service > $(DESTDIR)$(UNITDIR)/llfused@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/llfused@.service

.PHONY: clean
clean:
	$(Q)rm -rf $(B)

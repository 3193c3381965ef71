# vit-tools. `make help` lists the targets.
#
# Everything is globbed: adding a format, an augmentation, an op, a command or
# a test is adding a file. Results lie in $(BUILD); nothing else is touched.

VERSION := 0.1.0
ABI     := 1
PREFIX  ?= /usr/local
BUILD   ?= build
SAN     ?=                      # address, undefined, thread: a build of its own in build/$(SAN)

comma   := ,

OPT     ?= -O2 -g
ARCH    := $(shell uname -m)
# Debian 13 renamed msgpack's pkg-config file
MSGPACK := $(shell pkg-config --exists msgpack-c && echo msgpack-c || echo msgpack)

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
           -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wno-format-nonliteral -Werror
CPPFLAGS += -D_GNU_SOURCE -Ilibvit -I$(BUILD)/gen
# -ffp-contract=off: the same sums whether or not the compiler may fuse; fast
# kernels ask for fused multiply-add by name. -fno-semantic-interposition, and
# -Bsymbolic-functions below: functions of the library call each other straight
CFLAGS  += -std=c11 $(OPT) $(WARN) -fPIC -fno-semantic-interposition -ffp-contract=off -fno-math-errno -pthread
DEPFLAGS = -MMD -MP
ifneq ($(strip $(SAN)),)
BUILD   := build/$(firstword $(subst $(comma), ,$(strip $(SAN))))
OPT     := -O1 -g -fno-omit-frame-pointer
CFLAGS  += -fsanitize=$(strip $(SAN)) $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=all)
LDFLAGS += -fsanitize=$(strip $(SAN))
endif
# taken here: a target's own flags reach its prerequisites, the build id among them
ID_FLAGS := $(CC) $(CFLAGS)
pkg_cflags = $(shell pkg-config --cflags $(1) 2>/dev/null)
pkg_libs   = $(shell pkg-config --libs $(1) 2>/dev/null)
CPPFLAGS += $(call pkg_cflags,$(MSGPACK) jansson libxxhash)

# ---- sources ------------------------------------------------------------------

LIB_DIRS := core tensor stream image format augment graph model train
LIB_SRC  := $(foreach d,$(LIB_DIRS),$(wildcard libvit/$(d)/*.c)) $(wildcard formats/*.c datasets/*.c)
OP_SRC   := $(wildcard libvit/op/*.c)
# what programs share, and the parts of the larger ones
CLI_SRC  := $(wildcard libvit/cli/*.c cmd/*/*.c)
CMDS     := $(patsubst cmd/%.c,%,$(wildcard cmd/vit-*.c))
MODULES  := cpu archive codec draw net
CUDA_SRC := $(wildcard libvit/cuda/*.cu)
HEADERS  := $(wildcard libvit/*.h libvit/*/*.h)
RECIPES  := $(wildcard recipes/*.txt)

obj      = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ := $(call obj,$(LIB_SRC) $(OP_SRC)) $(patsubst %.c,$(BUILD)/obj/%.f64.o,$(filter-out libvit/op/op.c,$(OP_SRC))) \
           $(BUILD)/obj/gen/tables.o
LIBVIT  := $(BUILD)/lib/libvit.so.$(ABI)
LIBCLI  := $(BUILD)/lib/libcli.a
CUDA_OBJ := $(CUDA_SRC:%.cu=$(BUILD)/obj/%.o) $(BUILD)/obj/gen/cuda_ops.o
CUDA_SO := $(BUILD)/lib/vit/libvit-cuda.so
# found: built with the rest; `make NVCC=` leaves it out. It is not sanitised: the shim's is
ifeq ($(origin NVCC)$(strip $(SAN)),undefined)
NVCC    := $(shell CXX='$(CXX)' tools/nvcc.sh)
endif
MOD_SO  := $(MODULES:%=$(BUILD)/lib/vit/libvit-%.so) $(if $(NVCC),$(CUDA_SO))
BINS    := $(CMDS:%=$(BUILD)/bin/%)
MANS    := $(CMDS:%=$(BUILD)/share/man/man1/%.1)
SHARED  := $(RECIPES:recipes/%=$(BUILD)/share/vit/recipes/%)

LIB_LIBS     := $(call pkg_libs,$(MSGPACK) jansson libxxhash) -lm -ldl -pthread
CPU_LIBS     := -ldnnl -fopenmp -lm
ARCHIVE_LIBS := $(call pkg_libs,libarchive libzip)
CODEC_LIBS   := $(call pkg_libs,libjpeg libpng libwebpdemux) -lm
NET_LIBS     := $(call pkg_libs,libcurl)
DRAW_LIBS    := $(call pkg_libs,cairo) -lm
$(BUILD)/obj/libvit/cpu/%.o:     CFLAGS += -fopenmp -O3
$(BUILD)/obj/libvit/image/%.o:   CFLAGS += -O3
$(BUILD)/obj/libvit/draw/%.o:    CPPFLAGS += $(call pkg_cflags,cairo)
ifeq ($(ARCH),x86_64)
$(BUILD)/obj/libvit/cpu/%_avx2.o:   CFLAGS += -mavx2 -mfma -mf16c
$(BUILD)/obj/libvit/cpu/%_avx512.o: CFLAGS += -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mprefer-vector-width=512
endif

# ---- main targets ---------------------------------------------------------------

# make V=1 shows the commands
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-4s%s\n' '$(1)' '$(2)')

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.PHONY: all help cuda cuda-all deps demo test test-long test-interop test-cuda lint bench bench-cuda bundle install uninstall clean FORCE

all: $(BINS) $(MOD_SO) $(SHARED) $(MANS) $(BUILD)/lib/pkgconfig/vit.pc ## build everything into build/

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- objects ----------------------------------------------------------------------

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(BUILD)/obj/%.f64.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$< (f64))
	$(Q)$(CC) $(CPPFLAGS) -DVIT_REAL_IS_DOUBLE $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

# Tables of plug-ins, and the build id: written anew at each make, replaced only
# when the text differs, so an idle make builds nothing.
TABLE_SRC := $(LIB_SRC) $(OP_SRC)
$(BUILD)/gen/tables.c: FORCE tools/tables.sh
	@mkdir -p $(@D)
	@tools/tables.sh library $(TABLE_SRC) >$@.new && (cmp -s $@.new $@ && rm $@.new || mv $@.new $@)

$(BUILD)/gen/codecs.c: FORCE tools/tables.sh
	@mkdir -p $(@D)
	@tools/tables.sh codec $(wildcard libvit/codec/*.c) >$@.new && (cmp -s $@.new $@ && rm $@.new || mv $@.new $@)

$(BUILD)/gen/build_id.h: FORCE
	@mkdir -p $(@D)
	@id=$$(cat $(sort $(LIB_SRC) $(OP_SRC) $(HEADERS) $(CUDA_SRC) $(foreach m,$(MODULES),$(wildcard libvit/$(m)/*.c))) Makefile | \
	  { cat; echo '$(ID_FLAGS)'; } | sha256sum | cut -c1-24); \
	 printf '#define VIT_BUILD_ID "%s"\n#define VIT_VERSION "%s"\n' $$id $(VERSION) >$@.new; \
	 cmp -s $@.new $@ && rm $@.new || mv $@.new $@
# only these two kinds of file read it; the rule orders the first build
$(BUILD)/obj/libvit/core/module.o $(foreach m,$(MODULES) cuda,$(BUILD)/obj/libvit/$(m)/module.o): $(BUILD)/gen/build_id.h

# The table needs no CUDA: the shim has the same one.
$(BUILD)/gen/cuda_ops.c: FORCE tools/tables.sh
	@mkdir -p $(@D)
	@tools/tables.sh cuda $(CUDA_SRC) >$@.new && (cmp -s $@.new $@ && rm $@.new || mv $@.new $@)

# ---- library, modules ----------------------------------------------------------------

$(LIBVIT): $(LIB_OBJ) libvit/libvit.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libvit.so.$(ABI) -Wl,--version-script=libvit/libvit.map -Wl,-Bsymbolic-functions -Wl,--no-undefined \
	  -Wl,--as-needed -o $@ $(LIB_OBJ) $(LIB_LIBS)
	$(Q)ln -sf libvit.so.$(ABI) $(@D)/libvit.so

$(LIBCLI): $(call obj,$(CLI_SRC))
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

define module_rule
$(BUILD)/lib/vit/libvit-$(1).so: $$(call obj,$$(wildcard libvit/$(1)/*.c)) $$(LIBVIT)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) -shared -Wl,--version-script=libvit/libvit.map -Wl,--no-undefined -Wl,-rpath,'$$$$ORIGIN/..' \
	  -o $$@ $$(filter %.o,$$^) -L$$(BUILD)/lib -lvit $$($(2)_LIBS)
endef
$(BUILD)/lib/vit/libvit-codec.so: $(BUILD)/obj/gen/codecs.o
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m),$(shell echo $(m) | tr a-z A-Z))))

# ---- CUDA ------------------------------------------------------------------------------
# Machine code for each architecture of CUDA_ARCHS and PTX of the last, which later
# ones compile when they first meet it. What was asked for last stays.

CUDA_ARCHS ?= $(or $(strip $(file <$(BUILD)/gen/cuda_archs)),80 90)
CUDA_HOME   = $(patsubst %/bin/,%,$(dir $(realpath $(NVCC))))
CUDA_STATIC = $(firstword $(wildcard $(CUDA_HOME)/lib64/libcudart_static.a $(CUDA_HOME)/targets/$(ARCH)-linux/lib/libcudart_static.a \
              /usr/lib/$(ARCH)-linux-gnu/libcudart_static.a))
# a third of the size, where nvcc can (12.8 on)
NVCC_SMALL  = $(shell $(NVCC) --help | grep -q compress-mode && echo --compress-mode=size)
# no exceptions, no guards of statics: nothing of the C++ library is needed
NVCC_FLAGS  = -std=c++17 -O3 $(foreach a,$(CUDA_ARCHS),-gencode arch=compute_$a$(comma)code=sm_$a) \
              -gencode arch=compute_$(lastword $(CUDA_ARCHS))$(comma)code=compute_$(lastword $(CUDA_ARCHS)) \
              $(NVCC_SMALL) -Xptxas -v -Werror all-warnings -ccbin $(CXX) -Xcompiler -Wall,-Wextra,-fPIC,-fno-exceptions,-fno-threadsafe-statics,-fvisibility=hidden

cuda: $(if $(NVCC),$(CUDA_SO)) ## the CUDA module alone (sm_80, sm_90; `make` builds it where nvcc is found)
	@$(if $(NVCC),:,echo 'no nvcc of CUDA 12 or later was found: make NVCC=/path/to/nvcc' >&2; false)
cuda-all: ## the CUDA module for every architecture from sm_80 on
	@$(MAKE) --no-print-directory cuda CUDA_ARCHS='80 86 89 90 100 120'

$(BUILD)/gen/cuda_archs: FORCE
	@mkdir -p $(@D)
	@echo '$(CUDA_ARCHS)' >$@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# ptxas says what each kernel takes; one that spills fails the build
$(BUILD)/obj/libvit/cuda/%.o: libvit/cuda/%.cu $(BUILD)/gen/cuda_archs tools/ptxas.sh $(wildcard tools/ptxas.allow)
	@mkdir -p $(@D)
	$(call say,CU,$<)
	$(Q)$(NVCC) -Ilibvit -I$(BUILD)/gen $(NVCC_FLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $< 2>$(@:.o=.ptxas) || { cat $(@:.o=.ptxas) >&2; exit 1; }
	$(Q)tools/ptxas.sh $(@:.o=.ptxas) $<

$(CUDA_SO): $(CUDA_OBJ) $(LIBVIT) libvit/libvit.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,--version-script=libvit/libvit.map -Wl,--no-undefined -Wl,--as-needed -Wl,-rpath,'$$ORIGIN/..' \
	  -o $@ $(CUDA_OBJ) -L$(BUILD)/lib -lvit $(CUDA_STATIC) -lm -ldl -lrt -pthread

# ---- programs ----------------------------------------------------------------------------

$(BINS): $(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(LIBCLI) $(LIBVIT)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' -o $@ $< $(LIBCLI) -L$(BUILD)/lib -lvit $(LIB_LIBS)

$(BUILD)/share/vit/recipes/%: recipes/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/share/man/man1/%.1: cmd/%.1 $(BUILD)/bin/% tools/man.sh
	@mkdir -p $(@D)
	@tools/man.sh $(BUILD)/bin/$* $< >$@

$(BUILD)/lib/pkgconfig/vit.pc: libvit/vit.pc.in Makefile
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@MSGPACK@|$(MSGPACK)|' $< >$@

# ---- tests ---------------------------------------------------------------------------
# One program a file: unit tests, fuzz targets with their corpus replay, benchmarks;
# check-ops is all of tests/op. They may use everything that libvit exports.

test_prog = $(patsubst $(1)/%.c,$(BUILD)/tests/%,$(wildcard $(1)/$(2)_*.c))
UNIT_BINS  := $(call test_prog,tests/unit,test)
FUZZ_BINS  := $(call test_prog,tests/fuzz,fuzz)
BENCH_BINS := $(call test_prog,tests/bench,bench)
CHECK_OPS  := $(if $(wildcard tests/op/*.c),$(BUILD)/tests/check-ops)
link_test   = $(Q)$(if $(V),,printf '  %-4s%s\n' LD '$@' &&) mkdir -p $(@D) && $(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' -o $@ $(filter %.o,$^) $(LIBCLI) \
              -L$(BUILD)/lib -lvit $(LIB_LIBS) $(TEST_LIBS)
# the files that they decode are made by the encoders
$(BUILD)/tests/test_decode $(BUILD)/tests/fuzz_image: TEST_LIBS := $(CODEC_LIBS)

$(UNIT_BINS): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIBCLI) $(LIBVIT)
	$(link_test) -lcmocka
$(FUZZ_BINS): $(BUILD)/tests/%: $(BUILD)/obj/tests/fuzz/%.o $(LIBCLI) $(LIBVIT)
	$(link_test)
$(BENCH_BINS): $(BUILD)/tests/%: $(BUILD)/obj/tests/bench/%.o $(LIBCLI) $(LIBVIT)
	$(link_test) -fopenmp
$(BUILD)/obj/tests/bench/%.o: CFLAGS += -fopenmp
$(BUILD)/tests/check-ops: $(call obj,$(wildcard tests/op/*.c)) $(LIBCLI) $(LIBVIT)
	$(link_test)

include tests/cuda-shim/shim.mk

.PHONY: tests test-run test-long-run sanitized
tests: all $(UNIT_BINS) $(FUZZ_BINS) $(CHECK_OPS)
TEST := BUILD='$(abspath $(BUILD))' tools/test.sh

# deps may install what this makefile asks pkg-config for, so the work is done
# by a second make that reads it anew
test: ## every test that needs neither a GPU nor a network (6 minutes)
	@tools/deps.sh --ensure
	@$(MAKE) --no-print-directory test-run
test-run: tests shim shim-sanitized
	@$(TEST) unit fuzz ops shim cli pipelines

test-long: ## sanitizers, fault and kill loops (25 minutes)
	@tools/deps.sh --ensure
	@$(MAKE) --no-print-directory test-long-run
test-long-run: tests
	@$(MAKE) --no-print-directory SAN=address,undefined tests
	@$(MAKE) --no-print-directory SAN=thread all build/thread/tests/test_core build/thread/tests/test_train_feed build/thread/tests/test_train_ahead
	@$(TEST) long sanitized

test-interop: ## our files in their real consumers: numpy, PyTorch (15 minutes; network the first time)
	@tools/deps.sh --ensure
	@$(MAKE) --no-print-directory all
	@$(TEST) interop

lint: ## cppcheck, shellcheck and the rules of the house
	@tools/lint.sh

bench: ## speed beside its peers: build/bench.json and a table
	@tools/deps.sh --ensure
	@$(MAKE) --no-print-directory all bench-run
.PHONY: bench-run
bench-run: all $(BENCH_BINS)
	@BUILD='$(abspath $(BUILD))' tests/bench/run.sh

test-cuda: ## tests that need a GPU (8 minutes)
	@$(MAKE) --no-print-directory tests
	@BUILD='$(abspath $(BUILD))' tests/cuda/card.sh

bench-cuda: ## speed on a GPU beside PyTorch there (8 minutes)
	@$(MAKE) --no-print-directory all $(BUILD)/tests/bench_step
	@BUILD='$(abspath $(BUILD))' tests/bench/cuda.sh

bundle: ## one folder that runs anywhere: build/bundle (TESTS=1: with test-cuda and bench-cuda)
	@tools/deps.sh --ensure
	@$(MAKE) --no-print-directory $(if $(TESTS),tests $(BUILD)/tests/bench_step,all)
	@BUILD='$(abspath $(BUILD))' VERSION=$(VERSION) TESTS=$(TESTS) tools/bundle.sh

# ---- demo, set-up, install -----------------------------------------------------------

deps: ## install what is missing with apt (the only target that changes the system)
	@tools/deps.sh --install

demo: ## train a ViT on real Fashion-MNIST images and report: minutes
	@tools/deps.sh --ensure
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory -f pipelines/demo.mk BUILD=$(BUILD)

DEST = $(DESTDIR)$(PREFIX)
install: all ## install below PREFIX (default /usr/local), DESTDIR respected
	install -d $(DEST)/bin $(DEST)/lib/vit $(DEST)/lib/pkgconfig $(DEST)/share/vit/recipes $(DEST)/share/man/man1 \
	  $(DEST)/share/bash-completion/completions $(foreach d,$(sort $(dir $(HEADERS))),$(DEST)/include/vit/$(d:libvit/%=%))
	install $(BINS) $(DEST)/bin
	install $(LIBVIT) $(DEST)/lib
	ln -sf libvit.so.$(ABI) $(DEST)/lib/libvit.so
	install $(MOD_SO) $(DEST)/lib/vit
	sed 's|^prefix=.*|prefix=$(PREFIX)|' $(BUILD)/lib/pkgconfig/vit.pc >$(DEST)/lib/pkgconfig/vit.pc
	install -m 644 $(RECIPES) $(DEST)/share/vit/recipes
	install -m 644 $(MANS) $(DEST)/share/man/man1
	for h in $(HEADERS:libvit/%=%); do install -m 644 libvit/$$h $(DEST)/include/vit/$$h; done
	for c in $(CMDS); do $(BUILD)/bin/$$c --completion bash >$(DEST)/share/bash-completion/completions/$$c; done

uninstall: ## remove what install put there
	rm -f $(CMDS:%=$(DEST)/bin/%) $(CMDS:%=$(DEST)/share/man/man1/%.1) \
	  $(CMDS:%=$(DEST)/share/bash-completion/completions/%) \
	  $(DEST)/lib/libvit.so $(DEST)/lib/libvit.so.$(ABI) $(DEST)/lib/pkgconfig/vit.pc \
	  $(MOD_SO:$(BUILD)/%=$(DEST)/%) $(CUDA_SO:$(BUILD)/%=$(DEST)/%) $(RECIPES:%=$(DEST)/share/vit/%) $(HEADERS:libvit/%=$(DEST)/include/vit/%)
	@# files of others, and their directories, stay
	@rmdir --ignore-fail-on-non-empty $(DEST)/lib/vit $(DEST)/share/vit/recipes $(DEST)/share/vit \
	  $(patsubst %/,%,$(sort $(dir $(HEADERS:libvit/%=$(DEST)/include/vit/%)))) $(DEST)/include/vit 2>/dev/null || :

clean: ## remove build/
	rm -rf build

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

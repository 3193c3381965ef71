# The CUDA module on the CPU: the same .cu files by the C++ compiler against
# tests/cuda-shim. Trees of their own, laid out as an installation is:
#   $(BUILD)/shim            bin, lib, lib/vit, share, tests/check-ops, tests/test_cuda*
#   $(BUILD)/shim-address    lib and tests alone; kernels and shim under ASan and alignment checks
#   $(BUILD)/shim-thread     the same; kernels under TSan

SHIM_SRC   := $(wildcard tests/cuda-shim/*.cpp)
SHIM_PROGS := planted unit
SHIM_FLAGS  = -std=c++17 -g -Wall -Wextra -Werror -Wno-unknown-pragmas -Wno-maybe-uninitialized -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti \
              -fno-threadsafe-statics -fno-strict-aliasing -ffp-contract=off -fno-math-errno -fno-omit-frame-pointer -pthread \
              -DVIT_CUDA_SHIM -D_GNU_SOURCE -Itests/cuda-shim -Ilibvit -I$(BUILD)/gen

SHIM_ASAN   = -O1 -fsanitize=address$(comma)alignment -fno-sanitize-recover=alignment

# name, options of kernels, options of the shim, options of a link. The runtime of
# the shim stays outside of TSan, for which its barriers are the only order.
define shim_tree
$(BUILD)/obj/shim$(1)/%.o: %.cu | $(BUILD)/gen/build_id.h
	@mkdir -p $$(@D)
	$$(call say,CXX,$$<$(if $(1), ($(1:-%=%))))
	$$(Q)$$(CXX) -x c++ $$(SHIM_FLAGS) $(2) $$(DEPFLAGS) -c -o $$@ $$<
$(BUILD)/obj/shim$(1)/%.o: %.cpp
	@mkdir -p $$(@D)
	$$(call say,CXX,$$<$(if $(1), ($(1:-%=%))))
	$$(Q)$$(CXX) $$(SHIM_FLAGS) $(3) $$(DEPFLAGS) -c -o $$@ $$<

$(BUILD)/shim$(1)/lib/vit/libvit-cuda.so: $(CUDA_SRC:%.cu=$(BUILD)/obj/shim$(1)/%.o) $(SHIM_SRC:%.cpp=$(BUILD)/obj/shim$(1)/%.o) \
  $(BUILD)/obj/gen/cuda_ops.o $(LIBVIT)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CXX) $(4) -shared -Wl,--version-script=libvit/libvit.map -Wl,-rpath,'$$$$ORIGIN/..' -o $$@ $$(filter %.o,$$^) \
	  -L$(BUILD)/lib -lvit -lm -pthread
$(BUILD)/shim$(1)/lib/%: $(BUILD)/lib/%
	@mkdir -p $$(@D)
	@ln -f $$< $$@
$(foreach p,$(SHIM_PROGS),
$(BUILD)/shim$(1)/tests/$(p): $(patsubst %.cu,$(BUILD)/obj/shim$(1)/%.o,$(wildcard tests/cuda-shim/check/$(p)*.cu)))
$(SHIM_PROGS:%=$(BUILD)/shim$(1)/tests/%): $(SHIM_SRC:%.cpp=$(BUILD)/obj/shim$(1)/%.o) $(BUILD)/shim$(1)/lib/libvit.so.$(ABI)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CXX) $(4) -Wl,-rpath,'$$$$ORIGIN/../lib' -o $$@ $$(filter %.o,$$^) -L$(BUILD)/lib -lvit -lm -pthread
# its own objects are not instrumented: what is watched are the kernels
$(BUILD)/shim$(1)/tests/check-ops: $(call obj,$(wildcard tests/op/*.c)) $(LIBCLI) $(LIBVIT)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $(4) -Wl,-rpath,'$$$$ORIGIN/../lib' -o $$@ $$(filter %.o,$$^) $(LIBCLI) -L$(BUILD)/lib -lvit $(LIB_LIBS)
endef
$(eval $(call shim_tree,,-O2,-O2,))
$(eval $(call shim_tree,-address,$(SHIM_ASAN),$(SHIM_ASAN),$(SHIM_ASAN)))
$(eval $(call shim_tree,-thread,-O1 -fsanitize=thread,-O2 -DSHIM_TSAN,-fsanitize=thread))
# loops of products that the compiler may turn round
$(BUILD)/obj/shim/tests/cuda-shim/lt_product.o: SHIM_FLAGS += -O3

# hard links: a program finds its modules beside the file that it is
$(BUILD)/shim/bin/%: $(BUILD)/bin/%
	@mkdir -p $(@D)
	@ln -f $< $@
$(BUILD)/shim/share/%: $(BUILD)/share/%
	@mkdir -p $(@D)
	@ln -f $< $@
$(BUILD)/shim/tests/test_%: $(BUILD)/tests/test_%
	@mkdir -p $(@D)
	@ln -f $< $@

shim_lib = $(BUILD)/shim$(1)/lib/vit/libvit-cuda.so $(BUILD)/shim$(1)/lib/libvit.so.$(ABI) $(BUILD)/shim$(1)/lib/vit/libvit-cpu.so \
           $(BUILD)/shim$(1)/tests/check-ops $(SHIM_PROGS:%=$(BUILD)/shim$(1)/tests/%)

.PHONY: shim shim-sanitized
shim: $(call shim_lib,) $(patsubst tests/unit/%.c,$(BUILD)/shim/tests/%,$(wildcard tests/unit/test_cuda*.c)) $(MODULES:%=$(BUILD)/shim/lib/vit/libvit-%.so) $(BINS:$(BUILD)/%=$(BUILD)/shim/%) $(SHARED:$(BUILD)/%=$(BUILD)/shim/%) ## the CUDA module on the CPU, in build/shim
shim-sanitized: $(call shim_lib,-address) $(call shim_lib,-thread)

.PHONY: test-cuda-shim test-cuda-shim-run
test-cuda-shim: ## the CUDA module on the CPU: kernels, races, planted bugs (4 minutes)
	@tools/deps.sh --ensure
	@$(MAKE) --no-print-directory test-cuda-shim-run
test-cuda-shim-run: shim shim-sanitized
	@$(TEST) shim

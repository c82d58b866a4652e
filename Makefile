# SPDX-License-Identifier: MIT
#
# The only build file. Sources are found by wildcard: every folder of kernel/ becomes one archive,
# so a new .c file needs no line here. "make help" lists the targets, HACKING.md tells the rest.
#
#   lib/**                    -> $(B)/lib.a
#   kernel/<folder>/**        -> $(B)/<folder>.a
#   kernel/near/              -> $(B)/near/near.bin, embedded as near_image .. near_image_end
#   kernel/embed/             -> $(B)/embed/initramfs.cpio, embedded as initramfs_image .. _end
#   kernel/*.c + all archives -> $(B)/linux
#   tools/<name>/             -> $(B)/<name>
#   tools/libumlaut/          -> $(B)/libumlaut/libumlaut.{a,so}, and part of umlaut
#   tests/unit/*.c            -> $(O)/unit/tests/<name>           (ASan, UBSan, cmocka)
#   tests/fuzz/*.c            -> $(B)/fuzz                        (SAN=fuzz or SAN=unit)

VERSION := 0.1

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
SHELL := /bin/bash

# ---- what the user may set ------------------------------------------------------------------

O ?= build
ARCH ?= um
PREFIX ?= /usr/local
CC := gcc
AR := ar
LD := ld
NM := nm
OBJCOPY := objcopy
BUSYBOX ?= /bin/busybox

ifneq ($(filter-out um x86_64 x86,$(ARCH)),)
$(error ARCH=$(ARCH): only um (on an x86_64 host) exists)
endif

# B is where things are built: O, or a folder of its own below it for a sanitised build.
comma := ,
B := $(O)$(if $(SAN),/$(subst $(comma),+,$(SAN)))

SANFLAGS_asan  := -fsanitize=address
SANFLAGS_ubsan := -fsanitize=undefined -fno-sanitize-recover=undefined
SANFLAGS_tsan  := -fsanitize=thread
SANFLAGS_unit  := $(SANFLAGS_asan) $(SANFLAGS_ubsan)
SANFLAGS_fuzz  := $(SANFLAGS_unit)
sanitizers := $(subst $(comma), ,$(SAN))
SANFLAGS := $(foreach s,$(sanitizers),$(or $(SANFLAGS_$(s)),\
	$(error SAN=$(SAN): must be asan, ubsan, tsan or asan$(comma)ubsan)))
# Tools that the build runs are sanitised, too; what they leave behind at their end is no matter.
export ASAN_OPTIONS ?= detect_leaks=0

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
endif

# ---- configuration --------------------------------------------------------------------------

# In the tree as always, except when O= asks for a build elsewhere.
ifeq ($(O),build)
KCONFIG_CONFIG ?= .config
else
KCONFIG_CONFIG ?= $(O)/.config
endif
export KCONFIG_CONFIG
export KCONFIG_NOTIMESTAMP := 1
export CONFIG_ := CONFIG_

config-goals := menuconfig nconfig config oldconfig olddefconfig defconfig alldefconfig \
	allnoconfig allyesconfig savedefconfig
no-config-goals := $(config-goals) clean distclean mrproper help check soak attack fuzz crash image bench bench-work programs

# Read .config unless only goals are asked for that make it or do not need it.
goals := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out $(no-config-goals),$(goals)),)
include $(KCONFIG_CONFIG)
endif

# Folders and files that belong to an option; everything else is always built.
option-HOSTFS := kernel/fs/hostfs
option-TMPFS  := kernel/fs/tmpfs
option-PROCFS := kernel/fs/procfs
option-SYSFS  := kernel/fs/sysfs
option-BLOCK  := kernel/block kernel/disks.c $(wildcard kernel/dev/blk*.c kernel/dev/loop*.c) kernel/fs/tmpfs/blknodes.c \
	kernel/fs/sysfs/block.c kernel/fs/procfs/block.c
option-EXT4   := kernel/fs/ext4
option-SQUASHFS := kernel/fs/squashfs
option-DECOMPRESS := kernel/host/decompress
options := HOSTFS TMPFS PROCFS SYSFS BLOCK EXT4 SQUASHFS DECOMPRESS
left-out := $(foreach o,$(options),$(if $(filter y,$(CONFIG_$(o))),,$(option-$(o))))

# ---- sources --------------------------------------------------------------------------------

folders := $(filter-out abi near embed,$(notdir $(patsubst %/,%,$(wildcard kernel/*/))))
find-src = $(sort $(if $(wildcard $(1)),$(shell find $(1) -name '*.[cS]')))
keep-src = $(filter-out $(left-out) $(addsuffix /%,$(left-out)),$(1))
to-obj = $(addprefix $(B)/obj/,$(addsuffix .o,$(basename $(1))))

lib-src := $(call find-src,lib)
$(foreach f,$(folders),$(eval $(f)-src := $(call keep-src,$(call find-src,kernel/$(f)))))
folders := $(foreach f,$(folders),$(if $($(f)-src),$(f)))
main-src := $(call keep-src,$(wildcard kernel/*.c))
near-src := $(call find-src,kernel/near)

archives := $(if $(lib-src),$(B)/lib.a) $(foreach f,$(folders),$(B)/$(f).a)
embed-obj := $(addprefix $(B)/embed/,near_image.o initramfs_image.o config_data.o \
	filter_first.o filter_last.o)

tool-names := $(filter-out common libumlaut,$(notdir $(patsubst %/,%,$(wildcard tools/*/))))
tool-names := $(foreach t,$(tool-names),$(if $(wildcard tools/$(t)/*.c),$(t)))
tools-common := $(call to-obj,$(wildcard tools/common/*.c))
# Libraries that one tool needs: libs-<tool> := -l...
libs-mkfilter := -lseccomp
libs-uml_mconsole := -lreadline
# libumlaut is for others' programs; its sources are also in the front end.
libumlaut-src := $(wildcard tools/libumlaut/*.c)
objs-umlaut := $(call to-obj,$(libumlaut-src))

# ---- flags ----------------------------------------------------------------------------------

GEN := $(B)/include/generated
INCLUDES := -Ikernel -I. -Ilib -I$(B)/include
WARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes
CPPFLAGS := -D_GNU_SOURCE= $(INCLUDES) -include $(GEN)/autoconf.h
CFLAGS := -std=gnu11 -O2 -g -fno-strict-aliasing -fno-omit-frame-pointer -fno-pie $(WARN) \
	$(SANFLAGS) $(EXTRA_CFLAGS)
ASFLAGS := -g -fno-pie
LDFLAGS := -no-pie -static-libgcc -Wl,-z,noexecstack $(SANFLAGS) $(EXTRA_LDFLAGS)
# What few programs have is linked statically: a machine that is made for one command starts faster.
LDLIBS := -lpthread -lz $(if $(CONFIG_DECOMPRESS),-l:liblzma.a -l:libzstd.a -l:liblz4.a)

# Code that runs inside guest processes: no library, no writable globals reached through a GOT,
# no vector registers (those are the guest's), no jump tables (they would need relocations).
NEARFLAGS := -std=gnu11 -O2 -g $(WARN) -ffreestanding -mgeneral-regs-only -fno-stack-protector \
	-fPIE -mno-red-zone -fno-jump-tables -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-builtin -fvisibility=hidden -fno-strict-aliasing $(EXTRA_NEARFLAGS)

DEPFLAGS = -MMD -MP -MF $(@:.o=.d)

# ---- goals ----------------------------------------------------------------------------------

.PHONY: all linux link tools lib $(addprefix kernel/,$(folders) near embed) guest-tests \
	unit unit-programs fuzz fuzz-program check attack crash image bench bench-work soak programs install help clean distclean mrproper $(config-goals) FORCE

all: linux tools

linux: $(B)/linux $(if $(filter build,$(B)),link)
link:
	$(Q)[ "$$(readlink linux)" = build/linux ] || ln -sfn build/linux linux

tools: $(addprefix $(B)/,$(tool-names)) $(B)/libumlaut/libumlaut.a $(B)/libumlaut/libumlaut.so
lib: $(B)/lib.a
kernel/near: $(B)/near/near.bin
kernel/embed: $(embed-obj)
$(foreach f,$(folders),$(eval kernel/$(f): $(B)/$(f).a))

# ---- compile and link -----------------------------------------------------------------------

main-obj := $(call to-obj,$(main-src))

$(B)/linux: $(main-obj) $(archives) $(embed-obj)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(main-obj) $(embed-obj) \
		-Wl,--start-group $(archives) -Wl,--end-group $(LDLIBS)

define archive-rule
$(B)/$(1).a: $(call to-obj,$($(1)-src)) $(B)/.sources-$(1)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach f,lib $(folders),$(eval $(call archive-rule,$(f))))

$(B)/obj/%.o: %.c $(B)/.flags | $(GEN)/autoconf.h $(GEN)/version.h
	$(call say,CC,$*.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/obj/%.o: %.S $(B)/.flags | $(GEN)/autoconf.h $(GEN)/version.h
	$(call say,AS,$*.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPFLAGS) $(CPPFLAGS) $(ASFLAGS) -c -o $@ $<

# Only these two places look at near symbols: a broken near/ must not stop the other folders.
$(call to-obj,$(guest-src)) $(main-obj): | $(GEN)/near_syms.h

# An equal header keeps its time, so that nothing is rebuilt.
move-if-changed = cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

# A changed set of flags or of sources rebuilds what depends on it.
write-if-changed = mkdir -p $(@D); echo '$(subst ','\'',$(strip $(1)))' | cmp -s - $@ || \
	echo '$(subst ','\'',$(strip $(1)))' > $@
$(B)/.flags: FORCE
	@$(call write-if-changed,$(CC) $(CPPFLAGS) $(CFLAGS) $(ASFLAGS) $(NEARFLAGS))
$(B)/.sources-%: FORCE
	@$(call write-if-changed,$($*-src))

# ---- near kernel ----------------------------------------------------------------------------

near-obj := $(patsubst kernel/near/%,$(B)/near/%.o,$(basename $(near-src)))

$(B)/near/%.o: kernel/near/%.c $(B)/.flags | $(GEN)/autoconf.h
	$(call say,CC,near/$*.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPFLAGS) $(CPPFLAGS) $(NEARFLAGS) -c -o $@ $<

$(B)/near/%.o: kernel/near/%.S $(B)/.flags | $(GEN)/autoconf.h
	$(call say,AS,near/$*.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPFLAGS) $(CPPFLAGS) -g -fcf-protection=none -c -o $@ $<

ifneq ($(near-obj),)
$(B)/near/near.elf: $(near-obj) kernel/near/near.lds $(B)/.sources-near
	$(call say,LD,$@)
	$(Q)$(LD) -static -nostdlib --no-undefined --build-id=none -z noexecstack \
		--no-warn-rwx-segments -T kernel/near/near.lds -o $@ $(near-obj)

$(B)/near/near.bin: $(B)/near/near.elf
	$(call say,OBJCOPY,$@)
	$(Q)$(OBJCOPY) -O binary $< $@

# near_foo becomes NEAR_SYM_FOO, its offset from the first byte of near.bin.
$(GEN)/near_syms.h: $(B)/near/near.elf scripts/near-syms
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/near-syms $< > $@.tmp
	$(Q)$(move-if-changed)
else
$(B)/near/near.bin:
	@mkdir -p $(@D) && : > $@
$(GEN)/near_syms.h:
	@mkdir -p $(@D) && echo '/* kernel/near is empty */' > $@
endif

# ---- embedded data --------------------------------------------------------------------------

# $(1): symbol, $(2): file. The page alignment lets near_image be mapped as it is.
define embed-rule
$(B)/embed/$(1).o: $(2)
	$$(call say,EMBED,$(2))
	@mkdir -p $$(@D)
	$$(Q)printf '%s\n' '.section .rodata' '.balign 4096' '.globl $(1), $(1)_end' '$(1):' \
		'.incbin "$(2)"' '$(1)_end:' '.byte 0' '.section .note.GNU-stack,"",@progbits' \
		> $(B)/embed/$(1).S
	$$(Q)$(CC) -c -o $$@ $(B)/embed/$(1).S
endef
$(eval $(call embed-rule,near_image,$(B)/near/near.bin))
$(eval $(call embed-rule,initramfs_image,$(B)/embed/initramfs.cpio))
$(eval $(call embed-rule,config_data,$(KCONFIG_CONFIG)))
$(eval $(call embed-rule,filter_first,$(B)/embed/filter_first.bpf))
$(eval $(call embed-rule,filter_last,$(B)/embed/filter_last.bpf))

$(B)/embed/filter_%.bpf: $(B)/mkfilter
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(B)/mkfilter $* $@

ifeq ($(CONFIG_INITRAMFS),y)
$(B)/embed/initramfs.cpio: scripts/make-initramfs $(wildcard kernel/embed/*) $(B)/mkcpio
	$(call say,CPIO,$@)
	@mkdir -p $(@D)
	$(Q)scripts/make-initramfs $(B)/mkcpio $(BUSYBOX) kernel/embed $@
else
$(B)/embed/initramfs.cpio: $(KCONFIG_CONFIG)
	@mkdir -p $(@D) && : > $@
endif

# ---- generated headers ----------------------------------------------------------------------

$(GEN)/autoconf.h: $(KCONFIG_CONFIG) scripts/make-autoconf
	@mkdir -p $(@D)
	$(Q)scripts/make-autoconf $< > $@.tmp
	$(Q)$(move-if-changed)

$(GEN)/version.h: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' '/* made by Makefile */' '#define UMLAUT_VERSION "$(VERSION)"' > $@

# ---- configuration goals --------------------------------------------------------------------

# Makes a default .config when there is none, completes an old one when Kconfig has grown.
$(KCONFIG_CONFIG): Kconfig kernel/defconfig scripts/make-config
	$(Q)scripts/make-config $@

# Without kconfig-frontends only plain "make" and "make defconfig" work.
kconfig = @mkdir -p $(dir $(KCONFIG_CONFIG)); command -v $(1) >/dev/null || \
	{ echo "$(1) is missing: apt-get install kconfig-frontends" >&2; exit 1; }; $(1)

menuconfig:
	$(call kconfig,kconfig-mconf) Kconfig
nconfig:
	$(call kconfig,kconfig-nconf) Kconfig
config:
	$(call kconfig,kconfig-conf) --oldaskconfig Kconfig
savedefconfig:
	$(call kconfig,kconfig-conf) --savedefconfig=kernel/defconfig.new Kconfig
oldconfig olddefconfig alldefconfig allnoconfig allyesconfig:
	$(call kconfig,kconfig-conf) --$@ Kconfig
defconfig:
	$(Q)rm -f $(KCONFIG_CONFIG)
	$(Q)scripts/make-config $(KCONFIG_CONFIG)

# ---- tools ----------------------------------------------------------------------------------

define tool-rule
$(B)/$(1): $(call to-obj,$(call find-src,tools/$(1))) $(objs-$(1)) $(tools-common) $(if $(lib-src),$(B)/lib.a)
	$$(call say,LINK,$$@)
	$$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ -lpthread $(libs-$(1))
endef
$(foreach t,$(tool-names),$(eval $(call tool-rule,$(t))))

# ---- libumlaut --------------------------------------------------------------------------------

# Only what umlaut.h declares is visible, in the archive as in the shared library.
pic-obj := $(patsubst %.c,$(B)/pic/%.o,$(libumlaut-src) tools/common/mconsole.c)

$(B)/pic/%.o: %.c $(B)/.flags | $(GEN)/autoconf.h $(GEN)/version.h
	$(call say,CC,pic/$*.o)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPFLAGS) $(CPPFLAGS) $(filter-out -fno-pie,$(CFLAGS)) -fPIC -fvisibility=hidden -c -o $@ $<

$(B)/libumlaut/libumlaut.a: $(pic-obj)
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)$(LD) -r -o $(@D)/umlaut.o $(pic-obj) && $(OBJCOPY) --localize-hidden $(@D)/umlaut.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(@D)/umlaut.o

$(B)/libumlaut/libumlaut.so: $(pic-obj)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(SANFLAGS) -Wl,-soname,libumlaut.so.0 -Wl,-z,noexecstack -o $@.0 $(pic-obj)
	$(Q)ln -sf $(@F).0 $@

# ---- test programs --------------------------------------------------------------------------

# Guest tests and benchmarks are plain static Linux programs that know nothing of our tree; their
# runners build them.
guest-tests:
	$(Q)O=$(O)/guest tests/guest/run -b

# A unit test <folder>_<topic>.c gets the archives of its folder and of all below it (by
# scripts/layers), with host/ replaced by tests/unit/fake_host where that exists. Archives give it
# only the objects it needs. Tests host_* get the real host/.
unit:
	$(Q)$(MAKE) --no-print-directory SAN=unit unit-programs

unit-names := $(basename $(notdir $(wildcard tests/unit/*.c)))
unit-programs: $(addprefix $(B)/tests/,$(unit-names))
fake-obj := $(call to-obj,$(call find-src,tests/unit/fake_host))
unit-folder = $(firstword $(subst _, ,$(1)))
unit-below = $(shell sed 's/\#.*//' scripts/layers | tac | awk -F: -v f=$(call unit-folder,$(1)) \
	'BEGIN { need[f] = 1 } { split($$1, top, "/") } need[top[1]] { n = split($$2, use, " "); \
	for (i = 1; i <= n; i++) need[use[i]] = 1 } END { for (f in need) if (need[f]) print f }')
unit-fake = $(if $(filter-out host_%,$(1)),$(if $(filter host,$(2)),$(fake-obj)))
unit-archives = $(filter $(addprefix $(B)/,$(addsuffix .a,$(if $(3),$(filter-out host,$(2)),$(2)))), \
	$(archives))

# $(1): test, $(2): folders below, $(3): objects of the fake host
define unit-rule
$(B)/tests/$(1): $(call to-obj,tests/unit/$(1).c) $(3) $(call unit-archives,$(1),$(2),$(3))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) \
		-Wl,--end-group -lcmocka $(LDLIBS)
endef
unit-rules = $(eval $(call unit-rule,$(1),$(2),$(call unit-fake,$(1),$(2))))
$(if $(filter unit,$(SAN)),$(foreach t,$(unit-names),$(call unit-rules,$(t),$(call unit-below,$(t)))))

# Fuzzing: the far kernel without guests. With SAN=unit it is built from what the unit tests are built from.
fuzz-program: $(B)/fuzz
$(B)/fuzz: $(call to-obj,$(wildcard tests/fuzz/*.c)) $(archives) $(embed-obj)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(archives) -Wl,--end-group $(LDLIBS)

# There it also sees what of the kernel a case has reached.
ifneq ($(filter fuzz,$(SAN)),)
$(B)/obj/kernel/%.o: CFLAGS += -fsanitize-coverage=trace-pc
endif

SECONDS ?= 3600
fuzz:
	$(Q)$(MAKE) --no-print-directory SAN=fuzz fuzz-program
	$(Q)O=$(O)/fuzz FUZZ=$(O)/fuzz/fuzz tests/fuzz/run $(SECONDS)

check:
	$(Q)./check
# One hour of tests/attack with the sanitised kernel; ./check runs half a minute of it.
attack:
	$(Q)$(MAKE) --no-print-directory SAN=asan,ubsan linux
	$(Q)O=$(O)/attack LINUX=$(O)/asan+ubsan/linux tests/attack/run 3600

# Programs of a Debian system, natively and in the guest in every mode: half an hour.
programs:
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/programs/run --linux $(B)/linux --out $(O)/programs --modes all

soak:
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SOAK=1 UMLAUT=$(B)/linux tests/e2e/load.py
	$(Q)SOAK=1 UMLAUT=$(B)/linux tests/e2e/commands.py

# A Debian that boots from its own disk; IMAGE_SIZE and IMAGE_PACKAGES say how large, and what else is in it.
IMAGE_SIZE ?= 1G
image:
	$(Q)mkdir -p $(O)
	$(Q)scripts/make-image --size $(IMAGE_SIZE) $(O)/debian.img $(IMAGE_PACKAGES)

# The kernel is killed a thousand times under a load on ext4, and the power fails as often; nothing durable may be lost.
crash:
	$(Q)$(MAKE) --no-print-directory all
	$(Q)CRASH_ROUNDS=1000 UMLAUT=$(B)/linux tests/e2e/crash.py killed_at_any_moment
	$(Q)POWERCUT_DISKS=1000 UMLAUT=$(B)/linux tests/e2e/powercut.py
	$(Q)TURNS=20 UMLAUT=$(B)/linux tests/e2e/turns.py

bench:
	$(Q)$(MAKE) --no-print-directory all
	$(Q)O=$(O) tests/bench/run --linux $(B)/linux

# Real work; DOCS=docs puts its table and chart there.
bench-work:
	$(Q)$(MAKE) --no-print-directory all
	$(Q)O=$(O) tests/bench/work/run --linux $(B)/linux --json $(O)/bench-work.json $(DOCS:%=--docs %)

# What many idle guests, and many processes in one guest, cost.
.PHONY: scale
scale:
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/bench/scale --linux $(B)/linux

# ---- the rest -------------------------------------------------------------------------------

# Tools of the build stay here; those that describe themselves (tools/common/usage.h) get a manual page.
user-tools := $(filter-out mkcpio mkfilter,$(tool-names))
documented := $(notdir $(patsubst %/,%,$(dir $(shell grep -ls 'tools/common/usage.h' tools/*/main.c))))

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(B)/linux $(addprefix $(B)/,$(user-tools)) $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include
	install -m 644 $(B)/libumlaut/libumlaut.a $(B)/libumlaut/libumlaut.so.0 $(DESTDIR)$(PREFIX)/lib
	ln -sf libumlaut.so.0 $(DESTDIR)$(PREFIX)/lib/libumlaut.so
	install -m 644 tools/libumlaut/umlaut.h $(DESTDIR)$(PREFIX)/include
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	for t in $(documented); do \
		$(B)/$$t --help=man > $(DESTDIR)$(PREFIX)/share/man/man1/$$t.1 && \
		$(B)/$$t --help=bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$t || exit 1; \
	done

clean:
	$(Q)rm -rf $(if $(filter build,$(O)),build linux,$(addprefix $(O)/,obj pic libumlaut near embed include \
		tests unit guest bench attack asan ubsan asan+ubsan tsan fuzz linux .flags .sources-* *.a $(tool-names)))
distclean mrproper: clean
	$(Q)rm -f $(KCONFIG_CONFIG) $(KCONFIG_CONFIG).old

help:
	@echo 'all (default)    the kernel ($(B)/linux, ./linux) and the tools'
	@echo 'linux, tools     only these'
	@echo 'kernel/<folder>  only that archive; lib, kernel/near, kernel/embed likewise'
	@echo 'check            everything that is tested (same as ./check)'
	@echo 'unit             the unit tests, with ASan and UBSan ($(O)/unit/tests/)'
	@echo 'guest-tests      the programs of tests/guest ($(O)/guest/bin/)'
	@echo 'attack           hostile guest programs for an hour, with ASan and UBSan'
	@echo 'fuzz             damaged images and files for an hour (SECONDS=3600), with ASan and UBSan'
	@echo 'soak             the long versions of the tests of load (10,000 times fork and exec)'
	@echo 'scale            1,000 idle guests, 5,000 processes in one guest: what each costs; 1 to 8 threads: how rates grow'
	@echo 'programs         what people run on Debian, natively and in the guest, in every mode'
	@echo 'image            $(O)/debian.img, a Debian with an ext4 root that boots by itself'
	@echo 'crash            the kernel killed, the power cut 1,000 times under a load on ext4'
	@echo 'bench            the benchmarks, native and in the guest'
	@echo 'bench-work       the same with compilers, git, databases ...; DOCS=docs: table and chart go there'
	@echo 'menuconfig, nconfig, config, oldconfig, olddefconfig, defconfig, alldefconfig,'
	@echo 'allnoconfig, allyesconfig, savedefconfig    configure (KCONFIG_ALLCONFIG=file works)'
	@echo 'install          into PREFIX ($(PREFIX)), below DESTDIR'
	@echo 'clean, distclean remove what was built, and the configuration'
	@echo
	@echo 'O=dir            build there, with its own .config'
	@echo 'SAN=asan|ubsan|asan,ubsan|tsan  sanitised build in $(O)/<SAN>/'
	@echo 'V=1              show commands;  ARCH=um is accepted'

FORCE:

# Dependencies that the compiler wrote.
-include $(shell find $(addprefix $(B)/,obj pic near) -type f -name '*.d' 2>/dev/null)

# SPDX-License-Identifier: GPL-2.0-only
#
# 'make help' lists what can be done. Kbuild, beside this file, names the modules.

KDIR ?= /lib/modules/$(shell uname -r)/build
# Kernel series of the emulated machine; unset, 'test' takes all that are supported
# and everything else the oldest.
kernel := $(patsubst %,--kernel %,$(KERNEL))
vm := igt-tests/vm

.PHONY: all
all: modules

# Tell a newcomer what is missing, in place of a page of compiler errors.
define check_kdir
	config=$(KDIR)/include/config/auto.conf; \
	fail() { echo "vmf_range: $$*" >&2; exit 1; }; \
	need() { [ ! -d "$$1" ] || grep -Eq "^CONFIG_($$2)=[ym]" "$$config" || \
		fail "the kernel of $(KDIR) has no CONFIG_$$2, which $${1##*/} needs"; }; \
	[ -e "$$config" ] || fail "there are no kernel headers in $(KDIR). \
	Install them (Debian: apt-get install linux-headers-$$(uname -r)), or name \
	others: make KDIR=DIRECTORY. 'make run' and 'make test' need none."; \
	release=$$(cat $(KDIR)/include/config/kernel.release) || exit 1; \
	printf '%s\n' 6.12 "$$release" | sort -CV || \
		fail "kernel $$release is too old: 6.12 is the first that knows special huge entries"; \
	need drivers/vmf_range HAS_IOMEM; \
	need drivers/gpu/drm/ttm_range DRM_TTM; \
	need drivers/gpu/drm/virtio_vram 'DRM_BUDDY|GPU_BUDDY'; \
	need drivers/gpu/drm/virtio_vram VIRTIO
endef

.PHONY: modules
modules:
	@$(check_kdir)
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

# A kernel that takes signed modules only says so in one of these places.
SYS ?= /sys
define signing_hint
	grep -qsx Y $(SYS)/module/module/parameters/sig_enforce || \
	grep -qsE '\[(integrity|confidentiality)\]' $(SYS)/kernel/security/lockdown || \
		exit 0; \
	echo "vmf_range: the running kernel (Secure Boot, lockdown or \
	module.sig_enforce) takes signed modules only. Sign these, or let dkms do it: \
	docs/packaging.rst tells how"
endef

.PHONY: modules_install
modules_install: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) \
		$$(cat $(KDIR)/include/config/kernel.release)
	@$(signing_hint)

.PHONY: dkms-deb
dkms-deb:
	@drivers/dkms/make-deb build

.PHONY: run
run:
	@$(vm)/show $(kernel)

.PHONY: test
test:
	@$(vm)/test $(kernel)

.PHONY: test-all
test-all:
	@$(vm)/test $(kernel) --all

.PHONY: soak
soak:
	@$(vm)/soak $(or $(MINUTES),60)

.PHONY: bench
bench:
	@$(vm)/bench $(kernel) $(BASE:%=--base %)

.PHONY: profile
profile:
	@$(vm)/profile $(kernel) $(WORKS)

.PHONY: fuzz
fuzz:
	@$(vm)/fuzz --minutes $(or $(MINUTES),10) $(kernel)

.PHONY: check
check:
	@$(vm)/check $(kernel)

.PHONY: docs
docs:
	@$(vm)/docs

.PHONY: shell
shell:
	@$(vm)/build $(kernel) tests
	@$(vm)/run $(kernel) --timeout 86400 --interactive \
		--copy build/igt-tests/vmf_range_view:/usr/bin/vmf_range_view -- sh -c 'sh -l; :'

.PHONY: setup
setup:
	@$(vm)/setup $(kernel) --refresh --versions

.PHONY: clean
clean:
	rm -rf build
	[ ! -e $(KDIR)/Makefile ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean

.PHONY: help
help:
	@echo 'On this machine (KDIR=$(KDIR)):'
	@echo '  make                  build the modules'
	@echo '  make modules_install  install them'
	@echo '  make dkms-deb         make a package of the libraries, for dkms'
	@echo '  make clean            remove everything that was built'
	@echo
	@echo 'In an emulated machine, which is set up at the first use. KERNEL=6.12 or 7.2; also'
	@echo 'debug, debug-inline and kcsan, which are compiled at the first use, rt and bookworm:'
	@echo '  make run              show mappings beside those of stock TTM'
	@echo '  make test             run all tests, on both kernels'
	@echo '  make test-all         the same, and what takes longer'
	@echo '  make bench            count what mapping costs, by every way there is;'
	@echo '                        BASE=FILE names what got worse since that bench.json'
	@echo '  make profile          count where the instructions of a fault go, by function'
	@echo '  make fuzz MINUTES=10  fuzz the test device, then the driver, so long each;'
	@echo '                        compiles a kernel at the first use'
	@echo '  make soak MINUTES=60  random stress on the kernels that hunt bugs; compiles three'
	@echo '  make shell            look around with the modules loaded'
	@echo '  make check            static checks: compilers, checkpatch, sparse and others'
	@echo '  make docs             make the documentation, build/docs/html/index.html'
	@echo '  make setup            use the newest packages, and print their versions'
	@echo
	@echo 'Your own test in the emulated machine: $(vm)/run --help'

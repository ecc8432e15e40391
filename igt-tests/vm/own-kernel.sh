# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Compile a kernel of a configuration of our own from Debian's source package: what
# debug-kernel and kcsan-kernel have in common. setup calls them with the package unpacked,
# and publishes what they leave there as one more kernel. They define 'fragment', which
# prints all of the configuration that is not off, and may define 'change_source'.

# check_config WANTED CONFIG: an option with a dependency missing is dropped
# without a word.
check_config() {
	local line option lost=

	while read -r line; do
		option=${line#\# }
		option=${option%%[= ]*}
		case $line in
		'# CONFIG_'*' is not set')
			! grep -q "^$option=" "$2" || lost+=" $option (on)"
			;;
		CONFIG_*)
			grep -qxF -- "$line" "$2" || lost+=" $option"
			;;
		esac
	done <"$1"
	[ -z "$lost" ] || die "options that did not take:$lost"
}

# What runs for long says now and then that it is alive.
progress() {
	local line files=0 next=$((SECONDS + 60))

	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line != '  CC '* ]] || files=$((files + 1))
		[ $SECONDS -ge $next ] || continue
		say "kernel-$name: compiled $files files"
		next=$((SECONDS + 60))
	done
}

kmake() {
	within nice -n 19 make -C "$source" O="$objects" "$@"
}

compile() {
	local log=$objects/make.log

	kmake -j "$(nproc)" bzImage modules 2>&1 | progress >"$log" || {
		grep -m 10 -A 10 'error' "$log" >&2 || tail -n 20 "$log" >&2
		die "cannot compile the kernel"
	}
}

install_kernel() {
	local release

	release=$(cat "$objects/include/config/kernel.release")
	mkdir -p "$root/boot"
	cp "$objects/arch/x86/boot/bzImage" "$root/boot/vmlinuz-$release"
	cp "$objects/.config" "$root/boot/config-$release"
	kmake INSTALL_MOD_PATH="$root/usr" modules_install
	rm -f "$root/usr/lib/modules/$release/build"
	# What Debian's packages of headers are made with.
	kmake run-command KBUILD_RUN_COMMAND="$source/scripts/package/install-extmod-build \
		$root/usr/src/linux-headers-$release"
}

change_source() {
	:
}

# compile_kernel NAME ROOT: ROOT holds an unpacked linux-source package. In its place are
# left, as in Debian's packages, boot/vmlinuz-RELEASE, usr/lib/modules/RELEASE, and
# usr/src/linux-headers-RELEASE to compile modules against.
compile_kernel() {
	name=$1
	root=$(readlink -f "$2")
	tarball=$(echo "$root"/usr/src/linux-source-*.tar.xz)
	[ -e "$tarball" ] || die "no source package in $root"

	work=$root/build
	source=$work/$(basename "$tarball" .tar.xz)
	objects=$work/objects
	mkdir -p "$objects"
	say "kernel-$name: unpacking the source"
	within tar -xJf "$tarball" -C "$work"
	change_source

	{
		printf 'CONFIG_LOCALVERSION="-%s"\n' "$name"
		fragment
	} >"$work/wanted"
	kmake KCONFIG_ALLCONFIG="$work/wanted" allnoconfig >"$work/config.log" 2>&1 || {
		cat "$work/config.log" >&2
		die "the configuration cannot be read"
	}
	check_config "$work/wanted" "$objects/.config"

	say "kernel-$name: compiling (once, about a quarter of an hour)"
	compile
	install_kernel >"$work/install.log" 2>&1 || {
		cat "$work/install.log" >&2
		die "cannot install the kernel"
	}
	rm -rf "$work" "$tarball"
}

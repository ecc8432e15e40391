# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# What the scripts of the rig share: where things are kept, messages, and the
# way into the build tree.

set -euo pipefail
umask 022

vm=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(readlink -f "$vm/../..")
cache=${VMF_RANGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmf_range}
export VM_T0=${VM_T0:-$(date +%s)}

# Progress and errors go to standard error: standard output is the guest's.
say() {
	printf '[%4ds] %s\n' $(($(date +%s) - VM_T0)) "$*" >&2
}

# A failure of the rig itself, told from the failure of a command by its status.
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 125
}

# A kernel is a series of Debian, its real-time flavour of 6.12, Debian 12's own, or one
# that debug-kernel or kcsan-kernel compiles.
# The name becomes part of file names and of a package name.
check_series() {
	[[ $1 =~ ^([0-9]+\.[0-9]+|rt|bookworm|debug|debug-inline|kcsan)$ ]] ||
		die "kernel '$1' is not a series such as 6.12 or 7.2, nor rt," \
		    "bookworm, debug, debug-inline or kcsan"
}

# A set is a directory of unpacked packages. Its name holds a digest of the
# recipe; the name is a link to the directory that the last set-up made. What takes
# a quarter of an hour to compile is not made anew for a change elsewhere.
recipe=$(sha256sum <"$vm/setup" | cut -c1-12)
debug_recipe=$(cat "$vm"/{own-kernel.sh,debug{.config,-kernel}} | sha256sum | cut -c1-12)
kcsan_recipe=$(cat "$vm"/{own-kernel.sh,debug.config,kcsan{.config,-kernel}} |
	sha256sum | cut -c1-12)
recipe_of() {
	case $1 in
	kernel-debug*) printf '%s\n' "$debug_recipe" ;;
	kernel-kcsan) printf '%s\n' "$kcsan_recipe" ;;
	*) printf '%s\n' "$recipe" ;;
	esac
}

set_path() {
	printf '%s/sets/%s-%s\n' "$cache" "$1" "$(recipe_of "$1")"
}

tools=$(set_path tools)
guest=$(set_path guest)
selftests=$(set_path selftests)
kernel_set() {
	set_path "kernel-$1"
}

# The version string of a kernel set, as uname -r has it.
kernel_release() {
	basename "$(echo "$(kernel_set "$1")"/usr/lib/modules/*)"
}

# What a guest of this kernel needs where the caller of 'run' names nothing: memory,
# window of the device, how many times longer than elsewhere everything takes, and
# parameters of the kernel.
#
# On a debug kernel KASAN keeps a shadow of all that the kernel has mapped, an eighth
# of the window among it; and what is wrong ends the run at once, before one bug looks
# like many. Races are many: they are all reported.
guest_defaults() {
	case $1 in
	debug*) echo 6G 4G 6 panic_on_warn=1 kunit.enable=1 ;;
	kcsan) echo 2G 4G 6 ;;
	*) echo 2G 4G 1 ;;
	esac
}

# Where this kernel's modules are built.
build_dir() {
	echo "$top/build/$1"
}

# within [-k SERIES] COMMAND...: run a command where /usr is the build tree and
# every other path is the host's. A mount namespace does it, so that an ordinary
# user may, and nothing is left to clean up. With -k the headers of that kernel
# are in /usr/src.
within() {
	(exec_within "$@")
}

# The same in place of this shell: for what goes on in the background, and is killed by
# its number.
exec_within() {
	local map=() src=
	if [ "$1" = -k ]; then
		src=$(kernel_set "$2")/usr/src
		shift 2
	fi
	[ "$(id -u)" = 0 ] || map=(--map-root-user)
	# shellcheck disable=SC2016
	exec unshare --mount "${map[@]}" /bin/sh -c '
		tools=$1 src=$2; shift 2
		[ -z "$src" ] || mount --bind "$src" "$tools/usr/src"
		mount --bind "$tools/etc" /etc && mount --rbind "$tools/usr" /usr &&
		exec env -i PATH=/usr/bin:/usr/sbin HOME="$HOME" \
			TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 \
			QEMU_MODULE_DIR=/usr/lib/x86_64-linux-gnu/qemu "$@"
	' within "$(readlink -f "$tools")" "$src" "$@"
}

# use_tools SET: from here on, within a tree that has more than the tools.
use_tools() {
	tools=$(set_path "$1")
}

# archive DIR: write an archive that the kernel unpacks as its first file system.
archive() {
	# shellcheck disable=SC2016
	within sh -c 'cd "$1" && find . -mindepth 1 | sort |
		cpio --quiet -o -H newc -R 0:0' archive "$1"
}

# check NAME COMMAND...: run one test in silence; show what it printed if it
# failed.
passed=0
failed=0
check() {
	local name=$1 log start=$SECONDS

	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "pass  $name ($((SECONDS - start)) s)"
	else
		failed=$((failed + 1))
		echo "FAIL  $name ($((SECONDS - start)) s)"
		sed 's/^/  | /' "$log"
	fi
	rm -f "$log"
}

# replays LOG: how to run again the programs that the fuzzer had begun last.
replays() {
	LC_ALL=C sed -n 's/.*vmf_range_fuzz: seeds/  the last: fuzz --seeds/p' "$1" |
		tail -n 2
}

# The last line of a run of tests, and its exit status.
summary() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}

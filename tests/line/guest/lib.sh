# What scenarios are written with. They run in a subshell of their own with `set -eu`.
#
#   board NAME KEY=VALUE...   makes a board (64 MiB unless size= says otherwise); it is off
#   plug NAME...              power and cable, and waits for the disks of each
#   wait_disks SECONDS NAME...  waits until the disks of each are there and udev has done with them
#   ums WORD...               umsboard's control socket, as it is
#   disk NAME                 the board's disk (/dev/sdX), or nothing
#   figure TEXT               what the scenario's line shows
#   check TEXT CONDITION...   fails the scenario with TEXT when the command fails
# shellcheck shell=bash

UMS=$LINE/ums.sock

start_umsboard() {
	"$BUILD/line/umsboard" serve "$UMS" >"$OUT/umsboard.$LINE_GUEST.log" 2>&1 &
	until [ -S "$UMS" ]; do :; done # it has that name from when it listens
}

ums() {
	"$BUILD/line/umsboard" ctl "$UMS" "$@"
}

declare -A port_of luns_of
next_port=0

# Boards take the ports of the first hub, then of the next; port=H.P overrides.
board() {
	local name=$1 port=$((next_port / 15)).$((next_port % 15 + 1)) luns=1 word
	shift
	for word in "$@"; do case $word in port=*) port=${word#*=} ;; luns=*) luns=${word#*=} ;; esac; done
	next_port=$((next_port + 1))
	port_of[$name]=$port
	luns_of[$name]=$luns
	ums add "$name" "file=$LINE/$name.img" size=64M "port=$port" "$@"
}

# vhci_hcd.N's high-speed hub is usbB; port P below it is B-P.
usb_path() {
	local hub=${port_of[$1]%.*} port=${port_of[$1]#*.} bus
	for bus in "/sys/devices/platform/vhci_hcd.$hub"/usb[0-9]*; do
		[ "$(cat "$bus/speed")" = 480 ] && echo "$bus/${bus##*usb}-$port"
	done
	return 0
}

disk() {
	local lun=${2:-0} block
	for block in "$(usb_path "$1")"/*:1.0/host*/target*/*:"$lun"/block/*; do
		[ -e "$block" ] && echo "/dev/${block##*/}"
	done
	return 0
}

# Waits for a condition without missing it: every uevent is a reason to look again, and so is every second.
# The seconds are a quiet machine's; a busy one has four times as many.
wait_for() {
	local seconds=$1 event
	shift
	"$@" && return 0
	exec 9< <(exec udevadm monitor --kernel --udev 2>/dev/null)
	local monitor=$! end=$((SECONDS + 4 * seconds)) result=1
	while :; do
		if "$@"; then result=0; break; fi
		[ $SECONDS -lt $end ] || break
		# shellcheck disable=SC2034
		read -r -t 1 event <&9 || :
	done
	kill "$monitor" 2>/dev/null
	exec 9<&-
	return $result
}

# A block device that udev's database knows.
is_known() { [ -b "$1" ] && [ -e "/run/udev/data/b$(cat "/sys/class/block/${1##*/}/dev")" ]; }
has_disk() {
	local lun
	for ((lun = 0; lun < ${luns_of[$1]:-1}; lun++)); do is_known "$(disk "$1" "$lun")" || return 1; done
}
has_no_disk() { [ -z "$(disk "$1")" ]; }
have_disks() {
	local name
	for name in "$@"; do has_disk "$name" || return 1; done
}
# Another disk than the one of that diskseq, which is still there for a while after its board has gone and may go between any two looks.
has_other_disk() {
	local now
	now=$(attribute "$1" diskseq 2>/dev/null) && [ "$now" != "$2" ]
}
# What the database knows may be a disk before this one, of the same number, until udev hears of its end.
has_all_disks() { have_disks "$@" && udevadm settle && have_disks "$@"; }

wait_disks() {
	local seconds=$1
	shift
	wait_for "$seconds" has_all_disks "$@" || { echo "no disk for all of: $*"; return 1; }
}

plug() {
	ums plug "$@"
	wait_disks 240 "$@"
}

# Two disks that nobody may touch: an ordinary USB stick, and Linux's own mass-storage gadget (over dummy_hcd),
# which has the USB IDs of many boards: 0525:a4a5.
stick_disk() { readlink -f /dev/disk/by-id/usb-QEMU_QEMU_HARDDISK_ORDINARY-STICK-0:0; }
stick_there() { [ -b "$(stick_disk)" ]; }
gadget_disk() {
	local model
	for model in /sys/class/block/sd*/device/model; do
		if grep -q '^File-Stor' "$model"; then echo "/dev/$(echo "$model" | cut -d/ -f5)"; fi
	done
}
gadget_there() { is_known "$(gadget_disk)" && udevadm settle && is_known "$(gadget_disk)"; }
GADGET=/sys/kernel/config/usb_gadget/g
start_gadget() {
	modprobe -a dummy_hcd libcomposite usb_f_mass_storage
	mountpoint -q /sys/kernel/config || mount -t configfs config /sys/kernel/config
	mkdir $GADGET $GADGET/strings/0x409 $GADGET/configs/c.1 $GADGET/functions/mass_storage.0
	echo 0x0525 >$GADGET/idVendor
	echo 0xa4a5 >$GADGET/idProduct
	echo 'Linux' >$GADGET/strings/0x409/manufacturer
	echo 'Mass Storage Gadget' >$GADGET/strings/0x409/product
	truncate -s 16M "$LINE/gadget.img"
	echo 1 >$GADGET/functions/mass_storage.0/lun.0/removable
	echo "$LINE/gadget.img" >$GADGET/functions/mass_storage.0/lun.0/file
	ln -s $GADGET/functions/mass_storage.0 $GADGET/configs/c.1/
	echo dummy_udc.0 >$GADGET/UDC
	wait_for 60 gadget_there
}
stop_gadget() {
	echo >$GADGET/UDC
	rm $GADGET/configs/c.1/mass_storage.0
	rmdir $GADGET/functions/mass_storage.0 $GADGET/configs/c.1 $GADGET/strings/0x409 $GADGET
	rmmod dummy_hcd
}

# The kernel takes a stopped array's device away by a thread of its own, later. The folder goes behind its last event.
no_array_left() { ! ls -d /sys/devices/virtual/block/md* >/dev/null 2>&1; }

# A medium with an older image: GPT, ext4, LVM, md and btrfs, whose UUIDs all copies of it share.
make_old_image() {
	modprobe -a loop dm_mod raid1 btrfs
	truncate -s 100M "$1"
	sfdisk --quiet "$1" <<-END
		label: gpt
		size=16M, type=linux
		size=16M, type=lvm
		size=16M, type=raid
		size=20M, type=linux
	END
	# udev assembles what it finds on a loop disk too: an event that it looks at after the array was stopped brings it back.
	local loop rule=/run/udev/rules.d/00-old-image.rules
	mkdir -p "${rule%/*}"
	echo 'KERNEL=="loop*", ENV{SYSTEMD_READY}="0"' >$rule
	udevadm control --reload
	loop=$(losetup -fP --show "$1")
	udevadm settle
	mkfs.ext4 -q -L old-root "${loop}p1"
	pvcreate -qq "${loop}p2" && vgcreate -qq oldvg "${loop}p2" && lvcreate -qq -n oldlv -l 2 oldvg
	vgchange -qq -an oldvg
	mdadm --create /dev/md/old --run --quiet --level=1 --raid-devices=2 --metadata=1.2 "${loop}p3" missing
	udevadm settle # it has the array open while it looks at it
	mdadm --stop --quiet /dev/md/old
	wait_for 60 no_array_left
	mkfs.btrfs -q --mixed -L old-data "${loop}p4"
	losetup -d "$loop"
	udevadm settle
	rm $rule
	udevadm control --reload
}

board_status() { ums status "$1"; }
board_value() { ums status "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

figure() { echo "$*" >"$LINE/figure"; }
check() {
	local text=$1
	shift
	"$@" || { echo "check failed: $text ($*)"; return 1; }
}
# One attribute of a board's disk in sysfs, e.g. `queue b1 device/timeout`.
attribute() { cat "/sys/class/block/$(basename "$(disk "$1")")/$2"; }
# The command must fail.
refused() { ! "$@"; }

# A file of that size whose content is never the same twice.
random_file() { head -c "$2" /dev/urandom >"$1"; }
# Writes a file to a board's disk past the page cache and reads it back the same way.
write_direct() { dd if="$2" of="$(disk "$1")" bs=1M oflag=direct conv=notrunc status=none; }
read_direct() { dd if="$(disk "$1")" bs=1M iflag=direct status=none | head -c "$2"; }
# MB/s from bytes and a start in ms.
rate() { echo "$(($1 / 1000 / ($(now_ms) - $2 + 1))) MB/s"; }
now_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

# The next scenario's boards come to the same ports: what is there of these must be none of theirs.
no_board_left() { ! ls /sys/devices/platform/vhci_hcd.*/usb*/[0-9]*-[0-9]*/idVendor >/dev/null 2>&1; }
clean_up() {
	local names
	names=$(ums status | sed 's/^name=\([^ ]*\).*/\1/')
	# shellcheck disable=SC2086
	[ -z "$names" ] || { ums unplug all && ums remove $names; } || return 1
	rm -rf "${LINE:?}/state" "$LINE"/*.img*
	wait_for 120 no_board_left || { echo 'boards that were unplugged are still there'; return 1; }
	udevadm settle
}

keep_traces() {
	ums status >"$OUT/$1/boards" 2>&1
	dmesg | tail -n 200 >"$OUT/$1/kernel"
	cp -r "$LINE/state" "$OUT/$1/state" 2>/dev/null
}

run_scenario() {
	local name=$1 started result failed= log="$OUT/$1/log"
	started=$(now_ms)
	echo "line: scenario $name" >/dev/kmsg
	rm -f "$LINE/figure"
	if [ -e "$SRC/tests/line/scenarios/$name.py" ]; then
		(cd "$LINE" && exec python3 "$SRC/tests/line/scenarios/$name.py") >"$log" 2>&1
	else
		(
			set -eu
			cd "$LINE"
			. "$SRC/tests/line/scenarios/$name.sh"
		) >"$log" 2>&1
	fi
	result=$?
	local seconds=$((($(now_ms) - started) / 1000)) shown=
	[ ! -e "$LINE/figure" ] || shown=$(cat "$LINE/figure")
	if [ $result != 0 ]; then
		failed=$(tail -n 1 "$log")
		keep_traces "$name"
	fi
	if ! clean_up >>"$log" 2>&1 && [ $result = 0 ]; then
		result=1
		failed=$(tail -n 1 "$log")
		keep_traces "$name"
	fi
	if [ $result != 0 ]; then
		echo "FAILED $name: $failed ($seconds s)" >>"$OUT/results.$LINE_GUEST"
	else
		echo "ok     $name: $shown ($seconds s)" >>"$OUT/results.$LINE_GUEST"
	fi
}

# Each of the names once, whoever shares OUT: who makes a scenario's folder first runs it.
run_scenarios() {
	local name
	start_umsboard
	for name in "$@"; do
		! mkdir "$OUT/$name" 2>/dev/null || run_scenario "$name"
	done
}

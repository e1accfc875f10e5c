# long: 60 s
# guest only: takes the udev rule away
# Fifteen boards that carry an older image, all with the same LVM, md, btrfs and ext4 UUIDs: nothing looks at it,
# nothing is assembled, nothing holds a disk. Without the rule, udev does all of that to the first one.
# What came of it: names of holders, md arrays, mapped devices, known file systems.
holders() { find /sys/class/block/sd*/holders/ -mindepth 1 -printf '%f ' 2>/dev/null; ls /dev/mapper | grep -v control || :; grep ^md /proc/mdstat || :; }
# A board's fourth partition is the last of which udev is told.
has_parts() {
	local name
	for name in "$@"; do is_known "$(disk "$name")4" || return 1; done
}
known() { grep -l '^E:ID_FS_TYPE=\|^E:ID_PART_TABLE' "/run/udev/data/b$(cat "/sys/class/block/${1#/dev/}/dev")"* 2>/dev/null; }

make_old_image old.img
check 'the image is not clean' [ -z "$(holders)" ]
names=
for i in $(seq 1 15); do
	cp --sparse=always old.img "$LINE/o$i.img"
	board "o$i" "serial=O$i" size=100M "port=0.$i"
	names="$names o$i"
done
# shellcheck disable=SC2086
plug $names
# shellcheck disable=SC2086
wait_for 240 has_parts $names || echo 'udev does not know all partitions'
udevadm settle
parts=$(ls /dev/sd?4 /dev/sd??4 2>/dev/null | wc -l)
check "the kernel found $parts times a fourth partition" [ "$parts" = 15 ]
check "something was assembled: $(holders)" [ -z "$(holders)" ]
# One look at udev's database: 75 devices, one line each, with what is wrong in it.
disks=$(for n in $names; do disk "$n"; done)
# shellcheck disable=SC2086
for dev in $(printf '%s %s4 ' $(echo $disks | sed 's/[^ ]*/& &/g')); do
	data=/run/udev/data/b$(<"/sys/class/block/${dev#/dev/}/dev")
	if grep -q '^E:ID_FS_\|^E:ID_PART_TABLE' "$data"; then echo "$dev: blkid was run"; exit 1; fi
	check "$dev: udisks may take it" grep -q '^E:UDISKS_IGNORE=1' "$data"
done
# Closing a disk after a write brings no event: nobody watches.
udevadm monitor --udev --subsystem-match=block >events 2>&1 &
monitor=$!
grep -q UDEV <(tail -f --pid=$monitor events)
dd if=/dev/zero of="$(disk o1)" bs=4096 count=1 conv=notrunc status=none
dd if=/dev/zero of="$(disk o1)4" bs=4096 count=1 conv=notrunc status=none
udevadm settle
udevadm trigger --action=change --settle /sys/class/block/sda # an event of our own, behind which none can be hiding
wait_for 60 grep -q 'change.*sda' events
kill $monitor
check 'closing a written disk set udev off' refused grep -q "block/$(basename "$(disk o1)")" events
# shellcheck disable=SC2086
ums unplug $names

# The control: the same board without the rule.
mv /etc/udev/rules.d/60-gangway.rules away
rule_back() { [ ! -e away ] || { mv away /etc/udev/rules.d/60-gangway.rules && udevadm control --reload; }; }
trap rule_back EXIT
udevadm control --reload
wait_for 240 no_board_left
plug o2
wait_for 240 has_parts o2
udevadm settle
check 'without the rule blkid was not run' [ -n "$(known "$(disk o2)")" ]
found=$(holders)
check 'without the rule nothing was assembled: this scenario proves nothing' [ -n "$found" ]
# With the rule again, so that no event brings back what is stopped; the next scenario is to find nothing of it.
rule_back
udevadm settle
mdadm --stop --scan --quiet
vgchange -qq -an oldvg
nothing_left() { no_array_left && [ -z "$(holders)" ]; }
wait_for 240 nothing_left || { echo "left behind: $(holders)"; exit 1; }
figure "15 times the same UUIDs: no holder, no event after a close; without the rule: $(echo $found)"

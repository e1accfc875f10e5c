# guest only: qemu's USB stick
# The udev rule gives the group gangway exactly the UMS disks, set up for programming. Beside them: a USB stick, and
# Linux's own mass-storage gadget with a board's USB IDs.
as_station() { setpriv --reuid gangway --regid gangway --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"; }
can_open() { as_station dd if=/dev/null of="$1" conv=notrunc status=none 2>/dev/null; }

board b1 serial=B1 size=16M
board b2 family=rockchip size=16M luns=2
start_gadget
trap stop_gadget EXIT
plug b1 b2
gadget=$(gadget_disk)
stick=$(stick_disk)
lsusb
check 'the gadget has a board'"'"'s IDs' [ "$(lsusb -d 0525:a4a5 | wc -l)" = 2 ]
mine= others=
for d in /dev/sd*; do
	if can_open "$d"; then mine="$mine $d"; else others="$others $d"; fi
done
wanted=$(printf '%s\n' "$(disk b1)" "$(disk b2 0)" "$(disk b2 1)" | sort | tr '\n' ' ')
check "the station may open:$mine" [ "$(echo $mine) " = "$wanted" ]
case "$others " in *" $stick "*) ;; *) echo "the stick $stick is not among:$others"; exit 1 ;; esac
case "$others " in *" $gadget "*) ;; *) echo "the gadget $gadget is not among:$others"; exit 1 ;; esac
for d in /dev/vd* /dev/sg* /dev/loop* /dev/mem; do
	if [ -e "$d" ] && can_open "$d"; then echo "the station may open $d"; exit 1; fi
done
for b in b1 b2; do
	check "$b: group" [ "$(stat -c '%U:%G %a' "$(disk $b)")" = 'root:gangway 660' ]
	check "$b: max_sectors" [ "$(attribute $b device/max_sectors)" = 2048 ]
	check "$b: max_sectors_kb" [ "$(attribute $b queue/max_sectors_kb)" = 1024 ]
	check "$b: timeout" [ "$(attribute $b device/timeout)" = 10 ]
	check "$b: polling" [ "$(attribute $b events_poll_msecs)" = 0 ]
	udevadm info --query=property --name="$(disk $b)" >properties
	for want in GANGWAY_BOARD=1 "GANGWAY_DISKSEQ=$(attribute $b diskseq)" UDISKS_IGNORE=1 SYSTEMD_READY=0 ID_VENDOR=Linux ID_MODEL=UMS_disk_0 ID_REVISION=ffff; do
		check "$b: udev does not say $want" grep -qx "$want" properties
	done
	check "$b: path" grep -q '^ID_PATH=platform-vhci_hcd.0-usb-0:' properties
done
# ModemManager asks the USB device, not the disk, before it tries its luck; what is not ours is left to it.
for b in b1 b2; do
	udevadm info --query=property --path="$(usb_path $b)" >properties
	check "$b: ModemManager may try it" grep -qx ID_MM_DEVICE_IGNORE=1 properties
done
for d in "$gadget" "$stick"; do
	udevadm info --query=property --path="$(readlink -f "/sys/class/block/${d##*/}/device/../../../../..")" >properties
	check "$d: not its USB device" grep -qx DEVTYPE=usb_device properties
	check "$d: it is taken from ModemManager" refused grep -q ID_MM_ properties
	udevadm info --query=property --name="$d" >properties
	check "$d: it is taken from others" refused grep -q 'UDISKS_IGNORE\|SYSTEMD_READY=0\|GANGWAY' properties
done
hubs=0
for hub in /sys/bus/usb/devices/usb*; do
	node=/dev/bus/usb/$(printf '%03d/%03d' "$(cat "$hub/busnum")" "$(cat "$hub/devnum")")
	check "hub $node" [ "$(stat -c %G "$node")" = gangway ]
	hubs=$((hubs + 1))
done
random_file image 8M
as_station dd if=image of="$(disk b1)" bs=1M oflag=direct conv=notrunc status=none
check 'content' cmp -n $((8 << 20)) image "$LINE/b1.img"
figure "3 UMS disks and $hubs hubs are the station's, $(echo $others | wc -w) other disks are not"

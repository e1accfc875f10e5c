# Fifteen boards on one hub at once, a second hub beside it; four come and go.
names=
for i in $(seq 1 15); do
	board "f$i" "serial=F$i" size=8M "port=0.$i"
	names="$names f$i"
done
start=$(now_ms)
# shellcheck disable=SC2086
plug $names
up=$(($(now_ms) - start))
lsusb -t >tree
check 'lsusb -t' [ "$(grep -c 'Driver=usb-storage, 480M' tree)" = 15 ]
random_file image 2M
for n in $names; do write_direct "$n" image & done
wait
for n in $names; do check "$n" cmp -n $((2 << 20)) image "$LINE/$n.img"; done
ums unplug f3 f7 f11 f15
for n in f3 f7 f11 f15; do wait_for 60 has_no_disk $n; done
board g1 port=1.15 size=8M
plug f3 f15 g1
figure "15 disks $up ms after the plug, each written; hub 2's last port works"

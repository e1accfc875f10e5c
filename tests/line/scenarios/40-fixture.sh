# guest only: qemu's USB stick
# Learn, show, check, watch: slots are ports, whatever a disk is called and whoever is plugged in.
gangway="$BUILD/gangway"
as_station() { exec setpriv --reuid gangway --regid gangway --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"; }
board a port=0.4 serial=SAME size=16M
board b port=0.2 serial=SAME size=16M
board c port=1.15 family=rockchip size=16M

"$gangway" fixture learn --output "$LINE/lab.ini" --slots 3 --name Lab >learnt &
learner=$!
asked() { grep -q "^slot $1: plug" learnt; }
n=1
for b in a b c; do
	wait_for 60 asked $n || { echo "slot $n is not asked for"; exit 1; }
	ums plug $b
	n=$((n + 1))
done
wait $learner
cat learnt lab.ini
check 'slot 1' grep -qx '1 = platform-vhci_hcd.0-usb-0:4' lab.ini
check 'slot 2' grep -qx '2 = platform-vhci_hcd.0-usb-0:2' lab.ini
check 'slot 3' grep -qx '3 = platform-vhci_hcd.1-usb-0:15' lab.ini
"$gangway" fixture check --profile lab.ini --bytes 100M
"$gangway" fixture show --profile lab.ini | tee shown
check 'show: slot 1' grep -q '0:4 .*slot 1 .*board, UMS disk 0, serial SAME' shown
check 'show: slot 3' grep -q '0:15 .*slot 3 .*board, UMS disk 0, no serial' shown
check 'show: the stick is a board' grep -q '46f4:0001 .*not a board in U-Boot' shown

rm -f seen
# The station's user sees it all, without any right on a device.
as_station "$gangway" fixture watch --profile lab.ini >>seen 2>&1 &
watcher=$!
trap 'kill $watcher' EXIT
saw() { grep -q "$1" seen; }
for s in 1 2 3; do wait_for 60 saw "^slot $s: arrived" || { echo "slot $s"; cat seen; exit 1; }; done
check 'opens a device' [ -z "$(ls -l /proc/$watcher/fd | grep '/dev/sd\|/dev/bus/usb' || :)" ]
: >seen
# Names shuffle: a and b leave, b comes first.
ums unplug a b
for s in 1 2; do wait_for 60 saw "^slot $s: left" || { echo "slot $s does not leave"; cat seen; exit 1; }; done
ums plug b
wait_for 60 saw '^slot 2: arrived' || { cat seen; exit 1; }
ums plug a
wait_for 60 saw '^slot 1: arrived' || { cat seen; exit 1; }
check 'b has a name of its own' grep -q "^slot 2: arrived $(disk b) serial=SAME" seen
check 'a has a name of its own' grep -q "^slot 1: arrived $(disk a) serial=SAME" seen
# A disk that is no board in a slot is reported as what it is; the judgement is the station's.
ums unplug a
wait_for 60 saw '^slot 1: left'
: >seen
board strange port=0.4 size=16M product='Camera'
ums plug strange
wait_for 60 saw '^slot 1: arrived' || { cat seen; exit 1; }
: >seen
# Storm: after it the last word is right.
for i in 1 2 3 4 5; do ums unplug strange b c; ums plug strange b c; for x in strange b c; do ums wait $x plugged 240; done; done
settled() {
	local s
	for s in 1 2 3; do
		[ "$(grep "^slot $s: [al]" seen | tail -n 1 | cut -d' ' -f3)" = arrived ] || return 1
	done
	grep -q "^slot 2: arrived .*diskseq=$(attribute b diskseq) " seen
}
all_back() { has_all_disks strange b c && settled; }
wait_for 120 all_back || { echo 'the last word is wrong'; cat seen; exit 1; }
figure "3 slots learnt on two hubs; $(grep -c arrived seen) arrivals of 15 plugs seen, the last ones right"

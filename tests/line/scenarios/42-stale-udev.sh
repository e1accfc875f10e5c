# A disk that has the name and number of one whose leaving udev has not worked off yet: udev's word is of that one, and the
# station does not believe it.
gangway="$BUILD/gangway"
board b port=0.3 serial=B size=8M
plug b
first=$(disk b)
before=$(attribute b diskseq)
shown() { "$gangway" fixture show | grep '0:3 ' >shown; grep -q "$1" shown; }
check 'the board' shown "$first: board, UMS disk 0, serial B"

trap 'udevadm control --start-exec-queue' EXIT
udevadm control --stop-exec-queue
ums unplug b
ums plug b
wait_for 120 has_other_disk b "$before" || { echo 'it does not come again'; exit 1; }
check 'it has another name: this proves nothing' [ "$(disk b)" = "$first" ]
check 'udev knows nothing of this number: this proves nothing' [ -n "$(udevadm info --query=property --name="$first" | grep GANGWAY_BOARD)" ]
check "udev's word of the disk before is believed" shown 'has no disk (yet)'
udevadm control --start-exec-queue
trap - EXIT
wait_disks 120 b
check 'the board, once udev has done with it' shown "$first: board, UMS disk 0, serial B"
figure "$first again, its last disk still in udev's database: no board before udev has done with it"

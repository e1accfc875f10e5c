# START STOP UNIT ends ums since v2024.04 and does nothing before; some boards come back.
board new uboot=2024.04 eject-ms=200
board old uboot=2023.10 eject-ms=0
board stuck uboot=2024.04 eject-ms=0
board loops uboot=2024.04 eject-ms=0 back-ms=100
ums fault stuck stuck-eject
ums fault loops back
plug new old stuck loops
path=$(disk loops)
seq=$(attribute loops diskseq)
for b in new old stuck loops; do sg_start --eject "$(disk $b)"; done
ums wait new off 240
wait_for 60 has_no_disk new || { echo 'the disk of the ejected board stays'; exit 1; }
check 'v2023.10 left' has_disk old
check 'the stuck board left' has_disk stuck
came_back() { has_other_disk loops "$seq" && has_disk loops; }
wait_for 60 came_back || { echo 'the looping board does not come back'; exit 1; }
check 'the ejected board comes back with the cable alone' refused ums replug new
plug new
figure "v2024.04 leaves, v2023.10 stays, one stuck, one back ($path, then $(disk loops))"

# From v2025.07 to v2026.07 a second ums in one run of U-Boot does not enumerate; a power cycle helps.
board s uboot=2025.10 eject-ms=0 back-ms=0 size=8M
ums fault s back
plug s
sg_start --eject "$(disk s)"
wait_for 60 has_no_disk s
said() { dmesg | sed -n '/21-second-ums/,$p' | grep -q 'descriptor read.*error\|not accepting\|unable to enumerate'; }
wait_for 120 said || { echo 'the kernel does not complain'; exit 1; }
check 'there is a disk' has_no_disk s
ums unplug s
plug s
figure 'the kernel cannot enumerate it; after a power cycle it can'

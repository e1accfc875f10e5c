# 4096-byte sectors since v2024.07; several LUNs; an older U-Boot refuses such a disk.
board big block=4096 size=16M uboot=2024.07
board old block=4096 size=16M uboot=2024.04
board luns luns=3 size=16M
check 'an older U-Boot took it' refused ums plug old
plug big luns
check 'logical sector' [ "$(attribute big queue/logical_block_size)" = 4096 ]
check 'capacity' [ "$(blockdev --getsize64 "$(disk big)")" = $((16 << 20)) ]
random_file image 4M
write_direct big image
check 'content' cmp -n $((4 << 20)) image "$LINE/big.img"
for lun in 0 1 2; do
	d=$(disk luns $lun)
	check "LUN $lun is missing" [ -b "$d" ]
	check "LUN $lun's name" [ "$(cat "/sys/class/block/${d##*/}/device/model")" = "UMS disk $lun      " ]
done
dd if=image of="$(disk luns 2)" bs=1M count=1 oflag=direct status=none
check 'LUN 2 holds it' cmp -n $((1 << 20)) image "$LINE/luns.img.2"
check 'LUN 0 does not' refused cmp -s -n $((1 << 20)) image "$LINE/luns.img"
figure 'a 4096-byte disk and one of three LUNs'

# A cable pulled in the middle of a write: the disk goes, the bytes before stay; the cable back, the board is too.
random_file image 8M
board v size=16M serial=V
plug v
path=$(disk v)
ums fault v vanish@3000000x1
if write_direct v image 2>error; then echo 'dd noticed nothing'; exit 1; fi
cat error
wait_for 60 has_no_disk v || { echo 'the disk is still there'; exit 1; }
check 'bytes before the offset' cmp -n 3000000 image "$LINE/v.img"
check 'a byte after the offset' refused cmp -s -i 3000000 -n 4096 image "$LINE/v.img"
ums replug v
wait_disks 60 v || { echo 'the board does not come back'; exit 1; }
write_direct v image
check 'the second time' cmp -n $((8 << 20)) image "$LINE/v.img"
figure "cut at byte 3000000, back with the cable ($path, then $(disk v))"

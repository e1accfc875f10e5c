# A write the eMMC refuses is PASS with residue and no sense: Linux retries, then says EIO.
random_file image 8M
board w size=16M
plug w
ums fault w write-error@4M
if write_direct w image 2>error; then echo 'dd noticed nothing'; exit 1; fi
cat error
check 'dd did not get EIO' grep -q 'Input/output error' error
check 'what came before the bad block is not there' cmp -n $((4 << 20)) image "$LINE/w.img"
check 'what came after the bad block is there' refused cmp -s -i $((4 << 20)) -n $((1 << 20)) image "$LINE/w.img"
sg_requests=$(sg_turs -n 1 "$(disk w)" 2>&1 || :)
figure "EIO at 4 MiB; the board still answers${sg_requests:+: $sg_requests}"

# A read the eMMC refuses comes as stale bytes and a broken status: resets, retries, then EIO.
board r size=16M
plug r
ums fault r read-error@4M
start=$(now_ms)
if dd if="$(disk r)" of=/dev/null bs=1M iflag=direct 2>error; then echo 'dd noticed nothing'; exit 1; fi
check 'dd did not get EIO' grep -q 'Input/output error' error
check 'dd stopped elsewhere' grep -q '^4+0 records in' error
resets=$(dmesg | sed -n '/13-read-error/,$p' | grep -c 'reset high-speed')
check 'the host did not have to reset it' [ "$resets" -gt 0 ]
figure "EIO at 4 MiB after $resets resets, $(($(now_ms) - start)) ms"

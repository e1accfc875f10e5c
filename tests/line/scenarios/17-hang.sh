# A board that stops answering: the command times out, the port is reset, the board is well again.
random_file image 2M
board h size=8M
plug h
echo 3 >"/sys/class/block/$(basename "$(disk h)")/device/timeout"
ums fault h hang@1Mx1
start=$(now_ms)
write_direct h image
took=$(($(now_ms) - start))
check "no timeout was felt ($took ms)" [ $took -ge 3000 ]
check 'content' cmp -n $((2 << 20)) image "$LINE/h.img"
ums fault h none slow@1M
start=$(now_ms)
write_direct h image
check 'slow is not slow' [ $(($(now_ms) - start)) -ge 1900 ]
figure "hung for $took ms, then written; 2 MiB at 1 MiB/s took $(($(now_ms) - start)) ms"

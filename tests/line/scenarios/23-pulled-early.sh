# The cable pulled while the kernel configures the board, and put back at once: the kernel sees one event, or two.
board c serial=C size=8M off-ms=0
ums fault c control-vanish@9x1
ums plug c
ums wait c off 240
start=$(now_ms)
ums replug c
wait_disks 120 c || { echo 'the board is lost'; dmesg | tail -n 30; exit 1; }
random_file image 1M
write_direct c image
check 'content' cmp -n $((1 << 20)) image "$LINE/c.img"
figure "pulled at SET CONFIGURATION and put back: a disk again after $(($(now_ms) - start)) ms"

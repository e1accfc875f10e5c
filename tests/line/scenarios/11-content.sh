# What bmaptool and dd write is what the board's memory holds, byte for byte.
random_file image 12M
truncate -s 24M image
bmaptool --quiet create -o image.bmap image
board a serial=A size=32M
board b serial=B size=32M
plug a b
bmaptool --quiet copy --bmap image.bmap image "$(disk a)"
check 'bmaptool: the board holds something else' cmp -n $((24 << 20)) image "$LINE/a.img"
check 'bmaptool sent no SYNCHRONIZE CACHE' [ "$(board_value a syncs)" -gt 0 ]
start=$(now_ms)
write_direct b image
speed=$(rate $((24 << 20)) "$start")
check 'dd: the board holds something else' cmp -n $((24 << 20)) image "$LINE/b.img"
check 'the disk reads back otherwise' cmp -n $((24 << 20)) image <(read_direct b $((24 << 20)))
figure "24 MiB by bmaptool and by dd, equal; $speed"

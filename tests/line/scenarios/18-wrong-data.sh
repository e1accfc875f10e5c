# A flipped bit, a fake capacity: the writes succeed, reading back past the page cache tells.
random_file image 8M
board flip size=16M
board fake size=16M
board lies size=16M
ums fault flip flip@5000000
ums fault fake wrap@6M
ums fault lies read-flip@5000000
plug flip fake lies
for b in flip fake lies; do write_direct $b image; done
for b in flip fake lies; do
	read_direct $b $((8 << 20)) >back
	if cmp image back >where; then echo "$b: nobody would notice"; exit 1; fi
	sed "s/^/$b: /" where
	[ $b = fake ] || check "$b: elsewhere" grep -q 'byte 5000001' where
done
figure 'one bit at byte 5000000 stored wrong, one read wrong, 16 MiB that are 6: all three show'

# Plugs and unplugs until thirty fell into ten seconds, then everything stands still and works.
for i in 1 2 3; do board "s$i" "serial=S$i" size=8M; done
stormed=$(python3 -c "from station import storm; print(storm(['s1', 's2', 's3']))")
wait_disks 120 s1 s2 s3 || { echo 'not all boards are there'; exit 1; }
random_file image 1M
for n in s1 s2 s3; do
	write_direct $n image
	check $n cmp -n $((1 << 20)) image "$LINE/$n.img"
done
board flappy size=8M
ums fault flappy flap@300x3
ums plug flappy
settled() { [ "$(board_value flappy drops) $(board_value flappy state)" = '3 plugged' ]; }
wait_for 60 settled || { echo 'the flapping board does not settle'; exit 1; }
wait_disks 120 flappy
write_direct flappy image
check flappy cmp -n $((1 << 20)) image "$LINE/flappy.img"
figure "$stormed; a board that flapped three times works"

# Thirty plugs and unplugs within ten seconds, then everything stands still and works.
for i in 1 2 3; do board "s$i" "serial=S$i" size=8M; done
took=$(python3 - <<-'END'
	import time
	from station import ums
	started = time.monotonic()
	for _ in range(10):
	    ums('unplug', 's1', 's2', 's3')
	    ums('plug', 's1', 's2', 's3')
	    for name in 's1', 's2', 's3':
	        ums('wait', name, 'plugged', 20)  # the kernel has taken it: a real plug each time
	print(round((time.monotonic() - started) * 1000))
	END
)
check "it took $took ms" [ $took -lt 10000 ]
wait_for 60 has_all_disks s1 s2 s3 || { echo 'not all boards are there'; exit 1; }
random_file image 1M
for n in s1 s2 s3; do
	write_direct $n image
	check $n cmp -n $((1 << 20)) image "$LINE/$n.img"
done
board flappy size=8M
ums fault flappy flap@300x3
ums plug flappy
settled() { [ "$(board_value flappy drops)" = 3 ] && has_disk flappy; }
wait_for 60 settled || { echo 'the flapping board does not settle'; exit 1; }
figure "30 plugs and 30 unplugs in $took ms; a board that flapped three times works"

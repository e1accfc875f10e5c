# uhubctl sees the hubs, switches their ports and reads the state back.
board p port=2.3 size=8M
plug p
hub=$(basename "$(dirname "$(usb_path p)")")
bus=${hub#usb}
state() { uhubctl -l "$bus" -p 3 -e | sed -n 's/^  Port 3: //p' | tail -n 1; }
state
check 'no board on port 3' [ "$(state | grep -c 0525:a4a5)" = 1 ]
uhubctl -l "$bus" -p 3 -e -a off >/dev/null
check 'still on' [ "$(state | grep -c power)" = 0 ]
uhubctl -l "$bus" -p 3 -e -a on >/dev/null
check 'still off' [ "$(state | grep -c power)" = 1 ]
figure "uhubctl: $(uhubctl -l "$bus" -e | head -n 1 | grep -o '15 ports, ppps'), off and on again"

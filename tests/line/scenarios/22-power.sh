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

# The station's own way: a role of its own, as the station's user, both halves of the hub.
station_power() {
	env "GANGWAY_PARENT=$BASHPID" setpriv --reuid gangway --regid gangway --clear-groups --inh-caps=-all --bounding-set=-all \
		"$BUILD/gangway" hub-power "$@"
}
port=platform-vhci_hcd.2-usb-0:3
fast=$(for b in "$(dirname "$(dirname "$(usb_path p)")")"/usb[0-9]*; do [ "$(cat "$b/speed")" = 5000 ] && echo "${b##*usb}"; done)
peer=$(readlink -f "/sys/bus/usb/devices/usb$bus/$bus-0:1.0/usb$bus-port3/peer")
check 'the kernel pairs it with another' [ "${peer##*/}" = "usb$fast-port3" ]
fast_state() { uhubctl -l "$fast" -p 3 -e | sed -n 's/^  Port 3: //p' | tail -n 1; }
station_power $port off
check 'the station did not switch it off' [ "$(state | grep -c power)" = 0 ]
check 'the other half stayed on' [ "$(fast_state | grep -c power)" = 0 ]
station_power $port on
check 'the station did not switch it on' [ "$(state | grep -c power)" = 1 ]
check 'a port that is not there' refused station_power platform-vhci_hcd.2-usb-0:16 off
check 'a hub that is not there' refused station_power platform-vhci_hcd.9-usb-0:1 off
figure "uhubctl and the station's own role switch port 3, both halves, and agree"

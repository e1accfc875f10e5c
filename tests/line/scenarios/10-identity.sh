# What udev and lsusb see of boards of seven families is what U-Boot shows, with and without a serial.
families='imx imx-new rockchip toradex ti-am6 stm32mp1 sunxi'
declare -A ids=([imx]=0525:a4a5 [imx-new]=1fc9:0152 [rockchip]=2207:0010 [toradex]=1b67:4000 [ti-am6]=0451:6163
	[stm32mp1]=0483:5720 [sunxi]=1f3a:1010)
for f in $families; do
	board "$f" "family=$f" size=8M "$([ "$f" = rockchip ] && echo uboot=2024.04 || echo "serial=SN-$f")"
done
# shellcheck disable=SC2086
plug $families
for f in $families; do
	udevadm info --query=property --name="$(disk "$f")" >properties
	cat properties
	for want in ID_VENDOR=Linux ID_MODEL=UMS_disk_0 ID_REVISION=ffff ID_USB_INTERFACES=:080650: ID_BUS=usb ID_TYPE=disk \
		"ID_VENDOR_ID=${ids[$f]%:*}" "ID_MODEL_ID=${ids[$f]#*:}"; do
		check "$f: udev does not say $want" grep -qx "$want" properties
	done
	if [ "$f" = rockchip ]; then
		check "$f has a serial" refused grep -q ID_SERIAL_SHORT properties
		check "$f: by-id name" grep -qx 'ID_SERIAL=Linux_UMS_disk_0-0:0' properties
	else
		check "$f: no serial" grep -qx "ID_SERIAL_SHORT=SN-$f" properties
	fi
	check "$f: removable" [ "$(attribute "$f" removable)" = 1 ]
	check "$f: lsusb does not list it" lsusb -d "${ids[$f]}"
	check "$f: product string" [ "$(cat "$(usb_path "$f")/product")" = 'USB download gadget' ]
done
lsusb -t | tee tree
check 'lsusb -t: seven disks at 480M on one hub' [ "$(grep -c 'Driver=usb-storage, 480M' tree)" = 7 ]
figure '7 families, every string and ID as U-Boot sends it'

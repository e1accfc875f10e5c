# SPDX-License-Identifier: MIT
# Hands a finished image to a Gangway station: bitbake -c gangway IMAGE
# In the image recipe or local.conf:  IMAGE_CLASSES += "gangway"

# What the station takes: a compressed disk image, and the map of what in it is data.
IMAGE_FSTYPES += "wic.xz wic.bmap"

# Absolute: tasks do not see the host's PATH. GANGWAY_STATE is the station's folder, with its control socket.
GANGWAY ?= "/usr/bin/gangway"
GANGWAY_STATE ?= "/var/lib/gangway"
GANGWAY_IMAGE_NAME ?= "${IMAGE_NAME}"

do_gangway() {
	image="${DEPLOY_DIR_IMAGE}/${IMAGE_LINK_NAME}.wic.xz"
	bmap="${DEPLOY_DIR_IMAGE}/${IMAGE_LINK_NAME}.wic.bmap"
	for file in "$image" "$bmap"; do
		[ -e "$file" ] || bbfatal "$file is not there: does IMAGE_FSTYPES have wic.xz and wic.bmap?"
	done
	"${GANGWAY}" bmap check "$bmap" "$image" || bbfatal "$bmap is not the map of $image"
	"${GANGWAY}" image add --state "${GANGWAY_STATE}" --name "${GANGWAY_IMAGE_NAME}" --bmap "$bmap" "$image" ||
		bbfatal "the station did not take $image"
}
# Only when it is asked for by name, and then each time.
addtask gangway after do_image_complete
do_gangway[nostamp] = "1"

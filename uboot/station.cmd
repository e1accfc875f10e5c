# SPDX-License-Identifier: MIT
# Gangway's start script: normal boot or the station?  mkimage -T script -d station.cmd boot.scr
# It comes from SPI NOR, run by preboot before every boot. It writes to the eMMC only when gw_erase or a verify
# request says so, keeps its own state in NOR alone, and whatever fails here ends in the normal boot.
# Written for the old hush parser: no functions, no elif, no $(...).

setenv gw_why; setenv gw_asserted; setenv gw_rq; setenv gw_table; setenv gw_result
# The script may be 1 MiB long at most; the buffer for reading back begins behind it.
setexpr gw_buf ${gw_addr} + 100000
setenv gw_look 'setenv gw_table; mmc dev ${gw_mmc} && mmc rescan && mmc dev ${gw_mmc} && part list mmc ${gw_mmc} gw_table'
# The host's request and what is answered: gw_todo when there is one that this board still has to do. It begins each one 3 times
# at most, so that one that takes the board down (power, a watchdog) does not do so for ever.
setenv gw_ask 'setenv gw_todo; setenv gw_rq; setenv gw_rq_nonce; setenv gw_sum_nonce; setenv gw_sum_tries 0; if mmc read ${gw_buf} ${gw_sector} 2; then env import -t ${gw_buf} 200 gw_rq gw_rq_nonce gw_rq_blocks gw_rq_bytes gw_rq_sha256; setexpr gw_x ${gw_buf} + 200; env import -t ${gw_x} 200 gw_sum_nonce gw_sum_tries; fi; if test "${gw_rq}" = verify-1 && test "${gw_rq_nonce}" != "${gw_sum_nonce}" && itest ${gw_sum_tries} -lt 3; then setenv gw_todo yes; fi'

# 1. Why the station? No table is what an unfinished programming leaves. (A backup GPT counts as one.)
if run gw_look; then
	if test -z "${gw_table}"; then setenv gw_why blank; fi
	if test -n "${gw_strap}"; then
		# Not "gpio input": its result is the pin's value and a failure looks like one.
		setenv gw_pin
		gpio read gw_pin ${gw_strap}
		if test "${gw_pin}" = "${gw_strap_on}"; then setenv gw_asserted 1; fi
	fi
	if test -n "${gw_button}"; then
		if button ${gw_button}; then setenv gw_asserted 1; fi
	fi
	# One session for each time the strap is set: it is still set after a success, and then the new image must boot.
	if test -n "${gw_asserted}"; then
		if test -z "${gw_served}"; then setenv gw_why strap; fi
	else
		if test -n "${gw_served}"; then setenv gw_served; run gw_save; fi
	fi
	if test -n "${station}"; then
		# Cleared before the session, not after: a power cycle that ends the session must not start another.
		setenv station
		if run gw_save; then
			setenv gw_why request
		else
			echo "gangway: station= is ignored: it could not be cleared for good (gw_save)"
		fi
	fi
else
	echo "gangway: eMMC ${gw_mmc} does not answer: normal boot"
fi

if test -n "${gw_why}"; then
	echo "gangway: station (${gw_why})"
	if test -n "${gw_asserted}"; then
		if test -z "${gw_served}"; then
			setenv gw_served 1
			run gw_save || setenv gw_served
		fi
	fi

	# 2. Identity. A serial that all boards share is as good as none. It is never deleted, only overwritten: with
	# USB_GADGET_DOWNLOAD the variable's callback gets a NULL for a deletion and takes U-Boot down (2023.01).
	setenv gw_id
	setenv gw_x
	if env exists serial#; then setenv gw_x ${serial#}; fi
	for c in ${gw_serial_const}; do
		if test "${gw_x}" = "${c}"; then setenv gw_x; fi
	done
	if test -z "${gw_x}"; then
		for h in ${gw_id_order}; do
			if test -z "${gw_id}" && env exists gw_id_${h}; then
				run gw_id_${h}
				if test -n "${gw_id}"; then echo "gangway: serial ${gw_id} (${h})"; fi
			fi
		done
		if test -n "${gw_id}"; then env set -f serial# ${gw_id}; else echo "gangway: no serial of its own: the station will ask for one"; fi
	fi

	# 3. Reading back on the board, when the host asks for it: only while the table is withheld.
	if test -n "${gw_sector}" && test "${gw_why}" = blank; then
		run gw_ask
		if test -n "${gw_todo}"; then
			setexpr gw_sum_tries ${gw_sum_tries} + 1
			mw.b ${gw_buf} 0 200
			env export -t ${gw_buf} gw_sum_tries
			setexpr gw_y ${gw_sector} + 1
			setexpr gw_x ${gw_sector} + 2
			if mmc write ${gw_buf} ${gw_y} 1; then
				if mmc read ${gw_addr} ${gw_x} ${gw_rq_blocks} && hash -v sha256 ${gw_addr} ${gw_rq_bytes} ${gw_rq_sha256}; then
					source ${gw_addr}
				else
					echo "gangway: the verify script on the eMMC is damaged: not run"
				fi
			else
				echo "gangway: the eMMC takes no summary: verify request ${gw_rq_nonce} is left alone"
			fi
		else
			if test "${gw_rq}" = verify-1; then
				echo "gangway: verify request ${gw_rq_nonce} is answered already, or was begun ${gw_sum_tries} times"
			fi
		fi
	fi

	# 4. Old data that must not survive. Not when what is there waits to be committed.
	if test "${gw_erase}" = yes && test "${gw_rq}" != verify-1; then
		setenv gw_lo 0; setenv gw_hi 40000000
		echo "gangway: looking for the size of eMMC ${gw_mmc} (read errors follow, as they should)"
		setexpr gw_n ${gw_hi} - ${gw_lo}
		while itest ${gw_n} -gt 1; do
			setexpr gw_x ${gw_n} / 2
			setexpr gw_x ${gw_lo} + ${gw_x}
			if mmc read ${gw_buf} ${gw_x} 1; then setenv gw_lo ${gw_x}; else setenv gw_hi ${gw_x}; fi
			setexpr gw_n ${gw_hi} - ${gw_lo}
		done
		echo "gangway: erasing ${gw_hi} blocks"
		mmc erase 0 ${gw_hi} || echo "gangway: erase failed"
	fi

	# 5. A board that can program itself (from a stick, over the network: `gangway stick`) tries that before it waits.
	if test -n "${gw_self}"; then
		run gw_self || echo "gangway: gw_self: nothing there"
		run gw_look
		if test -n "${gw_table}"; then
			if test "${gw_result}" = pass; then reset; fi
		fi
	fi

	# 6. `ums` cannot be ended by the host before v2024.04: there the power cycle is the end, so gw_done comes first.
	if test "${gw_eject}" = no && env exists gw_done; then run gw_done; fi
	echo "gangway: waiting for the host"
	if run gw_ums; then
		run gw_look
		if test -n "${gw_table}"; then
			echo "gangway: programmed (partitions ${gw_table})"
			if test "${gw_eject}" != no && env exists gw_done; then
				run gw_done || echo "gangway: gw_done failed"
			fi
			# Where the strap is still set and that could not be noted, a reset would come back here: boot on instead.
			if test -z "${gw_asserted}" || test -n "${gw_served}"; then reset; fi
		else
			# A second `ums` in one run does not enumerate in v2025.07 to v2026.07: come back by a reset.
			setenv gw_todo
			if test -n "${gw_sector}"; then run gw_ask; fi
			if test -n "${gw_todo}"; then reset; fi
			echo "gangway: nothing was programmed; power-cycle to try again"
		fi
	else
		echo "gangway: ums failed: see above; normal boot"
	fi
fi
true

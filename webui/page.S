// SPDX-License-Identifier: MIT
// The page's files as read-only data; assets.c names them.
	.section .rodata
	.macro asset name, file
	.global \name\()_start, \name\()_end
\name\()_start:
	.incbin "webui/page/\file"
\name\()_end:
	.byte 0
	.endm

	asset asset_index, "index.html"
	asset asset_common_style, "common.css"
	asset asset_style, "style.css"
	asset asset_icon, "icon.svg"
	asset asset_app, "app.js"
	asset asset_stream, "stream.js"
	asset asset_wall, "wall.js"
	asset asset_words, "words.js"
	asset asset_sound, "sound.js"
	asset asset_keys, "keys.js"
	asset asset_records, "records.js"
	asset asset_actions, "actions.js"
	asset asset_detail, "detail.js"
	asset asset_head, "head.js"
	asset asset_ledger_page, "ledger.html"
	asset asset_ledger_style, "ledger.css"
	asset asset_ledger, "ledger.js"
	asset asset_el, "el.js"
	asset asset_table, "table.js"
	asset asset_chart, "chart.js"
	asset asset_story, "story.js"
	asset asset_lot, "lot.js"
	asset asset_certificate, "certificate.js"
	asset asset_lists, "lists.js"

	.section .note.GNU-stack, "", @progbits

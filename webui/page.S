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

	.section .note.GNU-stack, "", @progbits

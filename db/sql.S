// SPDX-License-Identifier: MIT
// The .sql files of this folder, embedded read-only: sql_files[] of station/record/sql.h.

	.section .data.rel.ro.sql_files, "aw", %progbits
	.balign 16
	.globl sql_files
	.type sql_files, %object
sql_files:

	.macro text path file
	.section .rodata.sql_text, "a", %progbits
100:	.asciz "\path"
101:	.incbin "\file"
	.byte 0
	.section .data.rel.ro.sql_files, "aw", %progbits
	.dc.a 100b, 101b
	.endm

	.macro sql path
	text "\path", "db/\path"
	.endm

	sql "migrations/001-log.sql"

	sql "projections/10-kinds.sql"
	sql "projections/20-station.sql"
	sql "projections/30-image.sql"
	sql "projections/40-job.sql"
	sql "projections/50-attempt.sql"
	sql "projections/60-yield.sql"

	sql "queries/anchor.sql"
	sql "queries/certificate-images.sql"
	sql "queries/certificate-jobs.sql"
	sql "queries/certificate-others.sql"
	sql "queries/day-hours.sql"
	sql "queries/day-totals.sql"
	sql "queries/export.sql"
	sql "queries/failed-shown.sql"
	sql "queries/image-lots.sql"
	sql "queries/images.sql"
	sql "queries/interrupted.sql"
	sql "queries/jobs.sql"
	sql "queries/log.sql"
	sql "queries/lot-jobs.sql"
	sql "queries/lot-pareto.sql"
	sql "queries/lot-slots.sql"
	sql "queries/lot-times.sql"
	sql "queries/lot-totals.sql"
	sql "queries/open-jobs.sql"
	sql "queries/pools.sql"
	sql "queries/records.sql"
	sql "queries/search.sql"
	sql "queries/slots.sql"
	sql "queries/state.sql"
	sql "queries/unit.sql"
	sql "queries/unit-status.sql"
	sql "queries/unit-story.sql"
	sql "queries/unit-timeline.sql"

	sql "reports/certificate.sql"
	sql "reports/day.sql"
	sql "reports/heads.sql"
	sql "reports/image-history.sql"
	sql "reports/lot-failures.sql"
	sql "reports/lot-units.sql"
	sql "reports/orders.sql"
	sql "reports/pareto.sql"
	sql "reports/rework.sql"
	sql "reports/serial-history.sql"
	sql "reports/slots.sql"
	sql "reports/units-with-image.sql"
	sql "reports/uph.sql"
	sql "reports/yield-by-day.sql"
	sql "reports/yield.sql"

	text "bundle/README.txt", "db/bundle/README.txt"
	text "bundle/verify-ledger", "deploy/verify-ledger"

	.dc.a 0, 0
	.size sql_files, . - sql_files

	.section .note.GNU-stack, "", %progbits

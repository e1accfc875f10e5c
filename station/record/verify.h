// SPDX-License-Identifier: MIT
// Verification of a whole ledger: chain, heads, rules, projections.
#ifndef GANGWAY_RECORD_VERIFY_H
#define GANGWAY_RECORD_VERIFY_H

#include "base/clock.h"
#include "base/digest.h"
#include "record/replay.h"

struct verify_request {
	const char *database; // the file
	const char *heads;    // a head file, or a folder of them; NULL: the heads beside the ledger
	const char *key;      // the station's public key from elsewhere; NULL: the ledger's own word is taken
	bool chain_only;      // no projections: quicker, and finds less
	const struct replay_progress *progress; // of the projections; NULL: nobody waits
};

struct verify_report {
	char ledger[48];
	uint64_t rows;
	char last_hash[SHA256_HEX_SIZE];
	uint64_t anchored; // the last row that a verified head covers; 0: none
	unsigned heads;    // heads that were verified
	// The newest head that has left the station, by the ledger's own word; 0: none.
	uint64_t delivered;
	char delivered_to[16], delivered_utc[CLOCK_UTC_SIZE];
	bool own_heads; // they lay beside the ledger, not elsewhere
	bool own_key;   // the key was the ledger's own word
	double chain_s, projections_s;
};

// 0: nothing is wrong. -EUCLEAN: *e names what and where. Other -errno: it could not be read. The station may run.
int verify_ledger(const struct verify_request *request, struct verify_report *report, struct err *e);

#endif

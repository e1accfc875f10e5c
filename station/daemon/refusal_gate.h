// SPDX-License-Identifier: MIT
// How many refusals of one slot the ledger takes: a plug with a loose contact is no reason to fill it.
#ifndef GANGWAY_DAEMON_REFUSAL_GATE_H
#define GANGWAY_DAEMON_REFUSAL_GATE_H

#include <stdbool.h>
#include <stdint.h>

// REFUSAL_BURST at once, more than a person plugs in by mistake before somebody looks, and from then on one in
// REFUSAL_EVERY_NS: 8640 rows a day at most.
enum { REFUSAL_BURST = 20 };
#define REFUSAL_EVERY_NS UINT64_C(10000000000)

// {0} has let none through yet.
struct refusal_gate {
	uint64_t paid_until; // CLOCK_MONOTONIC ns: what was let through is paid for then
};

// Whether one more may have its row at `now` (CLOCK_MONOTONIC, ns); it is counted then.
bool refusal_gate_pass(struct refusal_gate *gate, uint64_t now);

#endif

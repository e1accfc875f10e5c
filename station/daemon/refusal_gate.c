// SPDX-License-Identifier: MIT
// How many refusals of one slot the ledger takes.
#include "daemon/refusal_gate.h"

// The generic cell rate algorithm (ITU-T I.371): each one costs REFUSAL_EVERY_NS, and REFUSAL_BURST of them go on credit.
bool refusal_gate_pass(struct refusal_gate *gate, uint64_t now)
{
	uint64_t from = gate->paid_until > now ? gate->paid_until : now;
	if (from - now > (REFUSAL_BURST - 1) * REFUSAL_EVERY_NS)
		return false;
	gate->paid_until = from + REFUSAL_EVERY_NS;
	return true;
}

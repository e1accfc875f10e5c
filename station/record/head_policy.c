// SPDX-License-Identifier: MIT
// When a head is due: after so many rows, or so long behind a row that none covers.
#include "record/head_policy.h"

void head_policy_note(struct head_policy *policy, uint64_t uncovered, uint64_t now_ns)
{
	if (!uncovered)
		policy->since_ns = 0;
	else if (!policy->since_ns)
		policy->since_ns = now_ns;
}

bool head_policy_is_full(const struct head_policy *policy, uint64_t uncovered)
{
	return uncovered >= policy->rows;
}

uint64_t head_policy_due_ns(const struct head_policy *policy)
{
	return policy->since_ns ? policy->since_ns + policy->after_ns : 0;
}

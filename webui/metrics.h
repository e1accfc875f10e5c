// SPDX-License-Identifier: MIT
// The station in Prometheus' text format.
#ifndef GANGWAY_WEBUI_METRICS_H
#define GANGWAY_WEBUI_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct metrics_web {
	bool station_up;   // the station answers
	unsigned streams;  // pages connected
	uint64_t requests; // served
};

// `state` is a snapshot, or NULL: then only the role's own numbers. The caller frees the text; NULL: no memory.
// https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
char *metrics_text(const json_t *state, const struct metrics_web *web);

#endif

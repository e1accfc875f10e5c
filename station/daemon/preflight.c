// SPDX-License-Identifier: MIT
// Before a job's first board: what a cycle of it will cost on this fixture.
#include "daemon/inside.h"

static uint64_t bytes_of_a_cycle(const struct station_job *job)
{
	const struct image_front *front =
	        job->picture && job->picture->ready ? picture_image(job->picture)->front : NULL;
	if (!front)
		return 0;
	// Reading back is a second pass over the same wire.
	bool once = job->recipe.verify == RECIPE_VERIFY_NONE || job->recipe.verify == RECIPE_VERIFY_ON_TARGET;
	uint64_t passes = once ? 1 : 2;
	uint64_t bytes =
	        job->recipe.unmapped == RECIPE_UNMAPPED_ZERO ? front->image_size : front->mapped_bytes;
	return passes * bytes;
}

// Not refused: units that already have their serials (rework, scanned ones) take no number.
static void add_serials(const struct recipe *recipe, json_t *lines)
{
	uint64_t numbers = recipe->serial_last - recipe->serial_first + 1;
	if (recipe->serial != RECIPE_SERIAL_ALLOCATE || !recipe->serial_last || recipe->wanted <= numbers)
		return;
	char text[160];
	snprintf(text, sizeof(text), "the serial range has %llu numbers for %llu wanted units",
	        (unsigned long long)numbers, (unsigned long long)recipe->wanted);
	json_array_append_new(lines, json_string(text));
}

json_t *preflight_lines(struct station *station)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	struct fixture *fixture = station->fixture;
	json_t *lines = json_array();
	add_serials(&station->job.recipe, lines);
	FILE *to = fixture->ops->preflight ? open_memstream(&text, &size) : NULL;
	if (!to)
		return lines;
	fixture->ops->preflight(fixture, bytes_of_a_cycle(&station->job), to);
	if (fclose(to) != 0)
		return lines;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(lines, json_string(line));
	return lines;
}

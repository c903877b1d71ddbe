/* SPDX-License-Identifier: Apache-2.0 */
/* What containers ask about themselves: each has an address of its own, whose ticket nobody else
 * can have made. */
#include "base/mem.h"
#include "base/vec.h"
#include "provider/fleet_world.h"

#define WORDS_MAX 5 /* ticket, cluster, task, container, "task" */

static const char *ticket_of(
	struct fleet_world *w, const char *task, const char *container, struct arena *a)
{
	return identity_ticket(w->identity, arena_printf(a, "metadata/%s/%s", task, container), a);
}

const char *fleet_world_task_metadata(
	void *arg, const char *task, const char *container, struct arena *a)
{
	return arena_printf(a, "http://" COMPUTE_CREDENTIALS_ADDRESS "/_towpath/v4/%s/%s/%s",
		ticket_of(arg, task, container, a), task, container);
}

int fleet_world_metadata(void *world, const char *path, struct str *json, struct err *err)
{
	struct fleet_world *w = world;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct view rest = view_of(path);
	const char *words[WORDS_MAX] = {NULL}, *task;
	size_t n = 0;

	while (rest.p && n < WORDS_MAX)
		words[n++] = arena_view_dup(&a, view_cut(&rest, '/'));
	if (rest.p || n < WORDS_MAX - 1 || (words[4] && !streq(words[4], "task")))
		return 0;
	task = arena_printf(&a, "%s/%s", words[1], words[2]);
	if (!identity_ticket_fits(
		    w->identity, arena_printf(&a, "metadata/%s/%s", task, words[3]), words[0]))
		return 0;
	return fleet_task_metadata(w->fleet, task, words[4] ? NULL : words[3], json, err);
}

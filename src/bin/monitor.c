/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath monitor`: the parent of a container's first process; started by the server. */
#include "bin/command.h"
#include "compute/compute.h"

static int run(const struct options *o, struct err *err UNUSED)
{
	return compute_monitor(o->words.v[0]);
}

const struct command command_monitor = {
	.name = "monitor",
	.arguments = "DIR",
	.summary = "the parent of a container's first process",
	.min_words = 1,
	.max_words = 1,
	.hidden = true,
	.run = run,
};

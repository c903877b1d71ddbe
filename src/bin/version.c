/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath version`. */
#include <stdio.h>

#include "bin/command.h"

static int run(const struct options *o, struct err *err)
{
	(void)err;
	if (option_flag(o, "json"))
		printf("{\"version\":\"%s\"}\n", TOWPATH_VERSION);
	else
		printf("towpath %s\n", TOWPATH_VERSION);
	return EXIT_OK;
}

const struct command command_version = {
	.name = "version",
	.summary = "print the version",
	.run = run,
};

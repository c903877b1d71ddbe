/* SPDX-License-Identifier: Apache-2.0 */
/* Cases that this machine cannot run, with the reason. cmocka's skip() prints "not ok", which the
 * readers of TAP count as a failure. */
#ifndef TOWPATH_TESTS_UNIT_SKIP_H
#define TOWPATH_TESTS_UNIT_SKIP_H

#include <stdio.h>

/* For main(), before the cases: none of them can run. */
#define SKIP_ALL(why)                              \
	do {                                       \
		printf("1..0 # SKIP %s\n", (why)); \
		return 0;                          \
	} while (0)

/* Ends the case. */
#define SKIP_CASE(why)                                   \
	do {                                             \
		print_message("# skipped: %s\n", (why)); \
		return;                                  \
	} while (0)

#endif

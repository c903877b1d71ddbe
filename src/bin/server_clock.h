/* SPDX-License-Identifier: Apache-2.0 */
/* The server's clock across restarts. */
#ifndef TOWPATH_BIN_SERVER_CLOCK_H
#define TOWPATH_BIN_SERVER_CLOCK_H

#include "base/clock.h"
#include "base/err.h"

/* Sets the clock (initialised) to run `rate` times as fast as true time from now on. One that ran
 * faster before goes on where it would be now, as DIR/clock.json remembers it: time never goes
 * back, at no rate. */
int server_clock_open(const char *data_dir, double rate, struct clock *c, struct err *err);

#endif

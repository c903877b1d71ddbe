/* SPDX-License-Identifier: Apache-2.0 */
/* The one clock: every wait of the engines reads it. Tests and simulations drive it by hand. */
#ifndef TOWPATH_BASE_CLOCK_H
#define TOWPATH_BASE_CLOCK_H

#include <pthread.h>

#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

enum clock_kind { CLOCK_REAL, CLOCK_SIMULATED };

/* Real: wall time, from the start of the process on `rate` times as fast (1.0 = true time).
 * Simulated: stands still until clock_set() or clock_advance(). Thread-safe. */
struct clock {
	enum clock_kind kind;
	double rate;
	int64_t origin_usec; /* wall time at init, */
	int64_t base_usec;   /* and what the clock showed then */
	pthread_mutex_t lock;
	int64_t simulated_usec;
};

void clock_init_real(struct clock *c, double rate);
/* Real, and shows now_usec at this moment: goes on where another one stood. */
void clock_init_real_from(struct clock *c, double rate, int64_t now_usec);
/* One line of text, without its end, by which another process can show the same time; empty for a
 * clock that shows true time, or that is driven by hand. */
void clock_describe(const struct clock *c, struct str *out);
/* The clock that was described; from empty text, or NULL, one that shows true time, as after a
 * failure. */
int clock_init_described(struct clock *c, const char *text, struct err *err);
/* Wall time in microseconds since 1970, whatever the clocks show. */
int64_t clock_true_now(void);
void clock_init_simulated(struct clock *c, int64_t start_usec);
void clock_release(struct clock *c);
/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_now(struct clock *c);
/* What a real clock showed, or will show, at this wall time. */
int64_t clock_at(const struct clock *c, int64_t true_usec);
/* Simulated clocks only; time never goes back. */
void clock_set(struct clock *c, int64_t now_usec);
void clock_advance(struct clock *c, int64_t usec);
/* How long, in true microseconds, until the clock shows due_usec: 0 when it is past.
 * For a simulated clock: INT64_MAX while due lies ahead (only clock_set can bring it). */
int64_t clock_true_wait(struct clock *c, int64_t due_usec);

/* CLOCK_MONOTONIC in microseconds: for measuring, never for deciding. */
int64_t monotonic_usec(void);

#endif

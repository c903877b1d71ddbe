/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions as deployment windows and scheduled rules have them: six or seven fields, second
 * minute hour day-of-month month day-of-week [year]; `* ? , - / L W #`, names of months and days in
 * any case. Days of the week count from 1, Sunday. Seconds do not matter: a window is made of
 * minutes. */
#ifndef TOWPATH_CODEC_CRON_H
#define TOWPATH_CODEC_CRON_H

#include <stdint.h>

#include "base/err.h"

struct cron {
	uint64_t minutes, hours, days, months, weekdays; /* bit n: n is in */
	bool last_day, last_weekday;			 /* L and LW of the month's days */
	int nearest;		  /* nW: the working day nearest to n; 0: none */
	int last_of, nth_of, nth; /* nL and n#k of the week's days; 0: none */
	int year_from, year_to, year_step;
};

/* ERR_MALFORMED names the field at fault. */
int cron_parse(const char *text, struct cron *ret, struct err *err);
/* Whether the minute at usec (since 1970, already moved into the expression's time zone) is in. */
bool cron_matches(const struct cron *c, int64_t usec);
/* The first minute that is in and begins after the given time (UTC); INT64_MAX: there is none. */
int64_t cron_next(const struct cron *c, int64_t after_usec);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as report files have them, strictly: what is no number is an error that names it. */
#ifndef TOWPATH_REPORT_NUMBER_H
#define TOWPATH_REPORT_NUMBER_H

#include <stdint.h>

#include "base/err.h"

/* A count from 0 to INT32_MAX. what names it in the error. */
int report_count(const char *text, const char *what, int64_t *ret, struct err *err);
/* Seconds ("0.25", "1,204.5") times nsec_per_unit; NULL or empty: 0. Less than 0 counts as 0: some
 * tools write that when the clock was set. */
int report_duration(const char *text, double nsec_per_unit, int64_t *ret, struct err *err);
/* "hh:mm:ss.fraction", also "d.hh:mm:ss.fraction"; NULL or empty: 0. */
int report_clock_duration(const char *text, int64_t *ret, struct err *err);
/* nsec, held within what an int64_t has. */
int64_t report_nsec(double nsec);

#endif

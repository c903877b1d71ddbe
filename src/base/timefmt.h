/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text. All times are microseconds since 1970-01-01T00:00:00Z, all text is UTC. */
#ifndef TOWPATH_BASE_TIMEFMT_H
#define TOWPATH_BASE_TIMEFMT_H

#include "base/macros.h"

struct timefmt {
	char text[40];
};

/* 2026-11-23T04:39:00Z */
struct timefmt timefmt_iso(int64_t usec);
/* 2026-11-23T04:39:00.123Z */
struct timefmt timefmt_iso_msec(int64_t usec);
/* 20261123T043900Z, as SigV4 has it */
struct timefmt timefmt_basic(int64_t usec);
/* Mon, 23 Nov 2026 04:39:00 GMT, as HTTP has it (RFC 9110 §5.6.7) */
struct timefmt timefmt_http(int64_t usec);
/* 1m23s, 4.2s, 850ms: for people */
struct timefmt timefmt_duration(int64_t usec);
/* Parses any of the first four forms (fractions and ±hh:mm offsets included); false if none. */
bool timefmt_parse(const char *text, int64_t *ret_usec);
/* The same, and the shorter forms of dates: 2026-11, 2026-11-23, 2026-11-23T04:39Z (±hh:mm). */
bool timefmt_parse_date(const char *text, int64_t *ret_usec);

#endif

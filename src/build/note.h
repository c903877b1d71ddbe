/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a build's log that the server itself writes, when no leader does. Private to build/. */
#ifndef TOWPATH_BUILD_NOTE_H
#define TOWPATH_BUILD_NOTE_H

#include "base/err.h"

/* Appends "[Container] <time> <text>" to the log in job_dir and ends it. Failure is logged only:
 * the build's phases tell the same. */
void build_note_end(const char *job_dir, int64_t usec, const char *phase, const char *status,
	const char *code, const char *message);

#endif

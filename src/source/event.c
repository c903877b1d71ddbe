/* SPDX-License-Identifier: Apache-2.0 */
/* What a change of a reference looks like as an event of EventBridge. */
#include "source/source.h"

#include <time.h>

#include "source/engine.h"
#include "towpath.gen.h"

int source_event_detail(const char *journal_detail, struct str *out, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct towpath_event_ref event;

	/* The members are those of "CodeCommit Repository State Change" already: a deleted
	 * reference has no commitId, a created one no oldCommitId. */
	if (wire_decode_json(&towpath_event_ref_shape, view_of(journal_detail), &a, &event, err) <
		0)
		return -1;
	wire_encode_json(&towpath_event_ref_shape, &event, out);
	return 0;
}

const char *source_event_date(struct wire_time t, struct arena *a)
{
	time_t seconds = (time_t)(t.usec / USEC_PER_SEC);
	struct tm tm;
	char text[64];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%a %b %d %H:%M:%S UTC %Y", &tm);
	return arena_strdup(a, text);
}

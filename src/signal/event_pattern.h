/* SPDX-License-Identifier: Apache-2.0 */
/* The language of event patterns: a pattern mirrors the event, a leaf is an array of alternatives
 * of which one must match (EventBridge's user guide, "Event pattern syntax"). */
#ifndef TOWPATH_SIGNAL_EVENT_PATTERN_H
#define TOWPATH_SIGNAL_EVENT_PATTERN_H

#include "codec/json.h"

/* Whether the pattern is well-formed; InvalidEventPatternException says what is wrong. */
int event_pattern_check(const struct json_node *pattern, struct err *err);
/* The same of its text, which it parses; *ret may be NULL. */
int event_pattern_parse(
	const char *text, struct arena *a, const struct json_node **ret, struct err *err);
/* The pattern must have been checked. */
bool event_pattern_matches(const struct json_node *pattern, const struct json_node *event);

/* ---- shared by matching and checking ---- */

/* Whether the field is a choice of patterns: "$or" over a list of objects. One whose objects have
 * the names of matchers is a field like others. */
bool event_pattern_is_or(const struct json_node *field);

#endif

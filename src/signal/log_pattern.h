/* SPDX-License-Identifier: Apache-2.0 */
/* Filter patterns of logs (CloudWatch Logs' user guide, "Filter pattern syntax"): terms; JSON
 * selectors, { $.status = 4* && $.bytes > 100 }; columns, [ip, user, ..., status = 4*, bytes];
 * %regular expressions% in all of them. Case counts. */
#ifndef TOWPATH_SIGNAL_LOG_PATTERN_H
#define TOWPATH_SIGNAL_LOG_PATTERN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"
#include "codec/json.h"

struct log_pattern;

/* In the arena, as all that it holds. ERR_INVALID says what is wrong; NULL and blanks match all. */
int log_pattern_parse(
	const char *text, struct arena *a, const struct log_pattern **ret, struct err *err);

/* A line as a pattern sees it: split or parsed once. */
struct log_line {
	struct view text;
	const struct json_node *json; /* of JSON patterns; NULL: it is no object */
	struct view *fields;	      /* of columns, as many as the pattern names */
	size_t n_fields;
};
/* Whether the line matches; *ret (may be NULL) then serves log_pattern_value(). In the arena. */
bool log_pattern_matches(
	const struct log_pattern *p, struct view message, struct arena *a, struct log_line *ret);
/* The text at "$.path" or "$column" of a line that matched, or NULL. */
const char *log_pattern_value(const struct log_pattern *p, const struct log_line *line,
	const char *selector, struct arena *a);
/* What a pattern names: its selectors, or its columns as "$name". */
size_t log_pattern_selectors(const struct log_pattern *p, struct arena *a, const char ***ret);

#endif

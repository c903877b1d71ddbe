/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a filter pattern: what its reader and its matcher share. */
#ifndef TOWPATH_SIGNAL_LOG_PATTERN_INTERNAL_H
#define TOWPATH_SIGNAL_LOG_PATTERN_INTERNAL_H

#include "signal/log_pattern.h"

enum log_pattern_kind { LOG_PATTERN_TERMS, LOG_PATTERN_JSON, LOG_PATTERN_COLUMNS };
enum log_operator {
	LOG_EQUAL,
	LOG_UNEQUAL,
	LOG_LESS,
	LOG_LESS_EQUAL,
	LOG_GREATER,
	LOG_GREATER_EQUAL,
	LOG_IS_NULL,
	LOG_IS_TRUE,
	LOG_IS_FALSE,
	LOG_NOT_EXISTS,
};
enum log_join { LOG_CONDITION, LOG_AND, LOG_OR };

struct log_condition {
	const char *selector; /* "$.a.b", or a column's name */
	enum log_operator op;
	const char *text; /* with `*` for any run */
	bool regex;
	bool is_number;
	double number;
};
struct log_node {
	enum log_join join;
	struct log_condition c;
	const struct log_node *left, *right;
};
struct log_term {
	struct view text;
	char sign; /* '-', '?' or 0 */
	const char *regex;
};
struct log_column {
	const char *name;	     /* NULL: "...", any number of fields */
	const struct log_node *node; /* NULL: whatever it holds */
};

struct log_pattern {
	enum log_pattern_kind kind;
	struct log_term *terms;
	size_t n_terms;
	const struct log_node *root; /* of JSON */
	struct log_column *columns;
	size_t n_columns;
};

#endif

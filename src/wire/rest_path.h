/* SPDX-License-Identifier: Apache-2.0 */
/* Paths against the models' templates ("/{Bucket}/{Key+}"). Only for src/wire/. */
#ifndef TOWPATH_WIRE_REST_PATH_H
#define TOWPATH_WIRE_REST_PATH_H

#include "wire/rest.h"

#define REST_MAX_LABELS 8

struct rest_label {
	struct view name, value; /* value as sent, not decoded */
};

struct rest_labels {
	struct rest_label v[REST_MAX_LABELS];
	size_t n;
};

/* Matches a path (as sent) against the part of a template before '?'. A slash at the end of the
 * path is of no account. */
bool rest_match_path(const char *uri, const char *path, struct rest_labels *ret);

#endif

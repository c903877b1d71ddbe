/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into a JSON document, in the part of JSONPath that event rules, filter patterns and
 * templates use: `$`, `$.detail.state`, `$.resources[0]`, `$.detail['a name']`. */
#ifndef TOWPATH_CODEC_JSON_PATH_H
#define TOWPATH_CODEC_JSON_PATH_H

#include "codec/json.h"

/* Whether the text is such a path, from the `$` to its end. */
bool json_path_valid(struct view path);
/* The node at the path, or NULL: there is none (or the path is not valid). */
const struct json_node *json_path_find(const struct json_node *root, struct view path);

#endif

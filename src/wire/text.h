/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars as plain text: in queries, XML elements, headers and paths. Only for src/wire/. */
#ifndef TOWPATH_WIRE_TEXT_H
#define TOWPATH_WIRE_TEXT_H

#include "wire/wire.h"

/* Parses into the slot of a scalar. False: not of the shape's form. text ends in NUL. */
bool wire_text_parse(
	const struct wire_shape *shape, struct view text, struct arena *a, void *slot) MUST_CHECK;
/* Appends the scalar (which is set). format: of times, NULL for the shape's own or iso8601. */
void wire_text_add(
	const struct wire_shape *shape, const void *slot, const char *format, struct str *out);
/* What wire_text_parse() wants, for messages: "a whole number"; static. */
const char *wire_text_wanted(const struct wire_shape *shape);

#endif

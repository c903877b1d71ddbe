/* SPDX-License-Identifier: Apache-2.0 */
/* In what form the walker of json_encode.c writes. Only for src/wire/. */
#ifndef TOWPATH_WIRE_JSON_FORM_H
#define TOWPATH_WIRE_JSON_FORM_H

#include "wire/wire.h"

#define WIRE_JSON_HIDDEN "\"HIDDEN_DUE_TO_SECURITY_REASONS\""

struct wire_json_form {
	size_t most; /* bytes in out: once there are more, values become null */
	/* Whether a member that is set is written at all; top: of the outermost structure. */
	bool (*takes)(const struct wire_member *m, bool top);
	/* Whether HIDDEN stands in for a member or, where key is set, the entry of a map. NULL:
	 * never, nor for what the model calls sensitive. */
	bool (*hides)(const struct wire_shape *shape, const char *name, bool key);
	void (*add_key)(const struct wire_member *m, struct str *out);
	void (*add_time)(int64_t usec, struct str *out);
	void (*add_blob)(struct view bytes, struct str *out);
};

void wire_encode_form(const struct wire_json_form *form, const struct wire_shape *shape,
	const void *value, struct str *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* One CloudTrail record of a call that has been answered. */
#ifndef TOWPATH_API_AUDIT_NOTE_H
#define TOWPATH_API_AUDIT_NOTE_H

#include "api/auth.h"

/* Where records go; add NULL: nowhere. */
struct audit_sink {
	void *arg;
	void (*add)(void *arg, struct view json);
};

struct audit_note {
	const struct auth *auth;
	const struct auth_principal *who; /* NULL: it was not found out */
	const struct call *call;
	const char *source;			/* signing name of the service, or NULL */
	const char *name;			/* of the operation as it was asked for, or NULL */
	const struct wire_operation *operation; /* with what was asked and answered; or NULL */
	const void *input, *output;		/* NULL: did not come that far */
	const char *error_code, *error_message; /* NULL: it succeeded */
	const char *const *resources;		/* ARNs */
	size_t n_resources;
	const char *more; /* additionalEventData, JSON, or NULL */
	bool data;	  /* of objects and their like, not of what manages them */
};
void audit_note(const struct audit_sink *sink, const struct audit_note *n);

#endif

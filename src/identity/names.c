/* SPDX-License-Identifier: Apache-2.0 */
/* Names, ARNs and the sentences that name them. */
#include <ctype.h>

#include "identity/engine.h"

char *identity_owner(struct arena *a, const char *kind, const char *name)
{
	char *text = arena_printf(a, "%s/%s", kind, name);

	for (char *p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return text;
}

char *identity_arn(struct identity_engine *e, struct arena *a, const char *kind, const char *path,
	const char *name)
{
	return arena_printf(a, "arn:aws:iam::%s:%s%s%s", e->account, kind, path ? path : "/", name);
}

const char *identity_arn_name(const char *arn)
{
	const char *slash = strrchr(arn, '/');

	return slash ? slash + 1 : arn;
}

const char *identity_encoded_document(struct arena *a, const char *document)
{
	static const char hex[] = "0123456789ABCDEF";
	struct str out CLEANUP_STR = STR_INIT;

	for (const char *p = document; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			strchr("-._~", c)) {
			str_add_c(&out, *p);
		} else {
			str_add_c(&out, '%');
			str_add_c(&out, hex[c >> 4]);
			str_add_c(&out, hex[c & 15]);
		}
	}
	return arena_view_dup(a, str_view(&out));
}

int identity_no_entity(struct err *err, const char *kind, const char *name)
{
	return err_set_wire(
		err, "NoSuchEntity", "The %s with name %s cannot be found.", kind, name);
}

const char *identity_user_or_self(struct call *call, const char *name, struct err *err)
{
	if (name)
		return name;
	if (strstr(call->principal_arn, ":user/"))
		return identity_arn_name(call->principal_arn);
	err_set_wire(err, "InvalidInput",
		"Must specify userName when calling with non-User "
		"credentials");
	return NULL;
}

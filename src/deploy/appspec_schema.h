/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of an AppSpec file share. Private to deploy/appspec*.c. */
#ifndef TOWPATH_DEPLOY_APPSPEC_SCHEMA_H
#define TOWPATH_DEPLOY_APPSPEC_SCHEMA_H

#include "deploy/appspec.h"

/* The text of a key, NULL when absent; *ret_bad (with err set) when it is no text. */
const char *appspec_text(struct appspec *s, const struct yaml_node *map, const char *key,
	bool *ret_bad, struct err *err);
void appspec_warn_unknown(struct appspec *s, const struct yaml_node *map, const char *const *known,
	const char *where);
int appspec_read_permissions(struct appspec *s, struct err *err);

#endif

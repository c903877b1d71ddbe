/* SPDX-License-Identifier: Apache-2.0 */
/* What an installation will do, in order. Private to agent/install*.c. */
#ifndef TOWPATH_AGENT_INSTALL_PLAN_H
#define TOWPATH_AGENT_INSTALL_PLAN_H

#include "agent/install.h"
#include "base/map.h"
#include "base/vec.h"

enum install_kind {
	INSTALL_MKDIR,
	INSTALL_COPY,
	INSTALL_CHMOD,
	INSTALL_SETFACL,
	INSTALL_CONTEXT,
	INSTALL_CHOWN,
};

struct install_item {
	enum install_kind kind;
	const char *path;   /* what is made or changed */
	const char *source; /* of a copy */
	const struct appspec_permission *permission;
};

struct install_plan {
	struct arena *a;
	VEC(struct install_item) items;
	struct map made; /* path -> item number + 1, of copies and folders */
	struct map permitted;
};

void install_plan_release(struct install_plan *p);
/* archive: the folder of the unpacked revision. */
int install_plan_make(struct install_plan *p, const char *archive, const struct appspec *spec,
	const char *behavior, struct err *err);
/* Adds what the permissions section asks for; after the files. */
int install_plan_permit(struct install_plan *p, const struct appspec *spec, struct err *err);
int install_run_item(const struct install_item *item, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The AppSpec file for servers: "AppSpec file reference" of the CodeDeploy user guide, and what the
 * host agent makes of it. Every complaint names file, line and column. */
#ifndef TOWPATH_DEPLOY_APPSPEC_H
#define TOWPATH_DEPLOY_APPSPEC_H

#include "codec/yaml.h"

struct appspec_file {
	const char *source, *destination;
};

struct appspec_acl {
	bool is_default;
	char kind;	  /* u, g, m, o */
	const char *name; /* "" for the mask */
	const char *permissions;
};

struct appspec_permission {
	const char *object;
	const char *pattern; /* default "**" */
	const char **except;
	size_t n_except;
	bool files, directories; /* by "type"; both by default */
	const char *owner, *group;
	const char *mode; /* 3 or 4 octal digits, or NULL */
	const struct appspec_acl *acls;
	size_t n_acls;
	const char *context_user, *context_type, *context_range; /* SELinux; type NULL: none */
};

struct appspec_script {
	const char *location;
	int timeout_sec; /* default 3600 */
	const char *runas;
	bool sudo;
};

struct appspec_hook {
	const char *event;
	const struct appspec_script *scripts;
	size_t n;
};

struct appspec {
	struct yaml_document document;	  /* holds the warnings */
	const char *file_exists_behavior; /* DISALLOW, OVERWRITE, RETAIN, or NULL */
	const struct appspec_file *files;
	size_t n_files;
	const struct appspec_permission *permissions;
	size_t n_permissions;
	const struct appspec_hook *hooks;
	size_t n_hooks;
};

/* Parses; file is only used in messages. All in the arena. ERR_INVALID or ERR_MALFORMED. */
int appspec_parse(
	const char *file, struct view text, struct arena *a, struct appspec *ret, struct err *err);
/* The scripts of an event, or NULL. */
const struct appspec_hook *appspec_hook(const struct appspec *s, const char *event);
/* '*' for any run of characters but '/', all else for itself: how agents match names. "**" is for
 * the caller. */
bool appspec_glob(const char *pattern, const char *name);

#endif

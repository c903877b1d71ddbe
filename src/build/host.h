/* SPDX-License-Identifier: Apache-2.0 */
/* Git hosts elsewhere that sources come from: what differs between them. */
#ifndef TOWPATH_BUILD_HOST_H
#define TOWPATH_BUILD_HOST_H

#include "base/arena.h"
#include "base/err.h"

struct build_host {
	const char *type;  /* of the source, and of the server that a credential is for */
	const char *label; /* in messages */
	const char *host;  /* the one there is; NULL: any, by http, too */
	const char *pull;  /* references of pull requests: this, the number, "/head"; NULL: none */
	const char *user;  /* for a token that is given without one */
};
/* NULL: the type is none of these. */
const struct build_host *build_host_of(const char *type);
/* ERR_INVALID says what is wrong with a source's location. */
int build_host_check(const struct build_host *h, const char *location, struct err *err);
/* Host and path of a location that was checked, without port and ".git": where the source stands
 * below CODEBUILD_SRC_DIR's base. */
const char *build_host_folder(const char *location, struct arena *a);

#endif

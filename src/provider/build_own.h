/* SPDX-License-Identifier: Apache-2.0 */
/* Projects of the server's own, for builds that no project of a user describes: hooks of
 * deployments and commands of pipelines. Each build brings its source, buildspec and role. */
#ifndef TOWPATH_PROVIDER_BUILD_OWN_H
#define TOWPATH_PROVIDER_BUILD_OWN_H

#include "build/build.h"

struct build_own {
	const char *name, *description;
	const char *image, *buildspec;
	const char *role; /* ARN */
	int minutes;	  /* that a build may take */
};

/* Makes the project when it is missing; whoever changes it keeps what was changed. */
int build_own_ensure(
	struct build_engine *e, struct call *call, const struct build_own *own, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The managed policies that every account has: arn:aws:iam::aws:policy/... */
#ifndef TOWPATH_IDENTITY_MANAGED_AWS_H
#define TOWPATH_IDENTITY_MANAGED_AWS_H

#include "base/arena.h"

struct managed_aws {
	const char *path; /* behind "arn:aws:iam::aws:policy/" */
	const char *document;
};

extern const struct managed_aws managed_aws_policies[];
extern const size_t managed_aws_policies_n;

/* By its whole ARN, or NULL. */
const struct managed_aws *managed_aws_find(const char *arn);

/* "/", or "/service-role/"; in the arena. */
const char *managed_aws_folder(const struct managed_aws *p, struct arena *a) MUST_CHECK;

/* How many there are, and the ARN of the i-th, in the arena. */
size_t managed_aws_count(void);
const char *managed_aws_arn(size_t i, struct arena *a) MUST_CHECK;

#endif

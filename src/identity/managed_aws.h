/* SPDX-License-Identifier: Apache-2.0 */
/* The managed policies that every account has: arn:aws:iam::aws:policy/... */
#ifndef TOWPATH_IDENTITY_MANAGED_AWS_H
#define TOWPATH_IDENTITY_MANAGED_AWS_H

struct managed_aws {
	const char *path; /* behind "arn:aws:iam::aws:policy/" */
	const char *document;
};

/* By its whole ARN, or NULL. */
const struct managed_aws *managed_aws_find(const char *arn);

#endif

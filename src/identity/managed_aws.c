/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the managed policies that tools/gen_managed.py makes of model/managed_policies.txt. */
#include "identity/managed_aws.h"

#include "base/mem.h"

#define PREFIX "arn:aws:iam::aws:policy/"

const struct managed_aws *managed_aws_find(const char *arn)
{
	if (!starts_with(arn, PREFIX))
		return NULL;
	for (size_t i = 0; i < managed_aws_policies_n; i++) {
		if (strcmp(managed_aws_policies[i].path, arn + strlen(PREFIX)) == 0)
			return &managed_aws_policies[i];
	}
	return NULL;
}

size_t managed_aws_count(void)
{
	return managed_aws_policies_n;
}

const char *managed_aws_arn(size_t i, struct arena *a)
{
	return arena_printf(a, PREFIX "%s", managed_aws_policies[i].path);
}

const char *managed_aws_folder(const struct managed_aws *p, struct arena *a)
{
	const char *slash = strrchr(p->path, '/');

	return slash ? arena_printf(a, "/%.*s", (int)(slash + 1 - p->path), p->path) : "/";
}

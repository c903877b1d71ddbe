/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of a resource, for the condition keys aws:ResourceTag/...: asked of the service that has
 * it, by the operation that tells them to its users. */
#ifndef TOWPATH_API_RESOURCE_TAGS_H
#define TOWPATH_API_RESOURCE_TAGS_H

#include "api/dispatch.h"

/* Calls tag(to, key, value) for each tag of the resource; for none when nobody knows the ARN. Texts
 * live in the arena. arg is a struct api: the form that identity_resource_tags() wants. */
void api_resource_tags(void *arg, const char *arn, struct arena *a,
	void (*tag)(void *to, const char *key, const char *value), void *to);

#endif

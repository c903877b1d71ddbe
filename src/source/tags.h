/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: the rules of resource tags. */
#ifndef TOWPATH_SOURCE_TAGS_H
#define TOWPATH_SOURCE_TAGS_H

#include "source/engine.h"

/* Adds tags to those that are there, replacing values of the same key: InvalidTagsMapException,
 * TooManyTagsException, InvalidSystemTagUsageException. */
int source_merge_tags(struct codecommit_tags_map *to, const struct codecommit_tags_map *from,
	struct arena *a, struct err *err);

#endif

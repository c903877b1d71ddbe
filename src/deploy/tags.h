/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of applications and deployment groups. Private to deploy/. */
#ifndef TOWPATH_DEPLOY_TAGS_H
#define TOWPATH_DEPLOY_TAGS_H

#include "deploy/engine.h"

/* InvalidTagsToAddException for a tag without a key, or one too long. */
int deploy_tags_put(struct db_tx *tx, const char *resource, const struct codedeploy_tag_list *tags,
	struct err *err);

#endif

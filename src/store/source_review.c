/* SPDX-License-Identifier: Apache-2.0 */
#include "store/source_review.h"

#include "codecommit.gen.h"
#include "towpath.gen.h"

#define KIND(var, kind_name, shape_name) \
	const struct store_document_kind var = {kind_name, &shape_name##_shape}

KIND(STORE_SOURCE_MERGE, "source-merge", codecommit_get_merge_commit_response);
KIND(STORE_SOURCE_COUNTER, "source-counter", towpath_source_counter);
KIND(STORE_SOURCE_PULL, "source-pull", codecommit_pull_request);
KIND(STORE_SOURCE_PULL_MORE, "source-pull-more", towpath_source_pull);
KIND(STORE_SOURCE_PULL_REF, "source-pull-ref", towpath_source_token);
KIND(STORE_SOURCE_PULL_EVENT, "source-pull-event", codecommit_pull_request_event);
KIND(STORE_SOURCE_PULL_APPROVAL, "source-pull-approval", codecommit_approval);
KIND(STORE_SOURCE_PULL_OVERRIDE, "source-pull-override",
	codecommit_get_pull_request_override_state_response);
KIND(STORE_SOURCE_TOKEN, "source-token", towpath_source_token);
KIND(STORE_SOURCE_RULE_TEMPLATE, "source-rule-template", codecommit_approval_rule_template);
KIND(STORE_SOURCE_RULE_LINK, "source-rule-link", towpath_source_link);
KIND(STORE_SOURCE_COMMENT, "source-comment", codecommit_comment);
KIND(STORE_SOURCE_COMMENT_MORE, "source-comment-more", towpath_source_comment);
KIND(STORE_SOURCE_THREAD, "source-thread", codecommit_comments_for_pull_request);
KIND(STORE_SOURCE_REACTION, "source-reaction", towpath_source_reaction);
KIND(STORE_SOURCE_LOCK, "source-lock", towpath_source_lock);
KIND(STORE_SOURCE_TRIGGERS, "source-triggers", codecommit_get_repository_triggers_response);

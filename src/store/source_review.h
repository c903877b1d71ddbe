/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of documents (store/document.h) of CodeCommit's reviews: pull requests with their events,
 * approvals and rules, comments, triggers, and merges that were made. A pull request's key sorts
 * younger ones first. */
#ifndef TOWPATH_STORE_SOURCE_REVIEW_H
#define TOWPATH_STORE_SOURCE_REVIEW_H

#include "store/document.h"

extern const struct store_document_kind STORE_SOURCE_MERGE;	    /* id: repository/theirs/ours */
extern const struct store_document_kind STORE_SOURCE_COUNTER;	    /* the last number given out */
extern const struct store_document_kind STORE_SOURCE_PULL;	    /* id: key; owner: repository */
extern const struct store_document_kind STORE_SOURCE_PULL_MORE;	    /* id: key */
extern const struct store_document_kind STORE_SOURCE_PULL_REF;	    /* of open ones; owner: ref */
extern const struct store_document_kind STORE_SOURCE_PULL_EVENT;    /* owner: key */
extern const struct store_document_kind STORE_SOURCE_PULL_APPROVAL; /* owner: key/revision */
extern const struct store_document_kind STORE_SOURCE_PULL_OVERRIDE; /* id: key/revision */
extern const struct store_document_kind STORE_SOURCE_TOKEN;	    /* what client tokens made */
extern const struct store_document_kind STORE_SOURCE_RULE_TEMPLATE; /* owner: name */
/* id: template/repository; owner: repository */
extern const struct store_document_kind STORE_SOURCE_RULE_LINK;
/* owner: the first comment of its thread */
extern const struct store_document_kind STORE_SOURCE_COMMENT;
extern const struct store_document_kind STORE_SOURCE_COMMENT_MORE; /* owner: repository */
/* id: the first comment of a thread; owner: where it stands (comment_post.h) */
extern const struct store_document_kind STORE_SOURCE_THREAD;
extern const struct store_document_kind STORE_SOURCE_REACTION; /* owner: comment */
extern const struct store_document_kind STORE_SOURCE_TRIGGERS; /* id: repository */
extern const struct store_document_kind STORE_SOURCE_LOCK;     /* owner: repository */

#endif

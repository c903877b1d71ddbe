/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions and states of the fleet, signal and connection engines, as documents of the service
 * models: one row each, found by kind and id, listed by kind and owner. What comes in large numbers
 * (metric samples, log events) has tables of its own.
 *
 * Finders answer 1 (found), 0 (none) or -1; what they return lives in the arena. */
#ifndef TOWPATH_STORE_DOCUMENT_H
#define TOWPATH_STORE_DOCUMENT_H

#include "db/db.h"
#include "wire/wire.h"

extern const struct db_migration store_document_migrations[];
extern const size_t store_document_migrations_n;

/* A kind of document: its name in the table and the shape of its text. */
struct store_document_kind {
	const char *name;
	const struct wire_shape *shape;
};

extern const struct store_document_kind STORE_INSTANCE; /* owner: group name or "" */
extern const struct store_document_kind STORE_SCALING_GROUP;
extern const struct store_document_kind STORE_LAUNCH_CONFIGURATION;
extern const struct store_document_kind STORE_LIFECYCLE_HOOK; /* owner: group name */
extern const struct store_document_kind STORE_TARGET_GROUP;
extern const struct store_document_kind STORE_LOAD_BALANCER_ATTRIBUTES; /* that were set */
extern const struct store_document_kind STORE_TARGET_GROUP_MORE;	/* attributes, tags */
extern const struct store_document_kind STORE_TARGET; /* owner: target group ARN */
extern const struct store_document_kind STORE_LOAD_BALANCER;
extern const struct store_document_kind STORE_LISTENER; /* owner: load balancer ARN */
extern const struct store_document_kind STORE_RULE;	/* owner: listener ARN */
extern const struct store_document_kind STORE_RESOURCE_TAGS;
extern const struct store_document_kind STORE_CLUSTER;
extern const struct store_document_kind STORE_TASK_DEFINITION; /* owner: family */
extern const struct store_document_kind STORE_SERVICE;	       /* owner: cluster ARN */
extern const struct store_document_kind STORE_SERVICE_SET;     /* owner: service ARN */
extern const struct store_document_kind STORE_TASK_SET;	       /* owner: service ARN */
extern const struct store_document_kind STORE_TASK;	       /* owner: service or cluster ARN */
extern const struct store_document_kind STORE_TASK_STATE;      /* owner: service or cluster ARN */
extern const struct store_document_kind STORE_TASK_TOKEN;      /* what a client token has made */
extern const struct store_document_kind STORE_ALARM;
extern const struct store_document_kind STORE_COMPOSITE_ALARM;
/* owner: "metric NAMESPACE|NAME", "namespace NAMESPACE" or "alarm NAME" that the alarm looks at */
extern const struct store_document_kind STORE_ALARM_LINK;
extern const struct store_document_kind STORE_ALARM_HISTORY; /* owner: alarm */
extern const struct store_document_kind STORE_BUILD_COUNT;   /* not yet a part of metrics */
extern const struct store_document_kind STORE_LOG_CURSOR;    /* owner: group */
extern const struct store_document_kind STORE_LOG_GROUP;
extern const struct store_document_kind STORE_LOG_METRIC_FILTER; /* owner: group */
extern const struct store_document_kind STORE_LOG_POLICY;	 /* of the account */
extern const struct store_document_kind STORE_LOG_SUBSCRIPTION;	 /* owner: group */
extern const struct store_document_kind STORE_LOG_STREAM;	 /* owner: group */
extern const struct store_document_kind STORE_EVENT_ARCHIVE;	 /* owner: bus, "": default */
extern const struct store_document_kind STORE_EVENT_BUS;
extern const struct store_document_kind STORE_EVENT_CONNECTION;
extern const struct store_document_kind STORE_EVENT_CONNECTION_SECRET;
extern const struct store_document_kind STORE_EVENT_DESTINATION; /* owner: connection ARN */
extern const struct store_document_kind STORE_EVENT_REPLAY;	 /* owner: archive ARN */
extern const struct store_document_kind STORE_EVENT_RULE;	 /* owner: bus, "": default */
extern const struct store_document_kind STORE_NOTICE_RULE;	 /* owner: resource */
extern const struct store_document_kind STORE_TOPIC;
extern const struct store_document_kind STORE_SUBSCRIPTION; /* owner: topic ARN */
/* ended by its link: it may be restored for a while; owner: topic ARN */
extern const struct store_document_kind STORE_SUBSCRIPTION_ENDED;
extern const struct store_document_kind STORE_EVENT_TARGET; /* owner: rule */
extern const struct store_document_kind STORE_CONNECTION;   /* owner: host ARN, or "" */
/* How a connection is used: in force; and one that is still to be checked, or was refused. */
extern const struct store_document_kind STORE_CONNECTION_ACCESS, STORE_CONNECTION_CANDIDATE;
extern const struct store_document_kind STORE_CONNECTION_HOST;
extern const struct store_document_kind STORE_CONNECTION_WATCH; /* a repository as last seen */

struct store_documents {
	const char **ids;
	void **v; /* of the kind's struct */
	size_t n;
};

/* Inserts or replaces. */
int store_document_put(struct db_tx *tx, const struct store_document_kind *kind, const char *id,
	const char *owner, const void *value, struct err *err);
/* Replaces the text of one that is there; its owner stays. */
int store_document_rewrite(struct db_tx *tx, const struct store_document_kind *kind, const char *id,
	const void *value, struct err *err);
/* ret: the kind's struct. */
int store_document_get(struct db_tx *tx, const struct store_document_kind *kind, const char *id,
	struct arena *a, void *ret, struct err *err);
/* Missing is fine. */
int store_document_delete(
	struct db_tx *tx, const struct store_document_kind *kind, const char *id, struct err *err);
/* In the order of their ids; owner NULL: all; ids after `after` ("" or NULL: from the start) that
 * start with prefix (NULL: any), at most max (0: all). */
struct store_document_filter {
	const char *owner, *after, *prefix;
	size_t max;
};
int store_document_list(struct db_tx *tx, const struct store_document_kind *kind,
	const struct store_document_filter *filter, struct arena *a, struct store_documents *ret,
	struct err *err);
int store_document_delete_owned(struct db_tx *tx, const struct store_document_kind *kind,
	const char *owner, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of logs on tags: by the ARN of a group, and by its name as older clients have it. */
#include "signal/log_read.h"
#include "store/resource_tags.h"

/* The ARN under which a group's tags are kept. ResourceNotFoundException when it is not there. */
static int tagged(struct signal_engine *e, struct db_tx *tx, const char *name_or_arn,
	struct arena *a, const char **ret, struct err *err)
{
	const char *name = log_group_name_of(NULL, name_or_arn, a);
	struct logs_log_group g;

	*ret = signal_arn(e, a, "logs", "log-group:%s", name);
	return log_group_need(tx, name, a, &g, err);
}

static int add(struct signal_engine *e, struct db_tx *tx, const char *name_or_arn,
	const struct logs_tags *tags, struct arena *a, struct err *err)
{
	struct towpath_string_map map;
	const char *arn;

	TAG_MAP(a, tags, &map);
	return tagged(e, tx, name_or_arn, a, &arn, err) < 0
		       ? -1
		       : store_tags_add(tx, arn, &map, "LimitExceededException", a, err);
}

static int removed(struct signal_engine *e, struct db_tx *tx, const char *name_or_arn,
	const char *const *keys, size_t n, struct arena *a, struct err *err)
{
	const char *arn;

	return tagged(e, tx, name_or_arn, a, &arn, err) < 0
		       ? -1
		       : store_tags_remove(tx, arn, keys, n, a, err);
}

static int list(struct signal_engine *e, struct db_tx *tx, const char *name_or_arn, struct arena *a,
	struct logs_tags *ret, struct err *err)
{
	struct towpath_string_map map;
	const char *arn;

	if (tagged(e, tx, name_or_arn, a, &arn, err) < 0 ||
		store_tags_read(tx, arn, a, &map, err) < 0)
		return -1;
	TAG_LIST(a, &map, ret);
	return 0;
}

static int tag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, tag_resource);

	return add(e, tx, req->resource_arn, &req->tags, a, err);
}

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, untag_resource);

	return removed(e, tx, req->resource_arn, req->tag_keys.v, req->tag_keys.n, a, err);
}

static int list_tags_for_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, list_tags_for_resource);

	return list(e, tx, req->resource_arn, a, &resp->tags, err);
}

static int tag_log_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, tag_log_group);

	return add(e, tx, req->log_group_name, &req->tags, a, err);
}

static int untag_log_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, untag_log_group);

	return removed(e, tx, req->log_group_name, req->tags.v, req->tags.n, a, err);
}

static int list_tags_log_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, list_tags_log_group);

	return list(e, tx, req->log_group_name, a, &resp->tags, err);
}

SIGNAL_DEFINE(logs, list_tags_for_resource, signal_read)
SIGNAL_DEFINE(logs, list_tags_log_group, signal_read)
SIGNAL_DEFINE(logs, tag_log_group, signal_write)
SIGNAL_DEFINE(logs, tag_resource, signal_write)
SIGNAL_DEFINE(logs, untag_log_group, signal_write)
SIGNAL_DEFINE(logs, untag_resource, signal_write)

/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of clusters, services, tasks, task sets and task definitions. */
#include <string.h>

#include "fleet/containers.h"
#include "store/resource_tags.h"
#include "store/string_map.h"

#define TOO_MANY "InvalidParameterException"

int fleet_tags_of(
	struct db_tx *tx, const char *arn, struct arena *a, struct ecs_tags *ret, struct err *err)
{
	struct towpath_string_map map;

	if (store_tags_read(tx, arn, a, &map, err) < 0)
		return -1;
	TAG_LIST(a, &map, ret);
	return 0;
}

int fleet_tags_put(struct db_tx *tx, const char *arn, const struct ecs_tags *tags, struct arena *a,
	struct err *err)
{
	struct towpath_string_map map;

	TAG_MAP(a, tags, &map);
	return store_tags_set(tx, arn, &map, TOO_MANY, a, err);
}

int fleet_tags_check(const struct ecs_tags *tags, struct err *err)
{
	wire_foreach (tag, tags) {
		if (!tag->key || !*tag->key)
			return err_set_wire(err, "InvalidParameterException", "A tag has no key.");
		if (starts_with(tag->key, STORE_TAG_RESERVED))
			return err_set_wire(err, "InvalidParameterException",
				"Tag keys that begin with " STORE_TAG_RESERVED
				" are reserved: '%s'",
				tag->key);
	}
	if (tags->n > STORE_TAGS_MAX)
		return err_set_wire(err, TOO_MANY, "Too many tags. A resource may have up to %d.",
			STORE_TAGS_MAX);
	return 0;
}

int fleet_tags_for_task(struct db_tx *tx, const struct fleet_task_tags *from, struct arena *a,
	struct ecs_tags *ret, struct err *err)
{
	struct towpath_string_map tags = {0};

	if (from->source_arn && store_tags_read(tx, from->source_arn, a, &tags, err) < 0)
		return -1;
	if (from->own)
		wire_foreach (tag, from->own)
			string_map_put(&tags, tag->key, tag->value, a);
	if (from->managed)
		string_map_put(&tags, "aws:ecs:clusterName", fleet_last_part(from->cluster_arn), a);
	if (from->managed && from->service_name)
		string_map_put(&tags, "aws:ecs:serviceName", from->service_name, a);
	TAG_LIST(a, &tags, ret);
	return 0;
}

/* Whether the ARN names something of ours that lives. */
static int need_resource(
	struct fleet_engine *e, struct db_tx *tx, const char *arn, struct arena *a, struct err *err)
{
	static const struct {
		const char *mark;
		const struct store_document_kind *kind;
	} kinds[] = {
		{":cluster/", &STORE_CLUSTER},
		{":service/", &STORE_SERVICE},
		{":task/", &STORE_TASK},
		{":task-set/", &STORE_TASK_SET},
	};
	struct ecs_task_definition d;
	int r = 0;

	if (strstr(arn, ":task-definition/")) {
		r = fleet_task_definition_find(e, tx, arn, a, &d, err);
		if (r == 0)
			return err_set_wire(err, "InvalidParameterException",
				"The specified task definition does not exist: %s", arn);
		return r < 0 ? -1 : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strstr(arn, kinds[i].mark)) {
			void *value = arena_alloc(a, kinds[i].kind->shape->size);

			r = store_document_get(tx, kinds[i].kind, arn, a, value, err);
		}
	if (r == 0)
		return err_set_wire(err, "InvalidParameterException",
			"The specified resource does not exist: %s", arn);
	return r < 0 ? -1 : 0;
}

static int tag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, tag_resource);
	struct towpath_string_map tags;

	if (fleet_tags_check(&req->tags, err) < 0 ||
		need_resource(e, tx, req->resource_arn, a, err) < 0)
		return -1;
	TAG_MAP(a, &req->tags, &tags);
	return store_tags_add(tx, req->resource_arn, &tags, TOO_MANY, a, err);
}
FLEET_DEFINE(ecs, tag_resource, fleet_write)

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, untag_resource);

	return need_resource(e, tx, req->resource_arn, a, err) < 0
		       ? -1
		       : store_tags_remove(
				 tx, req->resource_arn, req->tag_keys.v, req->tag_keys.n, a, err);
}
FLEET_DEFINE(ecs, untag_resource, fleet_write)

static int list_tags_for_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, list_tags_for_resource);

	if (need_resource(e, tx, req->resource_arn, a, err) < 0)
		return -1;
	return fleet_tags_of(tx, req->resource_arn, a, &resp->tags, err);
}
FLEET_DEFINE(ecs, list_tags_for_resource, fleet_read)

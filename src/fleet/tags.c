/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of clusters, services, tasks, task sets and task definitions. */
#include <string.h>

#include "fleet/containers.h"

#define TAGS_MAX 50
#define RESERVED "aws:"

int fleet_tags_of(
	struct db_tx *tx, const char *arn, struct arena *a, struct ecs_tags *ret, struct err *err)
{
	struct towpath_string_map map;
	int r = store_document_get(tx, &STORE_RESOURCE_TAGS, arn, a, &map, err);

	if (r < 0)
		return -1;
	wire_list_alloc(a, ret, r > 0 ? map.n : 0);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = (struct ecs_tag){map.v[i].key, map.v[i].value};
	return 0;
}

int fleet_tags_put(struct db_tx *tx, const char *arn, const struct ecs_tags *tags, struct arena *a,
	struct err *err)
{
	struct towpath_string_map map = {0};

	if (!tags->n)
		return store_document_delete(tx, &STORE_RESOURCE_TAGS, arn, err);
	wire_list_alloc(a, &map, tags->n);
	for (size_t i = 0; i < tags->n; i++)
		map.v[i] = (struct towpath_string_map_kv){
			tags->v[i].key, tags->v[i].value ? tags->v[i].value : ""};
	return store_document_put(tx, &STORE_RESOURCE_TAGS, arn, NULL, &map, err);
}

int fleet_tags_check(const struct ecs_tags *tags, struct err *err)
{
	wire_foreach (tag, tags) {
		if (!tag->key || !*tag->key)
			return err_set_wire(err, "InvalidParameterException", "A tag has no key.");
		if (starts_with(tag->key, RESERVED))
			return err_set_wire(err, "InvalidParameterException",
				"Tag keys that begin with " RESERVED " are reserved: '%s'",
				tag->key);
	}
	if (tags->n > TAGS_MAX)
		return err_set_wire(err, "InvalidParameterException",
			"Too many tags. A resource may have up to %d.", TAGS_MAX);
	return 0;
}

/* Those that users have given; the others do not count. */
static size_t count_own(const struct ecs_tags *tags)
{
	size_t n = 0;

	wire_foreach (tag, tags)
		n += !starts_with(tag->key, RESERVED);
	return n;
}

/* Of two with the same key the upper one. */
static void merge(const struct ecs_tags *lower, const struct ecs_tags *upper, struct arena *a,
	struct ecs_tags *ret)
{
	wire_list_alloc(a, ret, lower->n + upper->n);
	ret->n = 0;
	wire_foreach (tag, lower) {
		bool again = false;

		wire_foreach (new, upper)
			again |= streq(new->key, tag->key);
		if (!again)
			ret->v[ret->n++] = *tag;
	}
	wire_foreach (new, upper)
		ret->v[ret->n++] = *new;
}

int fleet_tags_for_task(struct db_tx *tx, const struct fleet_task_tags *from, struct arena *a,
	struct ecs_tags *ret, struct err *err)
{
	struct ecs_tags handed_on = {0}, managed = {0}, both;

	if (from->source_arn && fleet_tags_of(tx, from->source_arn, a, &handed_on, err) < 0)
		return -1;
	if (from->managed) {
		wire_list_alloc(a, &managed, 2);
		managed.n = from->service_name ? 2 : 1;
		managed.v[0] =
			(struct ecs_tag){"aws:ecs:clusterName", fleet_last_part(from->cluster_arn)};
		managed.v[1] = (struct ecs_tag){"aws:ecs:serviceName", from->service_name};
	}
	merge(&handed_on, from->own ? from->own : &(struct ecs_tags){0}, a, &both);
	merge(&both, &managed, a, ret);
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
	struct ecs_tags have, all;

	if (fleet_tags_check(&req->tags, err) < 0 ||
		need_resource(e, tx, req->resource_arn, a, err) < 0 ||
		fleet_tags_of(tx, req->resource_arn, a, &have, err) < 0)
		return -1;
	merge(&have, &req->tags, a, &all);
	if (count_own(&all) > TAGS_MAX)
		return err_set_wire(err, "InvalidParameterException",
			"Too many tags. A resource may have up to %d.", TAGS_MAX);
	return fleet_tags_put(tx, req->resource_arn, &all, a, err);
}
FLEET_DEFINE(ecs, tag_resource, fleet_write)

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, untag_resource);
	struct ecs_tags have, left;

	if (need_resource(e, tx, req->resource_arn, a, err) < 0 ||
		fleet_tags_of(tx, req->resource_arn, a, &have, err) < 0)
		return -1;
	wire_list_alloc(a, &left, have.n);
	left.n = 0;
	wire_foreach (tag, &have) {
		bool gone = false;

		wire_foreach (key, &req->tag_keys)
			gone |= streq(*key, tag->key);
		if (!gone)
			left.v[left.n++] = *tag;
	}
	return fleet_tags_put(tx, req->resource_arn, &left, a, err);
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

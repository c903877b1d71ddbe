/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of load balancers, target groups, listeners and rules. */
#include <string.h>

#include "fleet/balancer.h"
#include "store/resource_tags.h"
#include "store/string_map.h"

#define TOO_MANY "TooManyTagsException"

typedef struct towpath_string_map tags;

/* Fails with the service's error unless there is such a thing. */
static int need(struct db_tx *tx, const char *arn, struct arena *a, struct err *err)
{
	struct elbv2_load_balancer lb;
	struct elbv2_target_group tg;
	struct elbv2_listener l;
	struct elbv2_rule rule;

	if (strstr(arn, ":loadbalancer/"))
		return fleet_balancer_need(tx, arn, a, &lb, err);
	if (strstr(arn, ":targetgroup/"))
		return fleet_target_group_need(tx, arn, a, &tg, err);
	if (strstr(arn, ":listener/"))
		return fleet_listener_need(tx, arn, a, &l, err);
	if (strstr(arn, ":listener-rule/"))
		return fleet_rule_need(tx, arn, a, &rule, err);
	return err_set_wire(err, "ValidationError",
		"'%s' is not a valid load balancer, target group, listener or rule ARN", arn);
}

static int load(struct db_tx *tx, const char *arn, struct arena *a, tags *ret, struct err *err)
{
	struct towpath_fleet_target_group more;
	int r;

	if (need(tx, arn, a, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_TARGET_GROUP_MORE, arn, a, &more, err);
	if (r > 0)
		*ret = more.tags;
	else if (r == 0)
		r = store_tags_read(tx, arn, a, ret, err);
	return r < 0 ? -1 : 0;
}

static int too_many(struct err *err)
{
	return err_set_wire(err, TOO_MANY, "A resource has at most %d tags", STORE_TAGS_MAX);
}

static int save(struct db_tx *tx, const char *arn, const tags *t, struct arena *a, struct err *err)
{
	struct towpath_fleet_target_group more = {0};
	int r = store_document_get(tx, &STORE_TARGET_GROUP_MORE, arn, a, &more, err);

	if (r <= 0)
		return r < 0 ? -1 : store_tags_set(tx, arn, t, TOO_MANY, a, err);
	if (t->n > STORE_TAGS_MAX)
		return too_many(err);
	more.tags = *t;
	return store_document_put(tx, &STORE_TARGET_GROUP_MORE, arn, NULL, &more, err);
}

static int add(tags *t, const struct elbv2_tag_list *new, struct arena *a, struct err *err)
{
	if (new->n > STORE_TAGS_MAX)
		return too_many(err);
	for (size_t i = 0; i < new->n; i++) {
		const struct elbv2_tag *tag = &new->v[i];

		for (size_t k = 0; k < i; k++)
			if (streq(new->v[k].key, tag->key))
				return err_set_wire(err, "DuplicateTagKeysException",
					"The tag key '%s' was given twice", tag->key);
		string_map_put(t, tag->key, tag->value, a);
	}
	return 0;
}

int fleet_balancer_tags_put(struct db_tx *tx, const char *arn, const struct elbv2_tag_list *list,
	struct arena *a, struct err *err)
{
	tags t = {0};

	return add(&t, list, a, err) < 0 ? -1 : save(tx, arn, &t, a, err);
}

static int add_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, add_tags);

	wire_foreach (arn, &req->resource_arns) {
		tags t;

		if (load(tx, *arn, a, &t, err) < 0 || add(&t, &req->tags, a, err) < 0 ||
			save(tx, *arn, &t, a, err) < 0)
			return -1;
	}
	return 0;
}
FLEET_DEFINE(elbv2, add_tags, fleet_write)

static int remove_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, remove_tags);

	wire_foreach (arn, &req->resource_arns) {
		tags t;

		if (load(tx, *arn, a, &t, err) < 0)
			return -1;
		wire_foreach (key, &req->tag_keys)
			string_map_drop(&t, *key);
		if (save(tx, *arn, &t, a, err) < 0)
			return -1;
	}
	return 0;
}
FLEET_DEFINE(elbv2, remove_tags, fleet_write)

static int describe_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_tags);

	wire_list_alloc(a, &resp->tag_descriptions, req->resource_arns.n);
	for (size_t i = 0; i < req->resource_arns.n; i++) {
		struct elbv2_tag_description *d = &resp->tag_descriptions.v[i];
		tags t;

		if (load(tx, req->resource_arns.v[i], a, &t, err) < 0)
			return -1;
		d->resource_arn = req->resource_arns.v[i];
		TAG_LIST(a, &t, &d->tags);
	}
	return 0;
}
FLEET_DEFINE(elbv2, describe_tags, fleet_read)

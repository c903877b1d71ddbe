/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters, names, client tokens and pages: operations of ecs. */
#include <ctype.h>
#include <stdlib.h>

#include "base/id.h"
#include "fleet/capacity.h"
#include "store/string_map.h"

#define PAGE 100
#define NAME_MAX_LENGTH 255

bool fleet_ecs_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return false;
	return *name && strlen(name) <= NAME_MAX_LENGTH;
}

const char *fleet_last_part(const char *arn)
{
	const char *slash = arn ? strrchr(arn, '/') : NULL;

	return slash ? slash + 1 : arn;
}

static char *cluster_arn(struct fleet_engine *e, struct arena *a, const char *name)
{
	return fleet_arn(
		e, a, "ecs", "cluster/%s", name && *name ? fleet_last_part(name) : "default");
}

int fleet_cluster_need(struct fleet_engine *e, struct db_tx *tx, const char *name, struct arena *a,
	struct ecs_cluster *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_CLUSTER, cluster_arn(e, a, name), a, ret, err);

	if (r < 0)
		return -1;
	if (r == 0 || !streq(ret->status, "ACTIVE"))
		return err_set_wire(err, "ClusterNotFoundException", "Cluster not found.");
	return 0;
}

/* ---- tokens and pages ---- */

static const char *token_row(const struct fleet_token *t, struct arena *a)
{
	return t->token && *t->token ? arena_printf(a, "%s|%s", t->scope, t->token) : NULL;
}

int fleet_token_get(struct db_tx *tx, const struct fleet_token *t, struct arena *a,
	const char **ret_arn, struct err *err)
{
	const char *row = token_row(t, a), *digest;
	struct towpath_string_map made;
	int r;

	if (!row)
		return 0;
	r = store_document_get(tx, &STORE_TASK_TOKEN, row, a, &made, err);
	if (r <= 0)
		return r;
	digest = string_map_get(&made, "digest");
	if (t->digest && digest && !streq(t->digest, digest))
		return err_set_wire(err, "ConflictException",
			"The clientToken %s is already in use with a different request.", t->token);
	*ret_arn = string_map_get(&made, "arn");
	return 1;
}

int fleet_token_put(struct db_tx *tx, const struct fleet_token *t, const char *arn, struct arena *a,
	struct err *err)
{
	const char *row = token_row(t, a);
	struct towpath_string_map made = {0};

	if (!row)
		return 0;
	wire_list_alloc(a, &made, 2);
	made.v[0] = (struct towpath_string_map_kv){"arn", arn};
	made.v[1] = (struct towpath_string_map_kv){"digest", t->digest};
	made.n = t->digest ? 2 : 1;
	return store_document_put(tx, &STORE_TASK_TOKEN, row, NULL, &made, err);
}

/* The last one shown may have left the list since. */
static size_t behind(const char *const *arns, size_t n, const char *last)
{
	for (size_t i = 0; i < n; i++)
		if (streq(arns[i], last))
			return i + 1;
	for (size_t i = 0; i < n; i++)
		if (strcmp(arns[i], last) > 0)
			return i;
	return n;
}

void fleet_page(const char *const *arns, size_t n, const char *next_token, struct wire_int max,
	struct arena *a, struct ecs_string_list *ret, const char **ret_token)
{
	size_t limit = (size_t)MAX(MIN(wire_or(max, PAGE), PAGE), 1);
	size_t from = next_token ? behind(arns, n, next_token) : 0;

	wire_list_alloc(a, ret, MIN(n - from, limit));
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = arns[from + i];
	*ret_token = from + ret->n < n ? ret->v[ret->n - 1] : NULL;
}

/* ---- operations ---- */

static int count_cluster(struct fleet_engine *e, struct db_tx *tx, struct ecs_cluster *c,
	struct arena *a, struct err *err)
{
	struct fleet_tasks tasks;
	struct fleet_counts counts;
	struct store_documents services;
	int active = 0;

	if (fleet_tasks_in(e, tx, c->cluster_name, a, &tasks, err) < 0 ||
		store_document_list(tx, &STORE_SERVICE,
			&(struct store_document_filter){.owner = c->cluster_arn}, a, &services,
			err) < 0)
		return -1;
	for (size_t i = 0; i < services.n; i++)
		active += !streq(((struct ecs_service *)services.v[i])->status, SERVICE_INACTIVE);
	counts = fleet_counts_of(&tasks, NULL);
	c->running_tasks_count = WIRE_SET_INT(counts.running);
	c->pending_tasks_count = WIRE_SET_INT(counts.pending);
	c->active_services_count = WIRE_SET_INT(active);
	c->registered_container_instances_count = WIRE_SET_INT(0);
	return 0;
}

static int refuse_unbuilt(const void *configuration, const void *connect, struct err *err)
{
	if (!configuration && !connect)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "%s of a cluster is not implemented; leave it out",
		configuration ? "configuration" : "serviceConnectDefaults");
}

static int create_cluster_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, create_cluster);
	const char *name = req->cluster_name && *req->cluster_name ? req->cluster_name : "default";
	struct ecs_cluster *c = arena_new(a, struct ecs_cluster);
	int r;

	if (!fleet_ecs_name(name))
		return err_set_wire(err, "InvalidParameterException",
			"The cluster name '%s' may have letters, numbers, hyphens and underscores, "
			"at most 255.",
			name);
	r = store_document_get(tx, &STORE_CLUSTER, cluster_arn(e, a, name), a, c, err);
	if (r < 0 || fleet_tags_check(&req->tags, err) < 0)
		return -1;
	if (refuse_unbuilt(req->configuration, req->service_connect_defaults, err) < 0)
		return -1;
	if (r == 0 || !streq(c->status, "ACTIVE")) {
		*c = (struct ecs_cluster){
			.cluster_arn = cluster_arn(e, a, name),
			.cluster_name = name,
			.status = "ACTIVE",
			.settings = req->settings,
			.capacity_providers = req->capacity_providers,
			.default_capacity_provider_strategy =
				req->default_capacity_provider_strategy,
		};
		c->capacity_providers.set = c->default_capacity_provider_strategy.set = true;
		if (fleet_capacity_of_cluster(c, err) < 0 ||
			store_document_put(tx, &STORE_CLUSTER, c->cluster_arn, NULL, c, err) < 0 ||
			fleet_tags_put(tx, c->cluster_arn, &req->tags, a, err) < 0)
			return -1;
	}
	resp->cluster = c;
	if (fleet_tags_of(tx, c->cluster_arn, a, &c->tags, err) < 0)
		return -1;
	return count_cluster(e, tx, c, a, err);
}
FLEET_DEFINE(ecs, create_cluster, fleet_write)

/* Of two settings with the same name the new one. */
static int change_settings(struct fleet_engine *e, struct db_tx *tx, const char *name,
	const struct ecs_cluster_settings *settings, struct arena *a, struct ecs_cluster **ret,
	struct err *err)
{
	struct ecs_cluster *c = *ret = arena_new(a, struct ecs_cluster);
	struct ecs_cluster_settings old;

	if (fleet_cluster_need(e, tx, name, a, c, err) < 0)
		return -1;
	old = c->settings;
	wire_list_alloc(a, &c->settings, old.n + settings->n);
	c->settings.n = 0;
	wire_foreach (s, &old) {
		bool again = false;

		wire_foreach (new, settings)
			again |= streq(new->name, s->name);
		if (!again)
			c->settings.v[c->settings.n++] = *s;
	}
	wire_foreach (new, settings)
		c->settings.v[c->settings.n++] = *new;
	if (store_document_put(tx, &STORE_CLUSTER, c->cluster_arn, NULL, c, err) < 0)
		return -1;
	return count_cluster(e, tx, c, a, err);
}

static int update_cluster_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, update_cluster);

	if (refuse_unbuilt(req->configuration, req->service_connect_defaults, err) < 0)
		return -1;
	return change_settings(e, tx, req->cluster, &req->settings, a, &resp->cluster, err);
}
FLEET_DEFINE(ecs, update_cluster, fleet_write)

static int update_cluster_settings_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, update_cluster_settings);

	return change_settings(e, tx, req->cluster, &req->settings, a, &resp->cluster, err);
}
FLEET_DEFINE(ecs, update_cluster_settings, fleet_write)

static int delete_cluster_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, delete_cluster);
	struct ecs_cluster *c = arena_new(a, struct ecs_cluster);

	if (fleet_cluster_need(e, tx, req->cluster, a, c, err) < 0 ||
		count_cluster(e, tx, c, a, err) < 0)
		return -1;
	if (c->active_services_count.v)
		return err_set_wire(err, "ClusterContainsServicesException",
			"The Cluster cannot be deleted while Services are active.");
	if (c->running_tasks_count.v || c->pending_tasks_count.v)
		return err_set_wire(err, "ClusterContainsTasksException",
			"The Cluster cannot be deleted while Tasks are active.");
	c->status = "INACTIVE";
	resp->cluster = c;
	return store_document_put(tx, &STORE_CLUSTER, c->cluster_arn, NULL, c, err);
}
FLEET_DEFINE(ecs, delete_cluster, fleet_write)

static bool included(const struct ecs_cluster_field_list *include, const char *what)
{
	wire_foreach (field, include) {
		if (streq(*field, what))
			return true;
	}
	return false;
}

static int describe_clusters_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, describe_clusters);
	static const char *dflt[] = {"default"};
	const char **names = req->clusters.n ? req->clusters.v : dflt;
	size_t n = req->clusters.n ? req->clusters.n : 1;

	wire_list_alloc(a, &resp->clusters, n);
	wire_list_alloc(a, &resp->failures, n);
	resp->clusters.n = resp->failures.n = 0;
	for (size_t i = 0; i < n; i++) {
		const char *arn = cluster_arn(e, a, names[i]);
		struct ecs_cluster c;
		int r = store_document_get(tx, &STORE_CLUSTER, arn, a, &c, err);

		if (r < 0)
			return -1;
		if (r == 0) {
			resp->failures.v[resp->failures.n++] =
				(struct ecs_failure){.arn = arn, .reason = "MISSING"};
			continue;
		}
		if (count_cluster(e, tx, &c, a, err) < 0 ||
			(included(&req->include, "TAGS") &&
				fleet_tags_of(tx, arn, a, &c.tags, err) < 0))
			return -1;
		resp->clusters.v[resp->clusters.n++] = c;
	}
	return 0;
}
FLEET_DEFINE(ecs, describe_clusters, fleet_read)

static int list_clusters_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, list_clusters);
	struct store_documents all;
	size_t n = 0;

	if (store_document_list(tx, &STORE_CLUSTER, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (streq(((struct ecs_cluster *)all.v[i])->status, "ACTIVE"))
			all.ids[n++] = all.ids[i];
	fleet_page(all.ids, n, req->next_token, req->max_results, a, &resp->cluster_arns,
		&resp->next_token);
	return 0;
}
FLEET_DEFINE(ecs, list_clusters, fleet_read)

/* ---- container instances: tasks run on this host, which is not registered as one ---- */

static int list_container_instances_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, list_container_instances);
	struct ecs_cluster c;

	resp->container_instance_arns.set = true;
	return fleet_cluster_need(e, tx, req->cluster, a, &c, err);
}
FLEET_DEFINE(ecs, list_container_instances, fleet_read)

static int describe_container_instances_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, describe_container_instances);
	struct ecs_cluster c;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0)
		return -1;
	resp->container_instances.set = true;
	wire_list_alloc(a, &resp->failures, req->container_instances.n);
	for (size_t i = 0; i < resp->failures.n; i++)
		resp->failures.v[i] = (struct ecs_failure){
			.arn = req->container_instances.v[i], .reason = "MISSING"};
	return 0;
}
FLEET_DEFINE(ecs, describe_container_instances, fleet_read)

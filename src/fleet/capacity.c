/* SPDX-License-Identifier: Apache-2.0 */
/* Capacity providers: FARGATE and FARGATE_SPOT, which every account has; clusters are given them,
 * and a strategy says how tasks are spread over them. Both run tasks as the launch type FARGATE
 * does. */
#include "fleet/capacity.h"

#define INVALID "InvalidParameterException"
#define BASE_MAX 100000
#define WEIGHT_MAX 1000

static const char *const built_in[] = {"FARGATE", "FARGATE_SPOT"};

static bool known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(built_in); i++)
		if (streq(name, built_in[i]))
			return true;
	return false;
}

static bool has(const struct ecs_string_list *names, const char *name)
{
	wire_foreach (n, names) {
		if (streq(*n, name))
			return true;
	}
	return false;
}

const char *fleet_capacity_launch_type(
	const char *launch_type, const struct ecs_capacity_provider_strategy *s)
{
	return s->n ? "FARGATE" : launch_type ? launch_type : "EC2";
}

/* ---- checks ---- */

static int check_item(const struct ecs_string_list *providers,
	const struct ecs_capacity_provider_strategy_item *item, struct err *err)
{
	int64_t base = wire_or(item->base, 0), weight = wire_or(item->weight, 0);

	if (!has(providers, item->capacity_provider)) {
		err_set_wire(err, INVALID,
			"The specified capacity provider strategy cannot contain a capacity "
			"provider that is not associated with the cluster: %s.",
			item->capacity_provider);
		return err_hint(err, "associate it by PutClusterCapacityProviders");
	}
	if (base < 0 || base > BASE_MAX || weight < 0 || weight > WEIGHT_MAX)
		return err_set_wire(err, INVALID,
			"Capacity provider %s has base %lld and weight %lld; a base is from 0 to "
			"%d, a weight from 0 to %d.",
			item->capacity_provider, (long long)base, (long long)weight, BASE_MAX,
			WEIGHT_MAX);
	return 0;
}

static int check_strategy(const struct ecs_string_list *providers,
	const struct ecs_capacity_provider_strategy *s, struct err *err)
{
	size_t based = 0, weighted = 0;

	if (s->n > FLEET_CAPACITY_ITEMS)
		return err_set_wire(err, INVALID,
			"A capacity provider strategy can contain at most %d capacity providers.",
			FLEET_CAPACITY_ITEMS);
	for (size_t i = 0; i < s->n; i++) {
		if (check_item(providers, &s->v[i], err) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (streq(s->v[k].capacity_provider, s->v[i].capacity_provider))
				return err_set_wire(err, INVALID,
					"A capacity provider strategy cannot contain the capacity "
					"provider %s twice.",
					s->v[i].capacity_provider);
		based += wire_or(s->v[i].base, 0) > 0;
		weighted += wire_or(s->v[i].weight, 0) > 0;
	}
	if (based > 1)
		return err_set_wire(err, INVALID,
			"Only one capacity provider of a strategy can have a base above 0.");
	if (s->n > 1 && !weighted)
		return err_set_wire(err, INVALID,
			"At least one capacity provider of a strategy must have a weight above 0.");
	return 0;
}

int fleet_capacity_check(const struct ecs_cluster *c,
	const struct ecs_capacity_provider_strategy *s, const char *launch_type, struct err *err)
{
	if (s->n && launch_type)
		return err_set_wire(err, INVALID,
			"Specifying both a launch type and capacity provider strategy is not "
			"supported. Remove one and try again.");
	return check_strategy(&c->capacity_providers, s, err);
}

int fleet_capacity_of_cluster(const struct ecs_cluster *c, struct err *err)
{
	wire_foreach (name, &c->capacity_providers) {
		if (!known(*name)) {
			err_set_wire(err, INVALID,
				"The specified capacity provider '%s' was not found.", *name);
			return err_hint(err, "use FARGATE or FARGATE_SPOT");
		}
	}
	return check_strategy(&c->capacity_providers, &c->default_capacity_provider_strategy, err);
}

/* ---- placing ---- */

static const struct ecs_capacity_provider_strategy_item *less_used(
	const struct ecs_capacity_provider_strategy_item *v, size_t n, const int *placed)
{
	const struct ecs_capacity_provider_strategy_item *best = NULL;
	int64_t best_next = 0, best_weight = 1;

	for (size_t i = 0; i < n; i++) {
		int64_t weight = wire_or(v[i].weight, 0);
		int64_t next = placed[i] - wire_or(v[i].base, 0) + 1;

		if (!weight || (best && next * best_weight >= best_next * weight))
			continue;
		best = &v[i];
		best_next = next;
		best_weight = weight;
	}
	return best;
}

const char *fleet_capacity_next(
	const struct ecs_capacity_provider_strategy *s, const struct fleet_capacity_placed *placed)
{
	const struct ecs_capacity_provider_strategy_item *item;

	if (!s->n)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		if (placed->n[i] < wire_or(s->v[i].base, 0))
			return s->v[i].capacity_provider;
	item = less_used(s->v, s->n, placed->n);
	return item ? item->capacity_provider : s->v[0].capacity_provider;
}

void fleet_capacity_count(const struct ecs_capacity_provider_strategy *s, const char *provider,
	struct fleet_capacity_placed *placed)
{
	for (size_t i = 0; i < s->n; i++)
		placed->n[i] += streq(s->v[i].capacity_provider, provider);
}

struct fleet_capacity_placed fleet_capacity_placed(const struct ecs_capacity_provider_strategy *s,
	const struct fleet_tasks *tasks, const char *set_id)
{
	struct fleet_capacity_placed placed = {0};

	for (size_t i = 0; i < tasks->n; i++) {
		const struct fleet_task *t = &tasks->v[i];

		if (streq(t->s.set_id, set_id) && fleet_task_wanted(t))
			fleet_capacity_count(s, t->t.capacity_provider_name, &placed);
	}
	return placed;
}

/* ---- operations ---- */

/* The provider that running tasks or services of the cluster have, and that `left` has not. */
static int used_without(struct fleet_engine *e, struct db_tx *tx, const struct ecs_cluster *c,
	const struct ecs_string_list *left, struct arena *a, const char **ret, struct err *err)
{
	struct store_documents services;
	struct fleet_tasks tasks;

	if (fleet_tasks_in(e, tx, c->cluster_name, a, &tasks, err) < 0 ||
		store_document_list(tx, &STORE_SERVICE,
			&(struct store_document_filter){.owner = c->cluster_arn}, a, &services,
			err) < 0)
		return -1;
	for (size_t i = 0; i < tasks.n; i++) {
		const char *name = tasks.v[i].t.capacity_provider_name;

		if (name && fleet_task_status(&tasks.v[i]) != TASK_STOPPED && !has(left, name))
			*ret = name;
	}
	for (size_t i = 0; i < services.n; i++) {
		const struct ecs_service *s = services.v[i];

		if (streq(s->status, SERVICE_INACTIVE))
			continue;
		wire_foreach (item, &s->capacity_provider_strategy) {
			if (!has(left, item->capacity_provider))
				*ret = item->capacity_provider;
		}
	}
	return 0;
}

static int put_cluster_capacity_providers_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, put_cluster_capacity_providers);
	struct ecs_cluster *c = arena_new(a, struct ecs_cluster);
	const char *used = NULL;

	if (fleet_cluster_need(e, tx, req->cluster, a, c, err) < 0 ||
		used_without(e, tx, c, &req->capacity_providers, a, &used, err) < 0)
		return -1;
	c->capacity_providers = req->capacity_providers;
	c->default_capacity_provider_strategy = req->default_capacity_provider_strategy;
	if (fleet_capacity_of_cluster(c, err) < 0)
		return -1;
	if (used)
		return err_set_wire(err, "ResourceInUseException",
			"The capacity provider %s is in use by tasks or services of the cluster "
			"and cannot be removed.",
			used);
	resp->cluster = c;
	return store_document_put(tx, &STORE_CLUSTER, c->cluster_arn, NULL, c, err);
}
FLEET_DEFINE(ecs, put_cluster_capacity_providers, fleet_write)

static int describe_capacity_providers_step(
	struct db_tx *tx UNUSED, void *arg, struct err *err UNUSED)
{
	FLEET_OP_ARGS(ecs, describe_capacity_providers);
	struct ecs_string_list all = {
		.v = (const char **)built_in, .n = ARRAY_SIZE(built_in), .set = true};
	const struct ecs_string_list *names =
		req->capacity_providers.n ? &req->capacity_providers : &all;

	wire_list_alloc(a, &resp->capacity_providers, names->n);
	wire_list_alloc(a, &resp->failures, names->n);
	resp->capacity_providers.n = resp->failures.n = 0;
	wire_foreach (asked, names) {
		const char *name = fleet_last_part(*asked);
		const char *arn = fleet_arn(e, a, "ecs", "capacity-provider/%s", name);

		if (known(name))
			resp->capacity_providers.v[resp->capacity_providers.n++] =
				(struct ecs_capacity_provider){
					.capacity_provider_arn = arn,
					.name = name,
					.status = "ACTIVE",
					.type = name,
				};
		else
			resp->failures.v[resp->failures.n++] =
				(struct ecs_failure){.arn = arn, .reason = "MISSING"};
	}
	return 0;
}
FLEET_DEFINE(ecs, describe_capacity_providers, fleet_read)

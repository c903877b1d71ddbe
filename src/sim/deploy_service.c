/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated container service. */
#include "sim/deploy_service.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "sim/deploy_world.h"

#define UP_AFTER (20 * USEC_PER_SEC)
#define GONE_AFTER (10 * USEC_PER_SEC)
#define CRASH_EVERY (7 * USEC_PER_SEC)
#define SICK_AFTER (80 * USEC_PER_SEC)
#define HOOK_TAKES (30 * USEC_PER_SEC)
#define ARN "arn:aws:ecs:us-east-1:123456789012:service/prod/web"

static int64_t now(const struct sim_service *s)
{
	return clock_now(s->clock);
}

static struct sim_task_set *add_set(struct sim_service *s, const char *external_id,
	const char *task_definition, const char *group)
{
	struct sim_task_set *set = &s->sets[s->n];

	if (s->n == SIM_SERVICE_SETS)
		BUG("more than %d simulated task sets", SIM_SERVICE_SETS);
	*set = (struct sim_task_set){.there = true, .created_usec = now(s)};
	snprintf(set->id, sizeof(set->id), "ecs-svc/%019zu", ++s->n);
	snprintf(set->external_id, sizeof(set->external_id), "%s", external_id);
	snprintf(set->task_definition, sizeof(set->task_definition), "%s", task_definition);
	snprintf(set->group, sizeof(set->group), "%s", group);
	return set;
}

void sim_service_init(struct sim_service *s, struct clock *clock)
{
	struct sim_task_set *set;

	*s = (struct sim_service){.clock = clock, .desired = 2};
	set = add_set(s, "", "web:1", "a");
	set->primary = true;
	set->created_usec -= UP_AFTER;
}

const struct sim_task_set *sim_service_behind(const struct sim_service *s, const char *group)
{
	for (size_t i = s->n; i-- > 0;)
		if (s->sets[i].there && !s->sets[i].draining_usec && streq(s->sets[i].group, group))
			return &s->sets[i];
	return NULL;
}

static void settle(struct sim_service *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->clings && s->sets[i].draining_usec &&
			now(s) >= s->sets[i].draining_usec + GONE_AFTER)
			s->sets[i].there = false;
}

static void describe(
	const struct sim_service *s, const struct sim_task_set *set, struct deploy_set *ret)
{
	const char *how = set->task_definition;
	int64_t age = now(s) - set->created_usec;
	bool up = age >= UP_AFTER && !strstr(how, "crash");
	bool healthy = up && !strstr(how, "slow") && !(strstr(how, "sick") && age >= SICK_AFTER);

	*ret = (struct deploy_set){
		.id = set->id,
		.external_id = set->external_id[0] ? set->external_id : NULL,
		.task_definition = set->task_definition,
		.target_group = set->group,
		.status = set->draining_usec ? DEPLOY_SET_DRAINING
			  : set->primary     ? DEPLOY_SET_PRIMARY
					     : DEPLOY_SET_ACTIVE,
		.desired = s->desired,
		.running = up ? s->desired : 0,
		.pending = up ? 0 : s->desired,
		.steady = up,
		.targets = up ? s->desired : 0,
		.healthy = healthy ? s->desired : 0,
		.failed = strstr(how, "crash") ? (int)(age / CRASH_EVERY) : 0,
	};
	if (strstr(how, "crash"))
		ret->trouble = "Task 1: the container web exited with code 1.";
	else if (up && !healthy)
		ret->trouble = "Target 10.0.0.1:80: health checks failed with these codes: [500]";
}

static int service_get(void *arg, const char *cluster, const char *name, struct arena *a,
	struct deploy_service *ret, struct err *err)
{
	struct sim_service *s = sim_deploy_service(arg);

	if (s->missing || !streq(cluster, "prod") || !streq(name, "web"))
		return err_set(err, ERR_NOT_FOUND, "there is no service %s in the cluster %s", name,
			cluster);
	settle(s);
	*ret = (struct deploy_service){.arn = ARN,
		.cluster = "prod",
		.name = "web",
		.active = true,
		.code_deploy = !s->rolling,
		.sets = arena_new_n(a, s->n + 1, struct deploy_set)};
	for (size_t i = 0; i < s->n; i++)
		if (s->sets[i].there)
			describe(s, &s->sets[i], &ret->sets[ret->n++]);
	return 0;
}

static int task_definition_get(void *arg, const char *name, struct arena *a,
	struct deploy_task_definition *ret, struct err *err)
{
	static const int ports[] = {80, 8080};

	(void)arg;
	if (strstr(name, "missing"))
		return err_set(err, ERR_NOT_FOUND, "there is no task definition %s", name);
	*ret = (struct deploy_task_definition){
		.arn = arena_strdup(a, name), .active = true, .n = 2};
	ret->containers = arena_new_n(a, 2, struct deploy_container);
	ret->containers[0] = (struct deploy_container){"web", ports, 2};
	ret->containers[1] = (struct deploy_container){"logger", ports, 0};
	return 0;
}

static struct sim_task_set *find_set(struct sim_service *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->sets[i].there && streq(s->sets[i].id, id))
			return &s->sets[i];
	return NULL;
}

static int set_create(void *arg, const struct deploy_set_wish *wish, struct arena *a,
	const char **ret_id, struct err *err)
{
	struct sim_service *s = sim_deploy_service(arg);
	struct sim_task_set *set = NULL;

	(void)err;
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->sets[i].external_id, wish->external_id))
			set = &s->sets[i];
	if (!set)
		set = add_set(s, wish->external_id, wish->task_definition, wish->target_group);
	*ret_id = arena_strdup(a, set->id);
	return 0;
}

static int set_promote(
	void *arg, const char *cluster, const char *service, const char *id, struct err *err)
{
	struct sim_service *s = sim_deploy_service(arg);
	struct sim_task_set *set = find_set(s, id);

	(void)cluster;
	(void)service;
	if (!set)
		return err_set(err, ERR_NOT_FOUND, "there is no task set %s", id);
	for (size_t i = 0; i < s->n; i++)
		s->sets[i].primary = false;
	set->primary = true;
	return 0;
}

static int set_delete(
	void *arg, const char *cluster, const char *service, const char *id, struct err *err)
{
	struct sim_task_set *set = find_set(sim_deploy_service(arg), id);

	(void)cluster;
	(void)service;
	(void)err;
	if (set && !set->draining_usec)
		set->draining_usec = now(sim_deploy_service(arg));
	return 0;
}

static int listener_shift(void *arg, const struct deploy_shift *shift, struct err *err)
{
	struct sim_service *s = sim_deploy_service(arg);
	int share = streq(shift->group, "b") ? shift->weight : 100 - shift->weight;

	(void)err;
	if (streq(shift->listener, SIM_TEST_LISTENER)) {
		s->test_share = share;
		return 0;
	}
	if (share == s->share)
		return 0;
	if (s->n_moves == SIM_SERVICE_MOVES)
		BUG("more than %d simulated shifts", SIM_SERVICE_MOVES);
	s->share = share;
	s->moves[s->n_moves++] = (struct sim_move){now(s), share};
	return 0;
}

static int listener_forwards(
	void *arg, const char *listener, const char *group, bool *ret, struct err *err)
{
	struct sim_service *s = sim_deploy_service(arg);

	if (!streq(listener, SIM_LISTENER) && !streq(listener, SIM_TEST_LISTENER))
		return err_set(err, ERR_NOT_FOUND, "there is no listener %s", listener);
	*ret = streq(group, "a") || (streq(group, "b") && (s->n_moves || s->test_share));
	return 0;
}

/* ---- hooks ---- */

static struct sim_hook_run *find_run(struct sim_service *s, const char *id)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (streq(s->runs[i].id, id))
			return &s->runs[i];
	return NULL;
}

static int hook_start(void *arg, const struct deploy_hook_wish *wish, struct arena *a,
	const char **ret_run, struct err *err)
{
	struct sim_service *s = sim_deploy_service(arg);
	struct sim_hook_run *run = find_run(s, wish->id);

	if (strstr(wish->what, "missing"))
		return err_set(err, ERR_NOT_FOUND, "there is no project %s", wish->what);
	if (!run && s->n_runs == SIM_SERVICE_RUNS)
		BUG("more than %d simulated hooks", SIM_SERVICE_RUNS);
	if (!run) {
		run = &s->runs[s->n_runs++];
		snprintf(run->id, sizeof(run->id), "%s", wish->id);
		snprintf(run->what, sizeof(run->what), "%s", wish->what);
		run->started_usec = now(s);
	}
	*ret_run = arena_strdup(a, run->id);
	return 0;
}

static int hook_look(void *arg, const char *id, struct arena *a, enum deploy_hook_state *ret,
	const char **ret_why, struct err *err)
{
	struct sim_service *s = sim_deploy_service(arg);
	const struct sim_hook_run *run = find_run(s, id);

	(void)a;
	if (!run)
		return err_set(err, ERR_NOT_FOUND, "there is no run %s", id);
	*ret = DEPLOY_HOOK_RUNS;
	*ret_why = NULL;
	if (strstr(run->what, "hang") || now(s) < run->started_usec + HOOK_TAKES)
		return 0;
	*ret = strstr(run->what, "fail") ? DEPLOY_HOOK_FAILED : DEPLOY_HOOK_SUCCEEDED;
	if (*ret == DEPLOY_HOOK_FAILED)
		*ret_why = "Phase BUILD: exit status 1";
	return 0;
}

static int hook_stop(void *arg, const char *id, struct err *err)
{
	struct sim_hook_run *run = find_run(sim_deploy_service(arg), id);

	(void)err;
	if (run)
		run->stopped = true;
	return 0;
}

static int appspec_read(void *arg, const struct deploy_reader *by UNUSED, const char *bucket,
	const char *key, const char *version, const char *bundle_type, struct arena *a,
	const char **ret_name, struct str *ret, struct err *err)
{
	const struct sim_service *s = sim_deploy_service(arg);

	(void)version;
	(void)bundle_type;
	if (!s->appspec)
		return err_set(err, ERR_NOT_FOUND, "there is no object s3://%s/%s", bucket, key);
	*ret_name = arena_printf(a, "s3://%s/%s", bucket, key);
	str_add(ret, s->appspec);
	return 0;
}

void sim_service_ports(struct deploy_ports *ret)
{
	ret->service_get = service_get;
	ret->task_definition_get = task_definition_get;
	ret->set_create = set_create;
	ret->set_promote = set_promote;
	ret->set_delete = set_delete;
	ret->listener_shift = listener_shift;
	ret->listener_forwards = listener_forwards;
	ret->hook_start = hook_start;
	ret->hook_look = hook_look;
	ret->hook_stop = hook_stop;
	ret->appspec_read = appspec_read;
}

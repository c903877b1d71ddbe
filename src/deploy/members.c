/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts belong to a deployment group. */
#include "deploy/members.h"

#include "base/mem.h"

/* '*' stands for any text; all else for itself. */
static bool value_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *mark = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			mark = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool deploy_filter_matches(
	const struct deploy_filter *f, const struct deploy_tag *tags, size_t n_tags)
{
	bool wants_key = !streq(f->type, CODEDEPLOY_EC2_TAG_FILTER_TYPE_VALUE_ONLY);
	bool wants_value = !streq(f->type, CODEDEPLOY_EC2_TAG_FILTER_TYPE_KEY_ONLY);

	for (size_t i = 0; i < n_tags; i++) {
		const char *value = tags[i].value ? tags[i].value : "";

		if (wants_key && !streq(f->key ? f->key : "", tags[i].key))
			continue;
		if (!wants_value || value_matches(f->value ? f->value : "", value))
			return true;
	}
	return false;
}

static bool any_ec2(const struct codedeploy_ec2_tag_filter_list *filters,
	const struct deploy_tag *tags, size_t n)
{
	wire_foreach (it, filters) {
		struct deploy_filter f = {it->key, it->value, it->type};

		if (deploy_filter_matches(&f, tags, n))
			return true;
	}
	return false;
}

static bool any_on_premises(
	const struct codedeploy_tag_filter_list *filters, const struct deploy_tag *tags, size_t n)
{
	wire_foreach (it, filters) {
		struct deploy_filter f = {it->key, it->value, it->type};

		if (deploy_filter_matches(&f, tags, n))
			return true;
	}
	return false;
}

/* Each group of a set has to match; no groups match nothing. */
static bool ec2_set(
	const struct codedeploy_ec2_tag_set *set, const struct deploy_tag *tags, size_t n)
{
	if (!set || !set->ec2_tag_set_list.n)
		return false;
	wire_foreach (it, &set->ec2_tag_set_list)
		if (!any_ec2(it, tags, n))
			return false;
	return true;
}

static bool on_premises_set(
	const struct codedeploy_on_premises_tag_set *set, const struct deploy_tag *tags, size_t n)
{
	if (!set || !set->on_premises_tag_set_list.n)
		return false;
	wire_foreach (it, &set->on_premises_tag_set_list)
		if (!any_on_premises(it, tags, n))
			return false;
	return true;
}

static void add_host(struct deploy_members *m, const struct deploy_host *h)
{
	m->v[m->n++] = (struct deploy_member){
		.id = h->id, .fleet = h->fleet, .zone = h->zone, .state = h->state};
}

static bool in_group(const struct codedeploy_deployment_group_info *g, const struct deploy_host *h)
{
	wire_foreach (it, &g->auto_scaling_groups)
		if (h->fleet && streq(it->name, h->fleet))
			return true;
	return any_ec2(&g->ec2_tag_filters, h->tags, h->n_tags) ||
	       ec2_set(g->ec2_tag_set, h->tags, h->n_tags);
}

static void add_on_premises(const struct codedeploy_deployment_group_info *g,
	const struct codedeploy_instance_info_list *all, struct arena *a, struct deploy_members *m)
{
	wire_foreach (it, all) {
		size_t n = it->tags.n;
		struct deploy_tag *tags = arena_new_n(a, n + 1, struct deploy_tag);

		for (size_t i = 0; i < n; i++)
			tags[i] = (struct deploy_tag){it->tags.v[i].key, it->tags.v[i].value};
		if (any_on_premises(&g->on_premises_instance_tag_filters, tags, n) ||
			on_premises_set(g->on_premises_tag_set, tags, n))
			m->v[m->n++] = (struct deploy_member){.id = it->instance_name,
				.on_premises = true,
				.state = DEPLOY_HOST_RUNNING};
	}
}

void deploy_members_of_group(const struct codedeploy_deployment_group_info *group,
	const struct deploy_hosts *hosts, const struct codedeploy_instance_info_list *on_premises,
	struct arena *a, struct deploy_members *ret)
{
	*ret = (struct deploy_members){
		.v = arena_new_n(a, hosts->n + on_premises->n + 1, struct deploy_member)};
	for (size_t i = 0; i < hosts->n; i++)
		if (hosts->v[i].state != DEPLOY_HOST_GONE && in_group(group, &hosts->v[i]))
			add_host(ret, &hosts->v[i]);
	add_on_premises(group, on_premises, a, ret);
}

void deploy_members_of_request(const struct codedeploy_target_instances *t,
	const struct deploy_hosts *hosts, struct arena *a, struct deploy_members *ret)
{
	*ret = (struct deploy_members){.v = arena_new_n(a, hosts->n + 1, struct deploy_member)};
	for (size_t i = 0; t && i < hosts->n; i++) {
		const struct deploy_host *h = &hosts->v[i];
		bool wanted = any_ec2(&t->tag_filters, h->tags, h->n_tags) ||
			      ec2_set(t->ec2_tag_set, h->tags, h->n_tags);

		wire_foreach (it, &t->auto_scaling_groups)
			wanted = wanted || (h->fleet && streq(*it, h->fleet));
		if (wanted && h->state != DEPLOY_HOST_GONE)
			add_host(ret, h);
	}
}

void deploy_members_of_fleet(const char *fleet, const struct deploy_hosts *hosts, struct arena *a,
	struct deploy_members *ret)
{
	*ret = (struct deploy_members){.v = arena_new_n(a, hosts->n + 1, struct deploy_member)};
	for (size_t i = 0; i < hosts->n; i++)
		if (hosts->v[i].fleet && streq(hosts->v[i].fleet, fleet) &&
			hosts->v[i].state != DEPLOY_HOST_GONE)
			add_host(ret, &hosts->v[i]);
}

bool deploy_members_have(const struct deploy_members *m, const char *id)
{
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->v[i].id, id))
			return true;
	return false;
}

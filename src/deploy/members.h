/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts belong to a deployment group: tag filters, tag sets, Auto Scaling groups and
 * on-premises instances. Pure functions over lists. */
#ifndef TOWPATH_DEPLOY_MEMBERS_H
#define TOWPATH_DEPLOY_MEMBERS_H

#include "codedeploy.gen.h"
#include "deploy/ports.h"

struct deploy_filter {
	const char *key, *value, *type;
};

/* One filter: KEY_ONLY, VALUE_ONLY or KEY_AND_VALUE (also when the type is missing); '*' in a
 * value stands for any text. */
bool deploy_filter_matches(
	const struct deploy_filter *f, const struct deploy_tag *tags, size_t n_tags);

struct deploy_member {
	const char *id;
	const char *fleet, *zone;
	bool on_premises;
	enum deploy_host_state state;
};

struct deploy_members {
	struct deploy_member *v;
	size_t n;
};

/* Instances by the group's ec2TagFilters, ec2TagSet and autoScalingGroups, and on-premises ones
 * by its on-premises filters; each once, in the order given. */
void deploy_members_of_group(const struct codedeploy_deployment_group_info *group,
	const struct deploy_hosts *hosts, const struct codedeploy_instance_info_list *on_premises,
	struct arena *a, struct deploy_members *ret);
/* The replacement environment that a request names. */
void deploy_members_of_request(const struct codedeploy_target_instances *t,
	const struct deploy_hosts *hosts, struct arena *a, struct deploy_members *ret);
/* The instances of one Auto Scaling group. */
void deploy_members_of_fleet(const char *fleet, const struct deploy_hosts *hosts, struct arena *a,
	struct deploy_members *ret);
bool deploy_members_have(const struct deploy_members *m, const char *id);

#endif

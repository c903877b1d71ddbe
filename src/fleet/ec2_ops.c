/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of ec2: instances and their tags. */
#include <fnmatch.h>

#include "base/id.h"
#include "fleet/internal.h"
#include "store/resource_tags.h"
#include "store/string_map.h"

static const struct {
	const char *name;
	int code;
} state_codes[] = {
	{INSTANCE_PENDING, 0},
	{INSTANCE_RUNNING, 16},
	{INSTANCE_STOPPING, 32},
	{INSTANCE_GONE, 48},
};

static struct ec2_instance_state *state_value(const char *name, struct arena *a)
{
	struct ec2_instance_state *s = arena_new(a, struct ec2_instance_state);

	s->name = name;
	for (size_t i = 0; i < ARRAY_SIZE(state_codes); i++)
		if (streq(state_codes[i].name, name))
			s->code = WIRE_SET_INT(state_codes[i].code);
	return s;
}

static const char *tag_of(const struct towpath_fleet_instance *i, const char *key)
{
	wire_foreach (kv, &i->tags) {
		if (streq(kv->key, key))
			return kv->value;
	}
	return NULL;
}

/* ---- filters ---- */

static bool any_value(const struct ec2_filter *f, const char *text)
{
	wire_foreach (value, &f->values) {
		if (text && fnmatch(*value, text, FNM_NOESCAPE) == 0)
			return true;
	}
	return false;
}

static bool any_key(const struct ec2_filter *f, const struct towpath_fleet_instance *i)
{
	wire_foreach (kv, &i->tags) {
		if (any_value(f, kv->key))
			return true;
	}
	return false;
}

/* -1: no such filter. */
static int filter_holds(const struct ec2_filter *f, const struct towpath_fleet_instance *i)
{
	if (starts_with(f->name, "tag:"))
		return any_value(f, tag_of(i, f->name + 4));
	if (streq(f->name, "tag-key"))
		return any_key(f, i);
	if (streq(f->name, "instance-id"))
		return any_value(f, i->instance_id);
	if (streq(f->name, "instance-state-name"))
		return any_value(f, i->state);
	if (streq(f->name, "private-ip-address"))
		return any_value(f, i->address);
	if (streq(f->name, "availability-zone"))
		return any_value(f, i->zone);
	if (streq(f->name, "instance-type"))
		return any_value(f, i->instance_type);
	return -1;
}

static int instance_wanted(const struct ec2_describe_instances_request *req,
	const struct towpath_fleet_instance *i, bool *ret, struct err *err)
{
	bool by_id = req->instance_ids.n == 0;

	wire_foreach (id, &req->instance_ids)
		by_id |= streq(*id, i->instance_id);
	*ret = by_id;
	wire_foreach (f, &req->filters) {
		int holds = filter_holds(f, i);

		if (holds < 0)
			return err_set_wire(err, "InvalidParameterValue",
				"The filter '%s' is invalid", f->name);
		*ret &= holds > 0;
	}
	return 0;
}

/* ---- instances ---- */

static void describe_instance(
	const struct towpath_fleet_instance *i, struct arena *a, struct ec2_instance *ret)
{
	*ret = (struct ec2_instance){
		.instance_id = i->instance_id,
		.image_id = i->image_id,
		.instance_type = i->instance_type,
		.launch_time = i->launch_time,
		.private_ip_address = streq(i->state, INSTANCE_GONE) ? NULL : i->address,
		.private_dns_name = i->instance_id,
		.state = state_value(i->state, a),
		.state_transition_reason = i->reason ? i->reason : "",
		.architecture = "x86_64",
		.root_device_type = "ebs",
		.virtualization_type = "hvm",
		.ami_launch_index = WIRE_SET_INT(0),
		.placement = arena_new(a, struct ec2_placement),
	};
	ret->placement->availability_zone = i->zone;
	if (i->reason) {
		ret->state_reason = arena_new(a, struct ec2_state_reason);
		ret->state_reason->code = "Server.Note";
		ret->state_reason->message = i->reason;
	}
	wire_list_alloc(a, &ret->tags, i->tags.n);
	for (size_t k = 0; k < i->tags.n; k++)
		ret->tags.v[k] =
			(struct ec2_tag){.key = i->tags.v[k].key, .value = i->tags.v[k].value};
}

static int check_ids(const struct ec2_instance_id_string_list *ids,
	const struct store_documents *all, struct err *err)
{
	wire_foreach (id, ids) {
		bool found = false;

		for (size_t i = 0; i < all->n; i++)
			found |= streq(all->ids[i], *id);
		if (!found)
			return err_set_wire(err, "InvalidInstanceID.NotFound",
				"The instance ID '%s' does not exist", *id);
	}
	return 0;
}

static int describe_instances_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ec2, describe_instances);
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE, NULL, a, &all, err) < 0 ||
		check_ids(&req->instance_ids, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->reservations, all.n);
	resp->reservations.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_instance *x = all.v[i];
		struct ec2_reservation *r = &resp->reservations.v[resp->reservations.n];
		bool wanted;

		if (instance_wanted(req, x, &wanted, err) < 0)
			return -1;
		if (!wanted)
			continue;
		r->reservation_id = arena_printf(a, "r-%s", x->instance_id + 2);
		r->owner_id = e->cfg.account;
		wire_list_alloc(a, &r->instances, 1);
		describe_instance(x, a, &r->instances.v[0]);
		resp->reservations.n++;
	}
	return fleet_page_cut(&FLEET_PAGES_EC2, FLEET_LIST(&resp->reservations, reservation_id),
		req->next_token, req->max_results, a, &resp->next_token, err);
}

static int terminate_instances_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ec2, terminate_instances);
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE, NULL, a, &all, err) < 0 ||
		check_ids(&req->instance_ids, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->terminating_instances, req->instance_ids.n);
	for (size_t k = 0; k < req->instance_ids.n; k++) {
		struct ec2_instance_state_change *change = &resp->terminating_instances.v[k];
		struct towpath_fleet_instance i;

		if (fleet_instance_get(tx, req->instance_ids.v[k], a, &i, err) < 0)
			return -1;
		change->instance_id = i.instance_id;
		change->previous_state = state_value(i.state, a);
		if (fleet_instance_stop(e, tx, &i, "User initiated", a, err) < 0)
			return -1;
		change->current_state = state_value(i.state, a);
	}
	return 0;
}

/* ---- tags ---- */

static int tagged(struct db_tx *tx, const char *id, struct arena *a,
	struct towpath_fleet_instance *ret, struct err *err)
{
	int r = fleet_instance_get(tx, id, a, ret, err);

	if (r == 0)
		return err_set_wire(err, "InvalidID", "The ID '%s' is not valid", id);
	return r < 0 ? -1 : 0;
}

/* Tags of the services' own: only they set and remove them. */
static bool is_reserved(const char *key)
{
	return key && starts_with(key, "aws:");
}

static int check_keys(const struct ec2_tag_list *tags, struct err *err)
{
	wire_foreach (tag, tags) {
		if (!tag->key)
			return err_set_wire(
				err, "MissingParameter", "The tag has no parameter Key");
		if (is_reserved(tag->key))
			return err_set_wire(err, "InvalidParameterValue",
				"Tag keys starting with 'aws:' are reserved for internal use: '%s'",
				tag->key);
	}
	return 0;
}

static int too_many_tags(struct err *err)
{
	return err_set_wire(err, "TagLimitExceeded",
		"The maximum number of tags for a resource is %d", STORE_TAGS_MAX);
}

static int create_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ec2, create_tags);

	if (check_keys(&req->tags, err) < 0)
		return -1;
	if (req->tags.n > STORE_TAGS_MAX)
		return too_many_tags(err);
	wire_foreach (id, &req->resources) {
		struct towpath_fleet_instance i;

		if (tagged(tx, *id, a, &i, err) < 0)
			return -1;
		wire_foreach (tag, &req->tags)
			string_map_put(&i.tags, tag->key, tag->value, a);
		if (store_tags_own(&i.tags) > STORE_TAGS_MAX)
			return too_many_tags(err);
		if (fleet_instance_put(tx, &i, err) < 0)
			return -1;
	}
	return 0;
}

/* All but the reserved ones. */
static void remove_own_tags(struct towpath_fleet_instance *i)
{
	size_t kept = 0;

	for (size_t k = 0; k < i->tags.n; k++)
		if (is_reserved(i->tags.v[k].key))
			i->tags.v[kept++] = i->tags.v[k];
	i->tags.n = kept;
}

static int delete_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ec2, delete_tags);

	if (check_keys(&req->tags, err) < 0)
		return -1;
	wire_foreach (id, &req->resources) {
		struct towpath_fleet_instance i;

		if (tagged(tx, *id, a, &i, err) < 0)
			return -1;
		wire_foreach (tag, &req->tags) {
			const char *have = string_map_get(&i.tags, tag->key);

			if (have && (!tag->value || streq(have, tag->value)))
				string_map_drop(&i.tags, tag->key);
		}
		if (!req->tags.set)
			remove_own_tags(&i);
		if (fleet_instance_put(tx, &i, err) < 0)
			return -1;
	}
	return 0;
}

static int tag_filter_holds(
	const struct ec2_filter *f, const char *id, const struct towpath_string_map_kv *kv)
{
	if (streq(f->name, "resource-id"))
		return any_value(f, id);
	if (streq(f->name, "resource-type"))
		return any_value(f, "instance");
	if (streq(f->name, "key"))
		return any_value(f, kv->key);
	if (streq(f->name, "value"))
		return any_value(f, kv->value);
	return -1;
}

static int describe_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ec2, describe_tags);
	struct store_documents all;
	VEC(struct ec2_tag_description) found = {0};

	if (store_document_list(tx, &STORE_INSTANCE, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_instance *x = all.v[i];

		wire_foreach (kv, &x->tags) {
			bool wanted = true;

			wire_foreach (f, &req->filters) {
				int holds = tag_filter_holds(f, x->instance_id, kv);

				if (holds < 0) {
					vec_release(&found);
					return err_set_wire(err, "InvalidParameterValue",
						"The filter '%s' is invalid", f->name);
				}
				wanted &= holds > 0;
			}
			if (wanted)
				vec_push(&found, ((struct ec2_tag_description){
							 .key = kv->key,
							 .value = kv->value,
							 .resource_id = x->instance_id,
							 .resource_type = "instance",
						 }));
		}
	}
	wire_list_alloc(a, &resp->tags, found.n);
	if (found.n)
		memcpy(resp->tags.v, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return fleet_page_cut(&FLEET_PAGES_EC2, FLEET_LIST(&resp->tags, resource_id),
		req->next_token, req->max_results, a, &resp->next_token, err);
}

FLEET_DEFINE(ec2, create_tags, fleet_write)
FLEET_DEFINE(ec2, delete_tags, fleet_write)
FLEET_DEFINE(ec2, describe_instances, fleet_read)
FLEET_DEFINE(ec2, describe_tags, fleet_read)
FLEET_DEFINE(ec2, terminate_instances, fleet_write)

/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of load balancers and target groups: keys with defaults, of which some may be set. */
#include <stdlib.h>

#include "fleet/balancer.h"

static int check_number(const struct fleet_attribute *k, const char *value, struct err *err)
{
	char *end = NULL;
	long n = value && *value ? strtol(value, &end, 10) : -1;

	if (!end || *end || n < k->from || n > k->to)
		return err_set_wire(err, "InvalidConfigurationRequestException",
			"'%s' must be between %ld and %ld", k->key, k->from, k->to);
	return 0;
}

static int check_flag(const struct fleet_attribute *k, const char *value, struct err *err)
{
	if (streq(value, "true") || streq(value, "false"))
		return 0;
	return err_set_wire(
		err, "InvalidConfigurationRequestException", "'%s' must be true or false", k->key);
}

static int check_fixed(const struct fleet_attribute *k, const char *value, struct err *err)
{
	if (streq(value, k->dflt))
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "attribute %s = %s is not implemented; only '%s' is",
		k->key, value ? value : "", k->dflt);
}

static int check(
	const struct fleet_attributes *kinds, const char *key, const char *value, struct err *err)
{
	static int (*const checks[])(
		const struct fleet_attribute *k, const char *value, struct err *err) = {
		[FLEET_ATTRIBUTE_NUMBER] = check_number,
		[FLEET_ATTRIBUTE_FLAG] = check_flag,
		[FLEET_ATTRIBUTE_FIXED] = check_fixed,
	};

	for (size_t i = 0; i < kinds->n; i++)
		if (streq(kinds->v[i].key, key))
			return checks[kinds->v[i].kind](&kinds->v[i], value, err);
	return err_set_wire(err, "InvalidConfigurationRequestException",
		"%s attribute key '%s' is not recognized", kinds->of, key ? key : "");
}

int fleet_attribute_set(const struct fleet_attributes *kinds, struct towpath_string_map *m,
	const char *key, const char *value, struct arena *a, struct err *err)
{
	struct towpath_string_map old = *m;

	if (check(kinds, key, value, err) < 0)
		return -1;
	wire_foreach (kv, m) {
		if (streq(kv->key, key)) {
			kv->value = value;
			return 0;
		}
	}
	wire_list_alloc(a, m, old.n + 1);
	if (old.n)
		memcpy(m->v, old.v, old.n * sizeof(*old.v));
	m->v[old.n] = (struct towpath_string_map_kv){key, value};
	return 0;
}

const char *fleet_attribute_get(const struct towpath_string_map *m, const char *key)
{
	wire_foreach (kv, m) {
		if (streq(kv->key, key))
			return kv->value;
	}
	return NULL;
}

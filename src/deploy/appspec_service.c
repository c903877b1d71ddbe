/* SPDX-License-Identifier: Apache-2.0 */
/* The AppSpec file for container services. */
#include "deploy/appspec_service.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/path.h"
#include "codec/json.h"

#define MAX_PORT 65535
#define MAX_WEIGHT 1000
#define MAX_BASE 100000

struct reader {
	struct appspec_service *s;
	struct yaml_document *doc;
	struct arena *a;
};

/* The value of a key in any letter case; an empty one is none. */
static const struct yaml_node *get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAPPING && i < map->n; i++)
		if (strcasecmp(map->pairs[i].key->text, key) == 0)
			return yaml_is_null(map->pairs[i].value) ? NULL : map->pairs[i].value;
	return NULL;
}

static int need_map(struct reader *r, const struct yaml_node *n, const char *what, struct err *err)
{
	if (n->kind == YAML_MAPPING)
		return 0;
	return yaml_fail(r->doc, n, err, "%s must be a mapping, not %s", what, yaml_kind_text(n));
}

static void warn_unknown(
	struct reader *r, const struct yaml_node *map, const char *const *known, const char *where)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *const *k = known;

		while (*k && strcasecmp(*k, map->pairs[i].key->text) != 0)
			k++;
		if (!*k)
			yaml_warn(r->doc, map->pairs[i].key,
				"'%s' is not a key of %s; it is ignored", map->pairs[i].key->text,
				where);
	}
}

/* The text of a key; missing is an error when it is required. */
static int read_text(struct reader *r, const struct yaml_node *map, const char *key, bool required,
	const char **ret, struct err *err)
{
	const struct yaml_node *n = get(map, key);

	*ret = NULL;
	if (!n && required)
		return yaml_fail(r->doc, map, err, "'%s' is missing", key);
	if (!n)
		return 0;
	if (n->kind != YAML_SCALAR || !*n->text)
		return yaml_fail(r->doc, n, err, "'%s' must be text, not %s", key,
			n->kind == YAML_SCALAR ? "empty" : yaml_kind_text(n));
	*ret = n->text;
	return 0;
}

static int read_number(struct reader *r, const struct yaml_node *map, const char *key, int64_t max,
	int64_t *ret, struct err *err)
{
	const struct yaml_node *n = get(map, key);

	*ret = 0;
	if (!n)
		return 0;
	if (!yaml_int(n, ret) || *ret < 0 || *ret > max)
		return yaml_fail(r->doc, n, err, "'%s' must be a number from 0 to %lld", key,
			(long long)max);
	return 0;
}

/* ---- the target service ---- */

static int read_balancer(struct reader *r, const struct yaml_node *properties, struct err *err)
{
	static const char *const known[] = {"ContainerName", "ContainerPort", NULL};
	const struct yaml_node *n = get(properties, "LoadBalancerInfo");
	int64_t port;

	if (!n)
		return yaml_fail(r->doc, properties, err,
			"'LoadBalancerInfo' is missing: it names the container and the port that "
			"get the traffic");
	if (need_map(r, n, "'LoadBalancerInfo'", err) < 0 ||
		read_text(r, n, "ContainerName", true, &r->s->container, err) < 0 ||
		read_number(r, n, "ContainerPort", MAX_PORT, &port, err) < 0)
		return -1;
	if (!port)
		return yaml_fail(r->doc, get(n, "ContainerPort") ? get(n, "ContainerPort") : n, err,
			"'ContainerPort' is missing: a number from 1 to 65535");
	warn_unknown(r, n, known, "LoadBalancerInfo");
	r->s->port = (int)port;
	r->s->container_node = get(n, "ContainerName");
	r->s->port_node = get(n, "ContainerPort");
	return 0;
}

static int write_names(struct reader *r, const struct yaml_node *map, const char *key,
	const char *json_key_name, struct json_writer *w, struct err *err)
{
	const struct yaml_node *n = get(map, key);

	if (!n)
		return yaml_fail(r->doc, map, err,
			"'%s' is missing: AwsvpcConfiguration has Subnets, SecurityGroups and "
			"AssignPublicIp, or is left out as a whole",
			key);
	if (n->kind != YAML_SEQUENCE)
		return yaml_fail(
			r->doc, n, err, "'%s' must be a list, not %s", key, yaml_kind_text(n));
	json_key(w, json_key_name);
	json_open(w, '[');
	for (size_t i = 0; i < n->n; i++) {
		if (n->items[i]->kind != YAML_SCALAR)
			return yaml_fail(r->doc, n->items[i], err, "'%s' is a list of texts", key);
		json_put_text(w, n->items[i]->text);
	}
	json_close(w, ']');
	return 0;
}

static int write_network(
	struct reader *r, const struct yaml_node *vpc, struct str *out, struct err *err)
{
	struct json_writer w = {.out = out};
	const char *assign;

	json_open(&w, '{');
	if (write_names(r, vpc, "Subnets", "subnets", &w, err) < 0 ||
		write_names(r, vpc, "SecurityGroups", "securityGroups", &w, err) < 0 ||
		read_text(r, vpc, "AssignPublicIp", true, &assign, err) < 0)
		return -1;
	if (!streq(assign, "ENABLED") && !streq(assign, "DISABLED"))
		return yaml_fail(r->doc, get(vpc, "AssignPublicIp"), err,
			"'AssignPublicIp' is ENABLED or DISABLED");
	json_put_member(&w, "assignPublicIp", assign);
	json_close(&w, '}');
	return 0;
}

static int read_network(struct reader *r, const struct yaml_node *properties, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;
	const struct yaml_node *n = get(properties, "NetworkConfiguration"), *vpc;

	if (!n)
		return 0;
	if (need_map(r, n, "'NetworkConfiguration'", err) < 0)
		return -1;
	vpc = get(n, "AwsvpcConfiguration");
	if (!vpc)
		return yaml_fail(r->doc, n, err, "'AwsvpcConfiguration' is missing");
	if (need_map(r, vpc, "'AwsvpcConfiguration'", err) < 0 ||
		write_network(r, vpc, &out, err) < 0)
		return -1;
	r->s->network_configuration = arena_strdup(r->a, str_text(&out));
	return 0;
}

struct capacity {
	struct json_writer w;
	size_t with_base, with_weight;
};

static int read_provider(
	struct reader *r, const struct yaml_node *n, struct capacity *c, struct err *err)
{
	static const char *const known[] = {"CapacityProvider", "Base", "Weight", NULL};
	int64_t base, weight;
	const char *name;

	if (need_map(r, n, "a capacity provider", err) < 0 ||
		read_text(r, n, "CapacityProvider", true, &name, err) < 0 ||
		read_number(r, n, "Base", MAX_BASE, &base, err) < 0 ||
		read_number(r, n, "Weight", MAX_WEIGHT, &weight, err) < 0)
		return -1;
	if (base > 0 && c->with_base++)
		return yaml_fail(r->doc, n, err, "only one capacity provider can have a Base");
	c->with_weight += weight > 0;
	warn_unknown(r, n, known, "a capacity provider");
	json_open(&c->w, '{');
	json_put_member(&c->w, "capacityProvider", name);
	json_key(&c->w, "base");
	json_put_int(&c->w, base);
	json_key(&c->w, "weight");
	json_put_int(&c->w, weight);
	json_close(&c->w, '}');
	return 0;
}

static int read_capacity(struct reader *r, const struct yaml_node *properties, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct capacity c = {.w = {.out = &out}};
	const struct yaml_node *n = get(properties, "CapacityProviderStrategy");

	if (!n)
		return 0;
	if (n->kind != YAML_SEQUENCE || !n->n)
		return yaml_fail(r->doc, n, err,
			"'CapacityProviderStrategy' must be a list of capacity providers");
	json_open(&c.w, '[');
	for (size_t i = 0; i < n->n; i++)
		if (read_provider(r, n->items[i], &c, err) < 0)
			return -1;
	json_close(&c.w, ']');
	if (n->n > 1 && !c.with_weight)
		return yaml_fail(r->doc, n, err,
			"of several capacity providers at least one needs a Weight above 0");
	r->s->capacity_providers = arena_strdup(r->a, str_text(&out));
	return 0;
}

static int read_properties(struct reader *r, const struct yaml_node *n, struct err *err)
{
	static const char *const known[] = {"TaskDefinition", "LoadBalancerInfo", "PlatformVersion",
		"NetworkConfiguration", "CapacityProviderStrategy", NULL};

	if (need_map(r, n, "'Properties'", err) < 0 ||
		read_text(r, n, "TaskDefinition", true, &r->s->task_definition, err) < 0 ||
		read_balancer(r, n, err) < 0 ||
		read_text(r, n, "PlatformVersion", false, &r->s->platform_version, err) < 0 ||
		read_network(r, n, err) < 0 || read_capacity(r, n, err) < 0)
		return -1;
	warn_unknown(r, n, known, "Properties");
	return 0;
}

static int read_resource(struct reader *r, const struct yaml_node *n, struct err *err)
{
	const struct yaml_node *service;
	const char *type;

	if (n->kind != YAML_MAPPING || n->n != 1)
		return yaml_fail(r->doc, n, err,
			"a resource is a mapping with one name, as '- TargetService:'");
	service = n->pairs[0].value;
	if (need_map(r, service, "the resource", err) < 0 ||
		read_text(r, service, "Type", true, &type, err) < 0)
		return -1;
	if (!streq(type, "AWS::ECS::Service"))
		return yaml_fail(r->doc, get(service, "Type"), err,
			"the type %s is not that of an ECS deployment: write AWS::ECS::Service",
			type);
	if (!get(service, "Properties"))
		return yaml_fail(r->doc, service, err, "'Properties' is missing");
	return read_properties(r, get(service, "Properties"), err);
}

static int read_resources(struct reader *r, struct err *err)
{
	const struct yaml_node *n = get(r->doc->root, "Resources");

	if (!n)
		return yaml_fail(r->doc, r->doc->root, err,
			"'Resources' is missing: it names the task definition and the container "
			"of the service");
	if (n->kind != YAML_SEQUENCE || n->n != 1)
		return yaml_fail(r->doc, n, err,
			"'Resources' is a list with exactly one resource, the target service");
	return read_resource(r, n->items[0], err);
}

/* ---- hooks ---- */

enum appspec_hook_form appspec_hook_form(const char *function, const char **ret_what)
{
	const char *project;
	const char *unused;

	if (!ret_what)
		ret_what = &unused;
	*ret_what = function;
	if (starts_with(function, "script:")) {
		*ret_what = function + strlen("script:");
		return APPSPEC_HOOK_SCRIPT;
	}
	if (starts_with(function, "build:")) {
		*ret_what = function + strlen("build:");
		return APPSPEC_HOOK_BUILD;
	}
	project = starts_with(function, "arn:") && strstr(function, ":codebuild:")
			  ? strstr(function, ":project/")
			  : NULL;
	if (!project)
		return APPSPEC_HOOK_FUNCTION;
	*ret_what = project + strlen(":project/");
	return APPSPEC_HOOK_BUILD;
}

static int read_hook(struct reader *r, const struct yaml_pair *p, struct err *err)
{
	static const char *const events[] = {"BeforeInstall", "AfterInstall",
		"AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"};
	const char *event = NULL, *what;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (strcasecmp(events[i], p->key->text) == 0)
			event = events[i];
	if (!event)
		return yaml_fail(r->doc, p->key, err,
			"'%s' is no hook of an ECS deployment: BeforeInstall, AfterInstall, "
			"AfterAllowTestTraffic, BeforeAllowTraffic, AfterAllowTraffic",
			p->key->text);
	if (yaml_is_null(p->value))
		return 0;
	if (p->value->kind != YAML_SCALAR || !*p->value->text)
		return yaml_fail(r->doc, p->value, err,
			"the hook %s names one function, build:PROJECT or script:PATH, not %s",
			event, yaml_kind_text(p->value));
	wire_foreach (it, &r->s->hooks)
		if (streq(it->event, event))
			return yaml_fail(r->doc, p->key, err, "the hook %s is there twice", event);
	if (appspec_hook_form(p->value->text, &what) == APPSPEC_HOOK_SCRIPT &&
		!path_is_inside(what))
		return yaml_fail(r->doc, p->value, err,
			"the script '%s' must be a path inside the revision", what);
	if (!*what)
		return yaml_fail(r->doc, p->value, err, "the hook %s names nothing", event);
	r->s->hooks.v[r->s->hooks.n++] =
		(struct towpath_deploy_hook){.event = event, .function = p->value->text};
	return 0;
}

static int read_hooks(struct reader *r, struct err *err)
{
	const struct yaml_node *n = get(r->doc->root, "Hooks");

	if (!n)
		return 0;
	if (n->kind != YAML_SEQUENCE)
		return yaml_fail(r->doc, n, err,
			"'Hooks' must be a list, as '- BeforeAllowTraffic: FUNCTION', not %s",
			yaml_kind_text(n));
	wire_list_alloc(r->a, &r->s->hooks, n->n);
	r->s->hooks.n = 0;
	for (size_t i = 0; i < n->n; i++) {
		if (n->items[i]->kind != YAML_MAPPING || n->items[i]->n != 1)
			return yaml_fail(r->doc, n->items[i], err,
				"a hook is a mapping with one event, as "
				"'- BeforeAllowTraffic: FUNCTION'");
		if (read_hook(r, &n->items[i]->pairs[0], err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the whole ---- */

static int read_version(struct reader *r, struct err *err)
{
	const struct yaml_node *n = get(r->doc->root, "version");

	if (!n || n->kind != YAML_SCALAR)
		return yaml_fail(r->doc, n ? n : r->doc->root, err,
			"'version' is missing; write 'version: 0.0'");
	/* JSON as the aws CLI sends it has it as a number or as a text. */
	if (streq(n->text, "0.0") || streq(n->text, "0") || streq(n->text, "0."))
		return 0;
	return yaml_fail(r->doc, n, err, "the version is 0.0, not %s", n->text);
}

static int refuse_servers(struct reader *r, struct err *err)
{
	static const char *const keys[] = {"os", "files", "permissions"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (get(r->doc->root, keys[i]))
			return yaml_fail(r->doc, get(r->doc->root, keys[i]), err,
				"'%s' belongs to AppSpec files for servers; a service's has "
				"version, Resources and Hooks",
				keys[i]);
	return 0;
}

int appspec_service_parse(const char *file, struct view text, struct arena *a,
	struct appspec_service *ret, struct err *err)
{
	static const char *const known[] = {"version", "Resources", "Hooks", NULL};
	struct reader r = {.s = ret, .doc = &ret->document, .a = a};

	*ret = (struct appspec_service){0};
	if (yaml_parse(file, text, a, &ret->document, err) < 0)
		return -1;
	if (!ret->document.root || yaml_is_null(ret->document.root))
		return yaml_fail(&ret->document, NULL, err,
			"the AppSpec file is empty: it needs version and Resources");
	if (need_map(&r, ret->document.root, "an AppSpec file", err) < 0 ||
		refuse_servers(&r, err) < 0 || read_version(&r, err) < 0 ||
		read_resources(&r, err) < 0 || read_hooks(&r, err) < 0)
		return -1;
	warn_unknown(&r, ret->document.root, known, "an AppSpec file for ECS");
	return 0;
}

static const char *list_names(const struct deploy_task_definition *t, struct str *out)
{
	for (size_t i = 0; i < t->n; i++)
		str_addf(out, "%s%s", i ? ", " : "", t->containers[i].name);
	return str_text(out);
}

static const char *list_ports(const struct deploy_container *c, struct str *out)
{
	for (size_t i = 0; i < c->n_ports; i++)
		str_addf(out, "%s%d", i ? ", " : "", c->ports[i]);
	return c->n_ports ? str_text(out) : "no port";
}

int appspec_service_fits(
	const struct appspec_service *s, const struct deploy_task_definition *t, struct err *err)
{
	struct str names CLEANUP_STR = STR_INIT;
	const struct deploy_container *c = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (streq(t->containers[i].name, s->container))
			c = &t->containers[i];
	if (!c)
		return yaml_fail(&s->document, s->container_node, err,
			"the task definition %s has no container '%s'; it has %s", t->arn,
			s->container, list_names(t, &names));
	for (size_t i = 0; i < c->n_ports; i++)
		if (c->ports[i] == s->port)
			return 0;
	return yaml_fail(&s->document, s->port_node, err,
		"the container '%s' of the task definition %s does not listen on port %d, but on "
		"%s",
		s->container, t->arn, s->port, list_ports(c, &names));
}

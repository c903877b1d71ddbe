/* SPDX-License-Identifier: Apache-2.0 */
/* Event buses and their policies. */
#include <string.h>

#include "base/str.h"
#include "signal/event.h"
#include "store/resource_tags.h"

#define MAX_BUSES 100
#define MAX_POLICY 10240

/* ---- names ---- */

const char *event_bus_name(const char *name_or_arn)
{
	const char *mark = name_or_arn ? strstr(name_or_arn, ":event-bus/") : NULL;

	if (!name_or_arn)
		return EVENT_DEFAULT_BUS;
	return mark ? mark + strlen(":event-bus/") : name_or_arn;
}

const char *event_bus_owner(const char *bus)
{
	return streq(bus, EVENT_DEFAULT_BUS) ? "" : bus;
}

const char *event_arn_resource(const char *arn)
{
	for (int i = 0; arn && i < 5; i++) {
		arn = strchr(arn, ':');
		if (arn)
			arn++;
	}
	return arn;
}

bool event_arn_is(const char *arn, const char *service, const char *resource_prefix)
{
	const char *resource = event_arn_resource(arn);
	struct view rest = view_of(arn);

	view_cut(&rest, ':');
	view_cut(&rest, ':');
	return resource && view_eq_str(view_cut(&rest, ':'), service) &&
	       starts_with(resource, resource_prefix);
}

static void default_bus(
	struct signal_engine *e, struct arena *a, struct events_describe_event_bus_response *ret)
{
	*ret = (struct events_describe_event_bus_response){
		.name = EVENT_DEFAULT_BUS,
		.arn = signal_arn(e, a, "events", "event-bus/" EVENT_DEFAULT_BUS),
	};
}

int event_bus_need(struct signal_engine *e, struct db_tx *tx, const char *name_or_arn,
	struct arena *a, struct events_describe_event_bus_response *ret, struct err *err)
{
	const char *name = event_bus_name(name_or_arn);
	int r = store_document_get(tx, &STORE_EVENT_BUS, name, a, ret, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!streq(name, EVENT_DEFAULT_BUS))
		return err_set_wire(
			err, "ResourceNotFoundException", "Event bus %s does not exist.", name);
	default_bus(e, a, ret);
	return 0;
}

static int put_bus(
	struct db_tx *tx, const struct events_describe_event_bus_response *bus, struct err *err)
{
	return store_document_put(tx, &STORE_EVENT_BUS, bus->name, NULL, bus, err);
}

/* ---- buses ---- */

static int refuse_parts(const char *key, const struct events_dead_letter_config *dead,
	const struct events_log_config *log, struct err *err)
{
	const char *what = key	  ? "KmsKeyIdentifier"
			   : dead ? "DeadLetterConfig"
			   : log  ? "LogConfig"
				  : NULL;

	if (!what)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "%s of event buses is not implemented; leave it out%s",
		what, dead ? " and give each target its own" : "");
}

static int create_event_bus_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, create_event_bus);
	struct events_describe_event_bus_response bus = {
		.name = req->name,
		.arn = signal_arn(e, a, "events", "event-bus/%s", req->name),
		.description = req->description,
		.creation_time = WIRE_SET_TIME(durable_now(e->durable)),
		.last_modified_time = WIRE_SET_TIME(durable_now(e->durable)),
	};
	struct events_describe_event_bus_response old;
	struct towpath_string_map tags;
	struct store_documents all;
	int r;

	if (req->event_source_name)
		return err_set(err, ERR_UNSUPPORTED, "Partner event sources are not implemented");
	if (refuse_parts(req->kms_key_identifier, req->dead_letter_config, req->log_config, err) <
		0)
		return -1;
	r = store_document_get(tx, &STORE_EVENT_BUS, req->name, a, &old, err);
	if (r > 0 || streq(req->name, EVENT_DEFAULT_BUS))
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"Event bus %s already exists.", req->name);
	if (r < 0 || store_document_list(tx, &STORE_EVENT_BUS, NULL, a, &all, err) < 0)
		return -1;
	if (all.n >= MAX_BUSES)
		return err_set_wire(err, "LimitExceededException",
			"The requested resource exceeds the maximum number allowed: %d event buses",
			MAX_BUSES);
	TAG_MAP(a, &req->tags, &tags);
	resp->event_bus_arn = bus.arn;
	resp->description = bus.description;
	return store_tags_add(tx, bus.arn, &tags, "LimitExceededException", a, err) < 0
		       ? -1
		       : put_bus(tx, &bus, err);
}

static int update_event_bus_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, update_event_bus);
	struct events_describe_event_bus_response bus;

	if (refuse_parts(req->kms_key_identifier, req->dead_letter_config, req->log_config, err) <
			0 ||
		event_bus_need(e, tx, req->name, a, &bus, err) < 0)
		return -1;
	if (req->description)
		bus.description = req->description;
	bus.last_modified_time = WIRE_SET_TIME(durable_now(e->durable));
	resp->arn = bus.arn;
	resp->name = bus.name;
	resp->description = bus.description;
	return put_bus(tx, &bus, err);
}

static int describe_event_bus_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, describe_event_bus);

	return event_bus_need(e, tx, req->name, a, resp, err);
}

static int delete_event_bus_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, delete_event_bus);
	const char *name = event_bus_name(req->name);
	struct store_documents rules, archives;
	struct store_document_filter one = {.owner = name, .max = 1};

	if (streq(name, EVENT_DEFAULT_BUS))
		return err_set_wire(err, "ValidationException", "Cannot delete event bus default.");
	if (store_document_list(tx, &STORE_EVENT_RULE, &one, a, &rules, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_ARCHIVE, &one, a, &archives, err) < 0)
		return -1;
	if (rules.n || archives.n)
		return err_set_wire(err, "ValidationException",
			"Event bus %s can't be deleted since it has %s.", name,
			rules.n ? "rules" : "archives");
	if (store_tags_forget(tx, signal_arn(e, a, "events", "event-bus/%s", name), err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_EVENT_BUS, name, err);
}

static int list_event_buses_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_event_buses);
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE), n = 0;
	struct events_describe_event_bus_response bus;
	struct store_documents all;
	bool first = !req->next_token &&
		     starts_with(EVENT_DEFAULT_BUS, req->name_prefix ? req->name_prefix : "");

	/* The default bus comes first, whether it was ever changed or not. */
	if (store_document_list(tx, &STORE_EVENT_BUS,
		    &(struct store_document_filter){.prefix = req->name_prefix,
			    .after = streq(req->next_token, EVENT_DEFAULT_BUS) ? NULL
									       : req->next_token,
			    .max = max + 2},
		    a, &all, err) < 0 ||
		(first && event_bus_need(e, tx, NULL, a, &bus, err) < 0))
		return -1;
	wire_list_alloc(a, &resp->event_buses, max);
	for (size_t i = 0; i < all.n + first; i++) {
		const struct events_describe_event_bus_response *b =
			first && !i ? &bus : all.v[i - first];

		if ((i || !first) && streq(b->name, EVENT_DEFAULT_BUS))
			continue;
		if (n == max) {
			resp->next_token = resp->event_buses.v[n - 1].name;
			break;
		}
		resp->event_buses.v[n] = (struct events_event_bus){0};
		wire_assign(&events_event_bus_shape, &resp->event_buses.v[n++],
			&events_describe_event_bus_response_shape, b);
	}
	resp->event_buses.n = n;
	return 0;
}

/* ---- policies ---- */

/* The statement that PutPermission's parts make. */
static int make_statement(const struct events_put_permission_request *req, const char *bus_arn,
	struct str *out, struct err *err)
{
	struct json_writer w = {.out = out};
	struct str principal CLEANUP_STR = STR_INIT;

	if (!req->statement_id || !req->action || !req->principal)
		return err_set_wire(err, "ValidationException",
			"Give Policy, or all of StatementId, Action and Principal.");
	json_open(&w, '{');
	json_put_member(&w, "Sid", req->statement_id);
	json_put_member(&w, "Effect", "Allow");
	json_key(&w, "Principal");
	if (streq(req->principal, "*")) {
		json_put_text(&w, "*");
	} else {
		json_open(&w, '{');
		str_addf(&principal, "arn:aws:iam::%s:root", req->principal);
		json_put_member(&w, "AWS", str_text(&principal));
		json_close(&w, '}');
	}
	json_put_member(&w, "Action", req->action);
	json_put_member(&w, "Resource", bus_arn);
	if (req->condition) {
		json_key(&w, "Condition");
		json_open(&w, '{');
		json_key(&w, req->condition->type);
		json_open(&w, '{');
		json_put_member(&w, req->condition->key, req->condition->value);
		json_close(&w, '}');
		json_close(&w, '}');
	}
	json_close(&w, '}');
	return 0;
}

static int put_permission_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, put_permission);
	struct events_describe_event_bus_response bus;
	struct str statement CLEANUP_STR = STR_INIT;
	char *policy = NULL;
	bool had;

	if (event_bus_need(e, tx, req->event_bus_name, a, &bus, err) < 0)
		return -1;
	if (req->policy)
		policy = arena_strdup(a, req->policy);
	else if (make_statement(req, bus.arn, &statement, err) < 0 ||
		 signal_policy_change(bus.policy, req->statement_id, str_view(&statement), a,
			 &policy, &had, err) < 0)
		return -1;
	if (strlen(policy) > MAX_POLICY)
		return err_set_wire(err, "PolicyLengthExceededException",
			"The policy of event bus %s would be longer than %d characters.", bus.name,
			MAX_POLICY);
	if (e->cfg.check_policy) {
		struct err why CLEANUP_ERR = ERR_INIT;

		if (e->cfg.check_policy(policy, &why) < 0)
			return err_set_wire(err, "ValidationException",
				"The policy of event bus %s is not valid: %s", bus.name,
				err_message(&why));
	}
	bus.policy = policy;
	bus.last_modified_time = WIRE_SET_TIME(durable_now(e->durable));
	return put_bus(tx, &bus, err);
}

static int remove_permission_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, remove_permission);
	struct events_describe_event_bus_response bus;
	char *policy = NULL;
	bool had = true;

	if (event_bus_need(e, tx, req->event_bus_name, a, &bus, err) < 0)
		return -1;
	if (!wire_or(req->remove_all_permissions, false)) {
		if (!req->statement_id)
			return err_set_wire(err, "ValidationException",
				"Give StatementId or RemoveAllPermissions.");
		if (signal_policy_change(bus.policy, req->statement_id, (struct view){0}, a,
			    &policy, &had, err) < 0)
			return -1;
	}
	if (!had)
		return err_set_wire(err, "ResourceNotFoundException",
			"Statement %s is not in the policy of event bus %s.", req->statement_id,
			bus.name);
	bus.policy = policy;
	return put_bus(tx, &bus, err);
}

struct policy_of {
	struct signal_engine *e;
	const char *bus;
	struct arena *a;
	const char *policy;
};

static int policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct policy_of *p = arg;
	struct events_describe_event_bus_response bus = {0};

	if (store_document_get(tx, &STORE_EVENT_BUS, event_bus_name(p->bus), p->a, &bus, err) < 0)
		return -1;
	p->policy = bus.policy;
	return 0;
}

int signal_event_bus_policy(struct signal_engine *e, const char *name_or_arn, struct arena *a,
	const char **ret, struct err *err)
{
	struct policy_of p = {e, name_or_arn, a, NULL};

	if (signal_read(e, policy_step, &p, err) < 0)
		return -1;
	*ret = p.policy;
	return 0;
}

SIGNAL_DEFINE(events, create_event_bus, signal_write)
SIGNAL_DEFINE(events, delete_event_bus, signal_write)
SIGNAL_DEFINE(events, describe_event_bus, signal_read)
SIGNAL_DEFINE(events, list_event_buses, signal_read)
SIGNAL_DEFINE(events, put_permission, signal_write)
SIGNAL_DEFINE(events, remove_permission, signal_write)
SIGNAL_DEFINE(events, update_event_bus, signal_write)

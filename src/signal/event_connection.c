/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of events on connections. */
#include "signal/event_connection.h"

#include <string.h>

#include "base/id.h"

#define PARAMETERS_SHAPE events_create_connection_auth_request_parameters_shape

static int need_connection(struct db_tx *tx, const char *name, struct arena *a,
	struct events_describe_connection_response *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_EVENT_CONNECTION, name, a, ret, err);

	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"Failed to describe the connection(s). Connection '%s' does not exist.",
			name);
	return r < 0 ? -1 : 0;
}

static int put_connection(
	struct db_tx *tx, const struct events_describe_connection_response *c, struct err *err)
{
	return store_document_put(tx, &STORE_EVENT_CONNECTION, c->name, NULL, c, err);
}

/* ---- secrets ---- */

static const char *seal(
	struct signal_engine *e, const char *arn, const char *plain, struct arena *a)
{
	struct str out CLEANUP_STR = STR_INIT;

	seal_close(&e->seal, view_of(plain), arn, &out);
	return arena_strdup(a, str_text(&out));
}

static int unseal(struct signal_engine *e, const char *arn, const char *sealed, struct arena *a,
	const char **ret, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (seal_open(&e->seal, view_of(sealed), arn, &out, err) < 0)
		return err_wrap(err, "the secrets of connection %s", arn);
	*ret = arena_strdup(a, str_text(&out));
	explicit_bzero(out.p, out.len);
	return 0;
}

static int put_secret(struct signal_engine *e, struct db_tx *tx,
	const struct events_describe_connection_response *c, const event_parameters *parameters,
	struct arena *a, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct towpath_signal_connection_secret s = {0};

	wire_encode_json(&PARAMETERS_SHAPE, parameters, &text);
	s.parameters = seal(e, c->connection_arn, str_text(&text), a);
	explicit_bzero(text.p, text.len);
	return store_document_put(tx, &STORE_EVENT_CONNECTION_SECRET, c->name, NULL, &s, err);
}

struct load {
	struct signal_engine *e;
	const char *arn;
	struct arena *a;
	struct event_connection *ret;
};

/* The name in a connection's ARN: connection/NAME/UUID. */
static const char *name_of(const char *arn, struct arena *a)
{
	const char *resource = event_arn_resource(arn), *slash;

	resource = resource && starts_with(resource, "connection/")
			   ? resource + strlen("connection/")
			   : "";
	slash = strchr(resource, '/');
	return slash ? arena_strndup(a, resource, (size_t)(slash - resource)) : resource;
}

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;
	const char *name = name_of(l->arn, l->a), *text;
	struct towpath_signal_connection_secret s;
	int r;

	*l->ret = (struct event_connection){0};
	if (need_connection(tx, name, l->a, &l->ret->shown, err) < 0)
		return -1;
	if (!streq(l->ret->shown.connection_arn, l->arn))
		return err_set_wire(err, "ResourceNotFoundException",
			"Connection '%s' does not exist.", l->arn);
	r = store_document_get(tx, &STORE_EVENT_CONNECTION_SECRET, name, l->a, &s, err);
	if (r <= 0)
		return r;
	if (unseal(l->e, l->arn, s.parameters, l->a, &text, err) < 0 ||
		wire_decode_json(&PARAMETERS_SHAPE, view_of(text), l->a, &l->ret->parameters, err) <
			0)
		return -1;
	if (!s.token || s.token_expires.usec <= durable_now(l->e->durable))
		return 0;
	return unseal(l->e, l->arn, s.token, l->a, &l->ret->token, err);
}

int event_connection_load(struct signal_engine *e, const char *arn, struct arena *a,
	struct event_connection *ret, struct err *err)
{
	struct load l = {e, arn, a, ret};

	return signal_read(e, load_step, &l, err);
}

/* ---- what is shown ---- */

#define HIDE_SECRETS(list)                               \
	wire_foreach (q_, list) {                        \
		if (wire_or(q_->is_value_secret, false)) \
			q_->value = NULL;                \
	}

static void hide(struct events_connection_http_parameters *p)
{
	if (!p)
		return;
	HIDE_SECRETS(&p->body_parameters)
	HIDE_SECRETS(&p->header_parameters)
	HIDE_SECRETS(&p->query_string_parameters)
}

/* The parameters without their secrets: the shape that is shown has no members for most. */
static int show(const event_parameters *parameters, struct arena *a,
	struct events_describe_connection_response *c, struct err *err)
{
	struct events_connection_auth_response_parameters *v =
		arena_new(a, struct events_connection_auth_response_parameters);
	struct str text CLEANUP_STR = STR_INIT;
	int r;

	wire_encode_json(&PARAMETERS_SHAPE, parameters, &text);
	r = wire_decode_json(
		&events_connection_auth_response_parameters_shape, str_view(&text), a, v, err);
	explicit_bzero(text.p, text.len);
	if (r < 0)
		return -1;
	hide(v->invocation_http_parameters);
	if (v->o_auth_parameters)
		hide(v->o_auth_parameters->o_auth_http_parameters);
	c->auth_parameters = v;
	return 0;
}

/* ---- checking ---- */

static int check_parameters(const char *type, const event_parameters *p, struct err *err)
{
	const struct {
		const char *type, *name;
		const void *value;
	} kinds[] = {{"BASIC", "BasicAuthParameters", p->basic_auth_parameters},
		{"API_KEY", "ApiKeyAuthParameters", p->api_key_auth_parameters},
		{"OAUTH_CLIENT_CREDENTIALS", "OAuthParameters", p->o_auth_parameters}};

	if (p->connectivity_parameters)
		return err_set(err, ERR_UNSUPPORTED,
			"ConnectivityParameters (private networks) are not implemented");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].type, type) != !!kinds[i].value)
			return err_set_wire(err, "ValidationException",
				"Parameter AuthParameters is not valid. Reason: %s %s for "
				"AuthorizationType %s.",
				kinds[i].name, kinds[i].value ? "is not allowed" : "is required",
				type);
	return p->o_auth_parameters ? event_http_check(p->o_auth_parameters->authorization_endpoint,
					      "AuthorizationEndpoint", err)
				    : 0;
}

static int refuse(const char *key, const void *connectivity, struct err *err)
{
	if (!key && !connectivity)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "%s of connections is not implemented; leave it out",
		key ? "KmsKeyIdentifier" : "InvocationConnectivityParameters");
}

/* ---- operations ---- */

/* New secrets: authorized at once, or when the OAuth server has given a token. */
static int store_connection(struct signal_engine *e, struct db_tx *tx,
	struct events_describe_connection_response *c, const event_parameters *p, struct arena *a,
	struct err *err)
{
	bool oauth = streq(c->authorization_type, "OAUTH_CLIENT_CREDENTIALS");
	int64_t now = durable_now(e->durable);

	c->last_modified_time = WIRE_SET_TIME(now);
	c->connection_state = oauth ? "AUTHORIZING" : "AUTHORIZED";
	c->state_reason = NULL;
	if (!oauth)
		c->last_authorized_time = WIRE_SET_TIME(now);
	if (show(p, a, c, err) < 0 || put_secret(e, tx, c, p, a, err) < 0 ||
		put_connection(tx, c, err) < 0)
		return -1;
	return oauth ? task_enqueue(e->durable, tx,
			       &(struct task){.kind = SIGNAL_TASK_AUTHORIZE,
				       .subject = c->connection_arn,
				       .token = ""},
			       err)
		     : 0;
}

static int create_connection_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, create_connection);
	struct events_describe_connection_response old,
		c = {
			.name = req->name,
			.connection_arn = signal_arn(
				e, a, "events", "connection/%s/%s", req->name, id_uuid().text),
			.authorization_type = req->authorization_type,
			.description = req->description,
			.creation_time = WIRE_SET_TIME(durable_now(e->durable)),
		};
	int r;

	if (refuse(req->kms_key_identifier, req->invocation_connectivity_parameters, err) < 0 ||
		check_parameters(req->authorization_type, req->auth_parameters, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_EVENT_CONNECTION, req->name, a, &old, err);
	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"Connection '%s' already exists.", req->name);
	if (r < 0 || store_connection(e, tx, &c, req->auth_parameters, a, err) < 0)
		return -1;
	resp->connection_arn = c.connection_arn;
	resp->connection_state = c.connection_state;
	resp->creation_time = c.creation_time;
	resp->last_modified_time = c.last_modified_time;
	return 0;
}

/* The member of a part that an update gives, or the one of before. */
#define KEEP(part, member)                                 \
	do {                                               \
		if (!(part)->member && old_part)           \
			(part)->member = old_part->member; \
	} while (0)

/* What an update leaves out of a part of the same kind stays. */
static void merge(event_parameters *p, const event_parameters *old)
{
	if (p->basic_auth_parameters) {
		const __typeof__(*p->basic_auth_parameters) *old_part = old->basic_auth_parameters;

		KEEP(p->basic_auth_parameters, username);
		KEEP(p->basic_auth_parameters, password);
	}
	if (p->api_key_auth_parameters) {
		const __typeof__(*p->api_key_auth_parameters) *old_part =
			old->api_key_auth_parameters;

		KEEP(p->api_key_auth_parameters, api_key_name);
		KEEP(p->api_key_auth_parameters, api_key_value);
	}
	if (p->o_auth_parameters) {
		const __typeof__(*p->o_auth_parameters) *old_part = old->o_auth_parameters;

		KEEP(p->o_auth_parameters, authorization_endpoint);
		KEEP(p->o_auth_parameters, http_method);
		KEEP(p->o_auth_parameters, o_auth_http_parameters);
		KEEP(p->o_auth_parameters, client_parameters);
	}
	if (p->o_auth_parameters && old->o_auth_parameters &&
		p->o_auth_parameters->client_parameters !=
			old->o_auth_parameters->client_parameters) {
		const __typeof__(*p->o_auth_parameters->client_parameters) *old_part =
			old->o_auth_parameters->client_parameters;

		KEEP(p->o_auth_parameters->client_parameters, client_id);
		KEEP(p->o_auth_parameters->client_parameters, client_secret);
	}
	if (!p->invocation_http_parameters)
		p->invocation_http_parameters = old->invocation_http_parameters;
}

/* The update's parameters in the form of a creation's, merged with those of before. */
static int updated(struct signal_engine *e, struct db_tx *tx,
	const struct events_update_connection_request *req, const char *type,
	const struct events_describe_connection_response *c, struct arena *a, event_parameters *ret,
	struct err *err)
{
	struct event_connection old;
	struct load l = {e, c->connection_arn, a, &old};
	struct str text CLEANUP_STR = STR_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	int r = 0;

	if (load_step(tx, &l, err) < 0)
		return -1;
	*ret = (event_parameters){0};
	if (req->auth_parameters) {
		wire_encode_json(&events_update_connection_auth_request_parameters_shape,
			req->auth_parameters, &text);
		r = wire_decode_json(&PARAMETERS_SHAPE, str_view(&text), a, ret, err);
		explicit_bzero(text.p, text.len);
	}
	if (r < 0)
		return -1;
	if (streq(type, c->authorization_type) && !ret->basic_auth_parameters &&
		!ret->api_key_auth_parameters && !ret->o_auth_parameters) {
		ret->basic_auth_parameters = old.parameters.basic_auth_parameters;
		ret->api_key_auth_parameters = old.parameters.api_key_auth_parameters;
		ret->o_auth_parameters = old.parameters.o_auth_parameters;
	}
	merge(ret, &old.parameters);
	if (wire_validate(&PARAMETERS_SHAPE, ret, &why) < 0)
		return err_set_wire(err, "ValidationException",
			"Parameter AuthParameters is not valid. Reason: %s", err_message(&why));
	return 0;
}

static int update_connection_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, update_connection);
	struct events_describe_connection_response c;
	event_parameters p;
	const char *type;

	if (refuse(req->kms_key_identifier, req->invocation_connectivity_parameters, err) < 0 ||
		need_connection(tx, req->name, a, &c, err) < 0)
		return -1;
	type = req->authorization_type ? req->authorization_type : c.authorization_type;
	if (updated(e, tx, req, type, &c, a, &p, err) < 0 || check_parameters(type, &p, err) < 0)
		return -1;
	c.authorization_type = type;
	if (req->description)
		c.description = req->description;
	if (store_connection(e, tx, &c, &p, a, err) < 0)
		return -1;
	wire_assign(&events_update_connection_response_shape, resp,
		&events_describe_connection_response_shape, &c);
	return 0;
}

static int describe_connection_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, describe_connection);

	return need_connection(tx, req->name, a, resp, err);
}

static int deauthorize_connection_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, deauthorize_connection);
	struct events_describe_connection_response c;

	if (need_connection(tx, req->name, a, &c, err) < 0 ||
		store_document_delete(tx, &STORE_EVENT_CONNECTION_SECRET, c.name, err) < 0)
		return -1;
	c.connection_state = "DEAUTHORIZED";
	c.last_modified_time = WIRE_SET_TIME(durable_now(e->durable));
	wire_assign(&events_deauthorize_connection_response_shape, resp,
		&events_describe_connection_response_shape, &c);
	return put_connection(tx, &c, err);
}

static int delete_connection_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, delete_connection);
	struct events_describe_connection_response c;

	if (need_connection(tx, req->name, a, &c, err) < 0 ||
		store_document_delete(tx, &STORE_EVENT_CONNECTION_SECRET, c.name, err) < 0)
		return -1;
	c.connection_state = "DELETING";
	wire_assign(&events_delete_connection_response_shape, resp,
		&events_describe_connection_response_shape, &c);
	return store_document_delete(tx, &STORE_EVENT_CONNECTION, c.name, err);
}

static int list_connections_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_connections);
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE), n = 0;
	struct store_documents all;

	if (store_document_list(tx, &STORE_EVENT_CONNECTION,
		    &(struct store_document_filter){
			    .prefix = req->name_prefix, .after = req->next_token},
		    a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->connections, MIN(all.n, max));
	for (size_t i = 0; i < all.n; i++) {
		const struct events_describe_connection_response *c = all.v[i];

		if (req->connection_state && !streq(req->connection_state, c->connection_state))
			continue;
		if (n == max) {
			resp->next_token = resp->connections.v[n - 1].name;
			break;
		}
		resp->connections.v[n] = (struct events_connection){0};
		wire_assign(&events_connection_shape, &resp->connections.v[n++],
			&events_describe_connection_response_shape, c);
	}
	resp->connections.n = n;
	return 0;
}

/* ---- tokens ---- */

struct keep {
	struct signal_engine *e;
	const struct event_connection *c;
	struct arena *a;
	int64_t expires_usec;
	const char *why; /* there is no token; NULL: there is */
};

/* Keeps the token, unless the connection is another one meanwhile. */
static int keep_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct keep *k = arg;
	const struct events_describe_connection_response *of = &k->c->shown;
	struct events_describe_connection_response c;
	struct towpath_signal_connection_secret s;
	int r = store_document_get(tx, &STORE_EVENT_CONNECTION, of->name, k->a, &c, err);

	if (r > 0 && streq(c.connection_arn, of->connection_arn) &&
		c.last_modified_time.usec == of->last_modified_time.usec)
		r = store_document_get(tx, &STORE_EVENT_CONNECTION_SECRET, of->name, k->a, &s, err);
	else
		return r < 0 ? -1 : 0;
	if (r <= 0)
		return r;
	c.connection_state = k->why ? "DEAUTHORIZED" : "AUTHORIZED";
	c.state_reason = k->why;
	if (!k->why) {
		c.last_authorized_time = WIRE_SET_TIME(durable_now(k->e->durable));
		s.token = seal(k->e, c.connection_arn, k->c->token, k->a);
		s.token_expires = WIRE_SET_TIME(k->expires_usec);
	}
	return store_document_put(tx, &STORE_EVENT_CONNECTION_SECRET, c.name, NULL, &s, err) < 0
		       ? -1
		       : put_connection(tx, &c, err);
}

int event_connection_refresh(
	struct signal_engine *e, struct event_connection *c, struct arena *a, struct err *err)
{
	struct keep k = {.e = e, .c = c, .a = a};

	if (event_oauth_token(e, &c->parameters, a, &c->token, &k.expires_usec, err) < 0)
		return err_wrap(err, "connection %s", c->shown.name);
	return signal_write(e, keep_step, &k, err);
}

int event_authorize_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct signal_engine *e = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct event_connection c;
	struct keep k = {.e = e, .c = &c, .a = &a};

	(void)d;
	if (event_connection_load(e, t->subject, &a, &c, &why) < 0)
		return streq(why.wire, "ResourceNotFoundException") ? 0 : err_move(err, &why);
	if (!c.parameters.o_auth_parameters)
		return 0;
	if (event_connection_refresh(e, &c, &a, &why) == 0)
		return 0;
	k.why = arena_printf(&a, "%.500s", err_message(&why));
	return signal_write(e, keep_step, &k, err);
}

SIGNAL_DEFINE(events, create_connection, signal_write)
SIGNAL_DEFINE(events, deauthorize_connection, signal_write)
SIGNAL_DEFINE(events, delete_connection, signal_write)
SIGNAL_DEFINE(events, describe_connection, signal_read)
SIGNAL_DEFINE(events, list_connections, signal_read)
SIGNAL_DEFINE(events, update_connection, signal_write)

/* ---- another key ---- */

static int seal_one(const struct seal_key *from, const struct seal_key *to, const char *arn,
	const char **text, struct arena *a, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (!*text)
		return 0;
	if (seal_again(from, to, view_of(*text), arn, &out, err) < 0)
		return err_wrap(err, "the secrets of connection %s", arn);
	*text = arena_view_dup(a, str_view(&out));
	return 0;
}

int signal_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;

	if (store_document_list(tx, &STORE_EVENT_CONNECTION, &(struct store_document_filter){0}, &a,
		    &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const char *arn =
			((struct events_describe_connection_response *)all.v[i])->connection_arn;
		struct towpath_signal_connection_secret s;
		int r = store_document_get(
			tx, &STORE_EVENT_CONNECTION_SECRET, all.ids[i], &a, &s, err);

		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		if (seal_one(from, to, arn, &s.parameters, &a, err) < 0 ||
			seal_one(from, to, arn, &s.token, &a, err) < 0 ||
			store_document_rewrite(
				tx, &STORE_EVENT_CONNECTION_SECRET, all.ids[i], &s, err) < 0)
			return -1;
		(*n)++;
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries to API destinations: one HTTP call, under the connection's credentials, no more often
 * than the destination allows. */
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/form.h"
#include "codec/json_path.h"
#include "net/http_client.h"
#include "signal/event_connection.h"
#include "signal/event_deliver.h"

#define TIMEOUT_USEC (5 * USEC_PER_SEC)
#define MAX_RETRY_AFTER_SEC 86400

struct destination_call {
	struct event_delivery *x;
	struct events_describe_api_destination_response d;
	struct event_connection c;
	const struct json_node *event; /* parsed when a parameter first wants it */
};

/* ---- when ---- */

/* The moment from which a destination may be called next, and the calls before it are spoken for.
 */
static int64_t take_slot(struct signal_engine *e, const char *arn, int64_t rate)
{
	int64_t now = durable_now(e->durable), *next, slot;

	pthread_mutex_lock(&e->slots_lock);
	next = map_get(&e->slots, arn);
	if (!next) {
		next = xcalloc(1, sizeof(*next));
		map_set(&e->slots, arn, next);
	}
	slot = MAX(now, *next);
	*next = slot + USEC_PER_SEC / rate;
	pthread_mutex_unlock(&e->slots_lock);
	return slot;
}

/* Whether its turn has come; else the delivery waits for it. */
static bool has_turn(struct destination_call *k)
{
	struct event_delivery *x = k->x;
	int64_t slot;

	if (x->d.slot.set)
		return true;
	slot = take_slot(x->e, k->d.api_destination_arn,
		wire_or(k->d.invocation_rate_limit_per_second, EVENT_RATE));
	if (slot <= durable_now(x->e->durable))
		return true;
	x->d.slot = WIRE_SET_TIME(slot);
	x->not_before_usec = slot;
	x->waits = true;
	return false;
}

/* ---- what ---- */

/* A parameter's text; one that begins with "$." is a path into the event. */
static int value_of(
	struct destination_call *k, const char *value, const char **ret, struct err *err)
{
	struct event_delivery *x = k->x;
	struct str text CLEANUP_STR = STR_INIT;
	const struct json_node *node;

	*ret = value;
	if (!starts_with(value, "$.") || !json_path_valid(view_of(value)))
		return 0;
	if (!k->event && json_parse(view_of(x->d.event), x->a, &k->event, err) < 0)
		return -1;
	node = json_path_find(k->event, view_of(value));
	if (node && node->kind == JSON_KIND_STRING)
		str_add_view(&text, node->text);
	else if (node)
		json_write(node, &text);
	*ret = arena_strdup(x->a, str_text(&text));
	return 0;
}

/* The endpoint with its `*`s replaced by the target's path parameters, in their order. */
static int put_url(struct destination_call *k, struct event_http *h, struct err *err)
{
	const struct events_http_parameters *p = k->x->target.http_parameters;
	const char *value;
	size_t used = 0;

	for (const char *c = k->d.invocation_endpoint; *c; c++) {
		if (*c != '*' || !p || used >= p->path_parameter_values.n) {
			str_add_c(&h->url, *c);
			continue;
		}
		if (value_of(k, p->path_parameter_values.v[used++], &value, err) < 0)
			return -1;
		form_encode(view_of(value), false, &h->url);
	}
	return 0;
}

static int put_target_parameters(struct destination_call *k, struct event_http *h, struct err *err)
{
	const struct events_http_parameters *p = k->x->target.http_parameters;
	const char *value;

	if (!p)
		return 0;
	wire_foreach (kv, &p->query_string_parameters) {
		if (value_of(k, kv->value, &value, err) < 0)
			return -1;
		event_http_query(h, kv->key, value);
	}
	wire_foreach (kv, &p->header_parameters) {
		if (value_of(k, kv->value, &value, err) < 0 ||
			event_http_header(h, kv->key, value, err) < 0)
			return -1;
	}
	return 0;
}

/* The body: what the target gets, with the connection's body parameters beside its members. */
static void put_body(struct destination_call *k,
	const struct events_connection_body_parameters_list *more, struct event_http *h)
{
	struct json_writer w = {.out = &h->body};
	const struct json_node *node;

	if (!more->n || json_parse(view_of(k->x->input), k->x->a, &node, NULL) < 0 ||
		node->kind != JSON_KIND_OBJECT) {
		str_add(&h->body, k->x->input);
		return;
	}
	json_open(&w, '{');
	for (size_t i = 0; i < node->n; i++) {
		struct str value CLEANUP_STR = STR_INIT;

		json_write(&node->items[i], &value);
		json_key(&w, node->items[i].key.p);
		json_put_raw(&w, str_view(&value));
	}
	wire_foreach (p, more) {
		if (p->key && p->value && !json_member(node, p->key))
			json_put_member(&w, p->key, p->value);
	}
	json_close(&w, '}');
}

static int put_connection_parameters(
	struct destination_call *k, struct event_http *h, struct err *err)
{
	static const struct events_connection_http_parameters none;
	const struct events_connection_http_parameters *p =
		k->c.parameters.invocation_http_parameters;

	if (!p)
		p = &none;
	wire_foreach (q, &p->query_string_parameters) {
		if (q->key && q->value)
			event_http_query(h, q->key, q->value);
	}
	wire_foreach (q, &p->header_parameters) {
		if (q->key && q->value && event_http_header(h, q->key, q->value, err) < 0)
			return -1;
	}
	put_body(k, &p->body_parameters, h);
	return 0;
}

static int put_credentials(struct destination_call *k, struct event_http *h, struct err *err)
{
	const event_parameters *p = &k->c.parameters;
	struct str pair CLEANUP_STR = STR_INIT;
	struct str value CLEANUP_STR = STR_INIT;

	if (p->api_key_auth_parameters)
		return event_http_header(h, p->api_key_auth_parameters->api_key_name,
			p->api_key_auth_parameters->api_key_value, err);
	if (p->basic_auth_parameters) {
		str_addf(&pair, "%s:%s", p->basic_auth_parameters->username,
			p->basic_auth_parameters->password);
		str_add(&value, "Basic ");
		base64_encode(str_view(&pair), &value);
		return event_http_header(h, "Authorization", str_text(&value), err);
	}
	str_addf(&value, "Bearer %s", k->c.token);
	return event_http_header(h, "Authorization", str_text(&value), err);
}

/* ---- the call ---- */

static int call_once(struct destination_call *k, struct http_answer *answer, struct err *err)
{
	struct http_client *client CLEANUP(http_client_freep) = http_client_new();
	struct event_http h CLEANUP_EVENT_HTTP = {0};
	bool bare = streq(k->d.http_method, "GET") || streq(k->d.http_method, "HEAD");

	strv_add(&h.headers, "User-Agent: Amazon/EventBridge/ApiDestinations");
	strv_add(&h.headers, "Content-Type: application/json; charset=utf-8");
	if (put_url(k, &h, err) < 0 || put_target_parameters(k, &h, err) < 0 ||
		put_connection_parameters(k, &h, err) < 0 || put_credentials(k, &h, err) < 0)
		return -1;
	return http_client_call(client,
		&(struct http_call){.method = k->d.http_method,
			.url = str_text(&h.url),
			.headers = (const char *const *)h.headers.v,
			.body = bare ? (struct view){0} : str_view(&h.body),
			.timeout_usec = TIMEOUT_USEC},
		answer, err);
}

static int64_t retry_after(const struct http_answer *answer)
{
	const char *text = http_answer_header(answer, "retry-after");
	long seconds = text ? strtol(text, NULL, 10) : 0;

	return MAX(0, MIN(seconds, MAX_RETRY_AFTER_SEC)) * USEC_PER_SEC;
}

/* A status of 401, 407, 409, 429 or 5xx is worth another try, others are not. */
static int judge(struct destination_call *k, const struct http_answer *answer, struct err *err)
{
	static const int again[] = {401, 407, 409, 429};
	int status = answer->status;
	bool worth = status >= 500;

	if (status / 100 == 2)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(again); i++)
		worth |= status == again[i];
	k->x->not_before_usec = durable_now(k->x->e->durable) + retry_after(answer);
	return err_set(err, worth ? (status == 429 ? ERR_BUSY : ERR_UNAVAILABLE) : ERR_INVALID,
		"the API destination %s answered %d", k->d.name, status);
}

static int look(struct db_tx *tx, void *arg, struct err *err)
{
	struct destination_call *k = arg;
	struct event_delivery *x = k->x;
	struct view rest = view_of(event_arn_resource(x->target.arn) + strlen("api-destination/"));
	int r = store_document_get(tx, &STORE_EVENT_DESTINATION,
		arena_view_dup(x->a, view_cut(&rest, '/')), x->a, &k->d, err);

	if (r > 0 && streq(k->d.api_destination_arn, x->target.arn))
		return 0;
	return r < 0 ? -1
		     : err_set(err, ERR_NOT_FOUND, "The API destination %s does not exist.",
			       x->target.arn);
}

int event_call_destination(struct event_delivery *x, struct err *err)
{
	struct destination_call k = {.x = x};
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct http_answer second CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	bool oauth;

	if (signal_read(x->e, look, &k, err) < 0 ||
		event_connection_load(x->e, k.d.connection_arn, x->a, &k.c, err) < 0)
		return -1;
	if (streq(k.c.shown.connection_state, "DEAUTHORIZED"))
		return err_set(
			err, ERR_DENIED, "The connection %s is not authorized.", k.c.shown.name);
	oauth = k.c.parameters.o_auth_parameters != NULL;
	if (!has_turn(&k))
		return 0;
	if (oauth && !k.c.token && event_connection_refresh(x->e, &k.c, x->a, err) < 0)
		return -1;
	if (call_once(&k, &answer, err) < 0)
		return -1;
	if (!oauth || (answer.status != 401 && answer.status != 407))
		return judge(&k, &answer, err);
	if (event_connection_refresh(x->e, &k.c, x->a, err) < 0 || call_once(&k, &second, err) < 0)
		return -1;
	return judge(&k, &second, err);
}

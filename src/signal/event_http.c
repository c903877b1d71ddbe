/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP calls of connections: how they are put together, and OAuth's client credentials (RFC 6749
 * section 4.4). */
#include <string.h>

#include "codec/form.h"
#include "net/http_client.h"
#include "signal/event_connection.h"

#define TIMEOUT_USEC (10 * USEC_PER_SEC)
#define TOKEN_SEC 3600
/* A token is not used any more so long before its end. */
#define MARGIN_SEC 30

void event_http_release(struct event_http *h)
{
	strv_release(&h->headers);
	str_release(&h->url);
	str_release(&h->body);
}

static bool is_token(const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", *p))
			return false;
	return *name != '\0';
}

int event_http_header(struct event_http *h, const char *name, const char *value, struct err *err)
{
	if (!is_token(name) || strpbrk(value, "\r\n"))
		return err_set(err, ERR_INVALID, "the header %.100s cannot be sent", name);
	strv_addf(&h->headers, "%s: %s", name, value);
	return 0;
}

void event_http_query(struct event_http *h, const char *name, const char *value)
{
	bool open = h->n_query || memchr(h->url.p, '?', h->url.len);

	str_add_c(&h->url, open ? '&' : '?');
	form_encode(view_of(name), false, &h->url);
	str_add_c(&h->url, '=');
	form_encode(view_of(value), false, &h->url);
	h->n_query++;
}

int event_http_check(const char *url, const char *parameter, struct err *err)
{
	const char *rest = strstr(url, "://");

	if ((!starts_with(url, "https://") && !starts_with(url, "http://")) || !rest ||
		rest[3] == '\0' || rest[3] == '/' || strpbrk(url, "@#"))
		return err_set_wire(err, "ValidationException",
			"Parameter %s is not valid. Reason: Must be an https or http address.",
			parameter);
	return 0;
}

/* ---- OAuth ---- */

static void add_field(struct str *form, const char *name, const char *value)
{
	if (form->len)
		str_add_c(form, '&');
	form_encode(view_of(name), false, form);
	str_add_c(form, '=');
	form_encode(view_of(value), false, form);
}

static int build(struct event_http *h,
	const struct events_create_connection_o_auth_request_parameters *o, struct err *err)
{
	static const struct events_connection_http_parameters none;
	const struct events_connection_http_parameters *more =
		o->o_auth_http_parameters ? o->o_auth_http_parameters : &none;
	bool get = streq(o->http_method, "GET");
	const struct {
		const char *name, *value;
	} fields[] = {{"grant_type", "client_credentials"},
		{"client_id", o->client_parameters->client_id},
		{"client_secret", o->client_parameters->client_secret}};

	str_add(&h->url, o->authorization_endpoint);
	wire_foreach (p, &more->header_parameters) {
		if (p->key && p->value && event_http_header(h, p->key, p->value, err) < 0)
			return -1;
	}
	wire_foreach (p, &more->query_string_parameters) {
		if (p->key && p->value)
			event_http_query(h, p->key, p->value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (get)
			event_http_query(h, fields[i].name, fields[i].value);
		else
			add_field(&h->body, fields[i].name, fields[i].value);
	}
	wire_foreach (p, &more->body_parameters) {
		if (p->key && p->value)
			add_field(&h->body, p->key, p->value);
	}
	strv_add(&h->headers, "Accept: application/json");
	if (h->body.len)
		strv_add(&h->headers, "Content-Type: application/x-www-form-urlencoded");
	return 0;
}

int event_oauth_token(struct signal_engine *e, const event_parameters *parameters, struct arena *a,
	const char **ret_token, int64_t *ret_expires_usec, struct err *err)
{
	const struct events_create_connection_o_auth_request_parameters *o =
		parameters->o_auth_parameters;
	struct http_client *client CLEANUP(http_client_freep) = http_client_new();
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct event_http h CLEANUP_EVENT_HTTP = {0};
	const struct json_node *node, *seconds;
	const char *token;

	if (build(&h, o, err) < 0 || http_client_call(client,
					     &(struct http_call){.method = o->http_method,
						     .url = str_text(&h.url),
						     .headers = (const char *const *)h.headers.v,
						     .body = str_view(&h.body),
						     .timeout_usec = TIMEOUT_USEC},
					     &answer, err) < 0)
		return -1;
	if (answer.status / 100 != 2)
		return err_set(err, ERR_UNAVAILABLE, "the authorization server %s answered %d",
			o->authorization_endpoint, answer.status);
	token = json_parse(str_view(&answer.body), a, &node, NULL) == 0
			? json_member_text(node, "access_token")
			: NULL;
	if (!token || strpbrk(token, "\r\n"))
		return err_set(err, ERR_UNAVAILABLE,
			"the authorization server %s answered without an access_token",
			o->authorization_endpoint);
	seconds = json_member(node, "expires_in");
	*ret_token = token;
	*ret_expires_usec =
		durable_now(e->durable) +
		MAX((seconds && seconds->kind == JSON_KIND_INT ? seconds->integer : TOKEN_SEC) -
				MARGIN_SEC,
			1) *
			USEC_PER_SEC;
	return 0;
}

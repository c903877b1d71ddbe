/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of sns on subscriptions. */
#include <string.h>

#include "base/id.h"
#include "net/mail.h"
#include "signal/topic.h"
#include "store/string_map.h"

#define TOKEN_LENGTH 64
#define TOKEN_USEC (2 * 86400 * USEC_PER_SEC)
#define PENDING "pending confirmation"
#define PAGE 100

static int put_subscription(
	struct db_tx *tx, const struct towpath_signal_subscription *s, struct err *err)
{
	return store_document_put(
		tx, &STORE_SUBSCRIPTION, s->subscription_arn, s->topic_arn, s, err);
}

/* ---- checks ---- */

static bool is_address_of(const char *endpoint, const char *protocol)
{
	static const struct {
		const char *protocol, *prefix;
	} urls[] = {{"http", "http://"}, {"https", "https://"}};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
		if (streq(urls[i].protocol, protocol))
			return starts_with(endpoint, urls[i].prefix);
	return mail_address_ok(endpoint);
}

static int check_endpoint(
	struct signal_engine *e, const struct sns_subscribe_request *req, struct err *err)
{
	static const char *const known[] = {"http", "https", TOPIC_EMAIL, TOPIC_EMAIL_JSON};
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		found |= streq(known[i], req->protocol);
	if (!found)
		return err_set(err, ERR_UNSUPPORTED,
			"subscriptions of protocol %s are not implemented; use http, https, email "
			"or email-json",
			req->protocol);
	if (starts_with(req->protocol, TOPIC_EMAIL) && !e->cfg.mail_server)
		return err_set(err, ERR_UNSUPPORTED,
			"subscriptions of protocol %s need a mail server; start towpath serve with "
			"--smtp HOST:PORT",
			req->protocol);
	return is_address_of(req->endpoint, req->protocol)
		       ? 0
		       : err_set_wire(err, "InvalidParameterException",
				 "Invalid parameter: Endpoint must match the specified protocol");
}

/* ---- subscribing ---- */

/* Asks the endpoint whether it wants to. */
static int ask(struct signal_engine *e, struct db_tx *tx,
	const struct towpath_signal_subscription *s, struct arena *a, struct err *err)
{
	struct towpath_signal_notice notice = {
		.type = TOPIC_CONFIRMATION,
		.message_id = arena_strdup(a, id_uuid().text),
		.message = arena_printf(a,
			"You have chosen to subscribe to the topic %s.\nTo confirm the "
			"subscription, "
			"visit the SubscribeURL included in this message.",
			s->topic_arn),
		.time = WIRE_SET_TIME(durable_now(e->durable)),
	};

	return topic_send(e, tx, s->subscription_arn, &notice, 0, err);
}

static struct towpath_signal_subscription *same_endpoint(
	const struct store_documents *all, const char *protocol, const char *endpoint)
{
	for (size_t i = 0; i < all->n; i++) {
		struct towpath_signal_subscription *s = all->v[i];

		if (streq(s->protocol, protocol) && streq(s->endpoint, endpoint))
			return s;
	}
	return NULL;
}

static int subscribe_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, subscribe);
	struct towpath_signal_subscription s = {
		.topic_arn = req->topic_arn,
		.subscription_arn = arena_printf(a, "%s:%s", req->topic_arn, id_uuid().text),
		.protocol = req->protocol,
		.endpoint = req->endpoint,
		.token_expires = WIRE_SET_TIME(durable_now(e->durable) + TOKEN_USEC),
	};
	char *token = arena_alloc(a, TOKEN_LENGTH + 1);
	struct towpath_signal_subscription *old;
	struct towpath_signal_topic t;
	struct store_documents all;

	if (check_endpoint(e, req, err) < 0 || topic_need(tx, req->topic_arn, a, &t, err) < 0 ||
		store_document_list(tx, &STORE_SUBSCRIPTION,
			&(struct store_document_filter){.owner = req->topic_arn}, a, &all, err) < 0)
		return -1;
	wire_foreach (kv, &req->attributes)
		if (subscription_attribute_set(&s.attributes, kv->key, kv->value, a, err) < 0)
			return -1;
	if (subscription_attributes_check(&s.attributes, err) < 0)
		return -1;
	old = same_endpoint(&all, req->protocol, req->endpoint);
	if (old && wire_or(old->confirmed, false)) {
		if (subscription_attributes_differ(&s.attributes, &old->attributes))
			return err_set_wire(err, "InvalidParameterException",
				"Invalid parameter: Attributes Reason: Subscription already exists "
				"with different attributes");
		resp->subscription_arn = old->subscription_arn;
		return 0;
	}
	if (old)
		s.subscription_arn = old->subscription_arn;
	id_random_text(token, TOKEN_LENGTH, ID_ALPHABET_HEX);
	s.token = token;
	resp->subscription_arn =
		wire_or(req->return_subscription_arn, false) ? s.subscription_arn : PENDING;
	return put_subscription(tx, &s, err) < 0 ? -1 : ask(e, tx, &s, a, err);
}

/* ---- confirming ---- */

static struct towpath_signal_subscription *by_token(
	struct signal_engine *e, const struct store_documents *all, const char *token)
{
	for (size_t i = 0; i < all->n; i++) {
		struct towpath_signal_subscription *s = all->v[i];

		if (s->token && streq(s->token, token) &&
			durable_now(e->durable) <= s->token_expires.usec)
			return s;
	}
	return NULL;
}

/* One that its link has ended comes back as it was, unless its endpoint was subscribed anew. 1:
 * *ret is there again; 0: none has this token. */
static int restore(struct signal_engine *e, struct db_tx *tx,
	const struct sns_confirm_subscription_request *req, const struct store_documents *all,
	struct arena *a, struct towpath_signal_subscription **ret, struct err *err)
{
	struct towpath_signal_subscription *s, *now;
	struct store_documents ended;

	if (store_document_list(tx, &STORE_SUBSCRIPTION_ENDED,
		    &(struct store_document_filter){.owner = req->topic_arn}, a, &ended, err) < 0)
		return -1;
	s = by_token(e, &ended, req->token);
	if (!s)
		return 0;
	if (store_document_delete(tx, &STORE_SUBSCRIPTION_ENDED, s->subscription_arn, err) < 0)
		return -1;
	now = same_endpoint(all, s->protocol, s->endpoint);
	*ret = now && wire_or(now->confirmed, false) ? now : s;
	if (now && now != *ret &&
		store_document_delete(tx, &STORE_SUBSCRIPTION, now->subscription_arn, err) < 0)
		return -1;
	return 1;
}

static int confirm_subscription_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, confirm_subscription);
	struct towpath_signal_subscription *s;
	struct towpath_signal_topic t;
	struct store_documents all;
	int r = 1;

	if (topic_need(tx, req->topic_arn, a, &t, err) < 0 ||
		store_document_list(tx, &STORE_SUBSCRIPTION,
			&(struct store_document_filter){.owner = req->topic_arn}, a, &all, err) < 0)
		return -1;
	s = by_token(e, &all, req->token);
	if (!s)
		r = restore(e, tx, req, &all, a, &s, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set_wire(err, "InvalidParameterException", "Invalid parameter: Token");
	s->confirmed = WIRE_SET_BOOL(true);
	s->authenticated = WIRE_SET_BOOL(streq(req->authenticate_on_unsubscribe, "true"));
	resp->subscription_arn = s->subscription_arn;
	return put_subscription(tx, s, err);
}

/* ---- ending ---- */

static int forget_expired(struct signal_engine *e, struct db_tx *tx, const char *topic,
	struct arena *a, struct err *err)
{
	struct store_documents ended;

	if (store_document_list(tx, &STORE_SUBSCRIPTION_ENDED,
		    &(struct store_document_filter){.owner = topic}, a, &ended, err) < 0)
		return -1;
	for (size_t i = 0; i < ended.n; i++) {
		const struct towpath_signal_subscription *s = ended.v[i];

		if (durable_now(e->durable) > s->token_expires.usec &&
			store_document_delete(tx, &STORE_SUBSCRIPTION_ENDED, ended.ids[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Anybody who has seen a message may follow its link: the endpoint hears of it, and may have its
 * subscription back. */
static int say_farewell(struct signal_engine *e, struct db_tx *tx,
	struct towpath_signal_subscription *s, struct arena *a, struct err *err)
{
	struct towpath_signal_notice notice = {
		.type = TOPIC_FAREWELL,
		.message_id = arena_strdup(a, id_uuid().text),
		.message = arena_printf(a,
			"You have chosen to deactivate subscription %s.\nTo cancel this operation "
			"and restore the subscription, visit the SubscribeURL included in this "
			"message.",
			s->subscription_arn),
		.subscription = s,
		.time = WIRE_SET_TIME(durable_now(e->durable)),
	};
	char *token = arena_alloc(a, TOKEN_LENGTH + 1);

	id_random_text(token, TOKEN_LENGTH, ID_ALPHABET_HEX);
	s->token = token;
	s->token_expires = WIRE_SET_TIME(durable_now(e->durable) + TOKEN_USEC);
	if (forget_expired(e, tx, s->topic_arn, a, err) < 0 ||
		store_document_put(tx, &STORE_SUBSCRIPTION_ENDED, s->subscription_arn, s->topic_arn,
			s, err) < 0)
		return -1;
	return topic_send(e, tx, s->subscription_arn, &notice, 0, err);
}

static int end_subscription(struct signal_engine *e, struct db_tx *tx, const char *arn,
	bool by_link, struct arena *a, struct err *err)
{
	struct towpath_signal_subscription s;
	struct towpath_signal_topic t;
	int r = store_document_get(tx, &STORE_SUBSCRIPTION, arn, a, &s, err);

	if (r <= 0)
		return r; /* gone already */
	if (by_link && wire_or(s.authenticated, false))
		return err_set_wire(err, "AuthorizationErrorException",
			"This subscription can only be ended by a signed request");
	if (topic_need(tx, s.topic_arn, a, &t, err) < 0)
		return -1;
	t.deleted = WIRE_SET_INT(wire_or(t.deleted, 0) + 1);
	if (store_document_put(tx, &STORE_TOPIC, t.topic_arn, NULL, &t, err) < 0 ||
		store_document_delete(tx, &STORE_SUBSCRIPTION, arn, err) < 0)
		return -1;
	return by_link && wire_or(s.confirmed, false) && starts_with(s.protocol, "http")
		       ? say_farewell(e, tx, &s, a, err)
		       : 0;
}

static int unsubscribe_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, unsubscribe);

	return end_subscription(e, tx, req->subscription_arn, false, a, err);
}

struct link {
	struct signal_engine *e;
	const char *arn;
};

static int link_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct link *l = arg;

	return end_subscription(l->e, tx, l->arn, true, &a, err);
}

int signal_unsubscribe_by_link(struct signal_engine *e, const char *arn, struct err *err)
{
	return signal_write(e, link_step, &(struct link){e, arn}, err);
}

/* ---- reading ---- */

static int list(struct signal_engine *e, struct db_tx *tx, const char *topic_arn, const char *after,
	struct arena *a, struct sns_subscriptions_list *ret, const char **ret_next, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_SUBSCRIPTION,
		    &(struct store_document_filter){
			    .owner = topic_arn, .after = after, .max = PAGE + 1},
		    a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, ret, MIN(all.n, PAGE));
	for (size_t i = 0; i < ret->n; i++) {
		const struct towpath_signal_subscription *s = all.v[i];

		ret->v[i] = (struct sns_subscription){
			.endpoint = s->endpoint,
			.owner = e->cfg.account,
			.protocol = s->protocol,
			.topic_arn = s->topic_arn,
			.subscription_arn = wire_or(s->confirmed, false) ? s->subscription_arn
									 : "PendingConfirmation",
		};
	}
	if (all.n > PAGE)
		*ret_next = all.ids[PAGE - 1];
	return 0;
}

static int list_subscriptions_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, list_subscriptions);

	return list(e, tx, NULL, req->next_token, a, &resp->subscriptions, &resp->next_token, err);
}

static int list_subscriptions_by_topic_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, list_subscriptions_by_topic);
	struct towpath_signal_topic t;

	return topic_need(tx, req->topic_arn, a, &t, err) < 0
		       ? -1
		       : list(e, tx, req->topic_arn, req->next_token, a, &resp->subscriptions,
				 &resp->next_token, err);
}

static int get_subscription_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, get_subscription_attributes);
	struct towpath_signal_subscription s;
	struct towpath_string_map m = {0};

	if (subscription_need(tx, req->subscription_arn, a, &s, err) < 0)
		return -1;
	string_map_put(&m, "SubscriptionArn", s.subscription_arn, a);
	string_map_put(&m, "TopicArn", s.topic_arn, a);
	string_map_put(&m, "Owner", e->cfg.account, a);
	string_map_put(&m, "Protocol", s.protocol, a);
	string_map_put(&m, "Endpoint", s.endpoint, a);
	string_map_put(&m, "RawMessageDelivery", "false", a);
	string_map_put(
		&m, "PendingConfirmation", wire_or(s.confirmed, false) ? "false" : "true", a);
	string_map_put(&m, "ConfirmationWasAuthenticated",
		wire_or(s.authenticated, false) ? "true" : "false", a);
	wire_foreach (kv, &s.attributes)
		string_map_put(&m, kv->key, kv->value, a);
	wire_list_alloc(a, &resp->attributes, m.n);
	for (size_t i = 0; i < m.n; i++)
		resp->attributes.v[i] =
			(struct sns_subscription_attributes_map_kv){m.v[i].key, m.v[i].value};
	return 0;
}

static int set_subscription_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(sns, set_subscription_attributes);
	struct towpath_signal_subscription s;
	const char *value = req->attribute_value ? req->attribute_value : "";

	if (subscription_need(tx, req->subscription_arn, a, &s, err) < 0 ||
		subscription_attribute_set(&s.attributes, req->attribute_name, value, a, err) < 0 ||
		subscription_attributes_check(&s.attributes, err) < 0)
		return -1;
	return put_subscription(tx, &s, err);
}

SIGNAL_DEFINE(sns, confirm_subscription, signal_write)
SIGNAL_DEFINE(sns, get_subscription_attributes, signal_read)
SIGNAL_DEFINE(sns, list_subscriptions, signal_read)
SIGNAL_DEFINE(sns, list_subscriptions_by_topic, signal_read)
SIGNAL_DEFINE(sns, set_subscription_attributes, signal_write)
SIGNAL_DEFINE(sns, subscribe, signal_write)
SIGNAL_DEFINE(sns, unsubscribe, signal_write)

/* SPDX-License-Identifier: Apache-2.0 */
/* Delivering a message to an endpoint: signed, tried again as the delivery policy says. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/timefmt.h"
#include "codec/form.h"
#include "crypto/cms.h"
#include "crypto/rsa.h"
#include "net/http_client.h"
#include "net/mail.h"
#include "signal/delivery_policy.h"
#include "signal/letter.h"
#include "signal/tally.h"
#include "signal/topic.h"
#include "store/string_map.h"

#define TIMEOUT_USEC (15 * USEC_PER_SEC)
#define KEY_MAX (64 * KIB)

/* ---- the key that signs ---- */

static int make_signer(const char *key_path, const char *certificate_path, struct err *err)
{
	char *key CLEANUP(freep) = NULL;
	char *certificate CLEANUP(freep) = NULL;

	if (cms_make_signer("Towpath notifications", &key, &certificate, err) < 0)
		return -1;
	/* The key comes last: with it both are there. */
	return file_write_atomic(certificate_path, view_of(certificate), 0644, err) < 0
		       ? -1
		       : file_write_atomic(key_path, view_of(key), 0600, err);
}

int signal_signer_open(struct signal_engine *e, struct err *err)
{
	char *key CLEANUP(freep) = path_join(e->cfg.keys_dir, "sns.key");
	char *certificate CLEANUP(freep) = path_join(e->cfg.keys_dir, "sns.pem");
	struct str text CLEANUP_STR = STR_INIT;
	struct digest_value digest;

	if (!file_exists(key) && make_signer(key, certificate, err) < 0)
		return -1;
	if (file_read(key, KEY_MAX, &text, err) < 0)
		return -1;
	e->signer_key = arena_strdup(&e->arena, str_text(&text));
	str_clear(&text);
	if (file_read(certificate, KEY_MAX, &text, err) < 0)
		return -1;
	e->signer_certificate = arena_strdup(&e->arena, str_text(&text));
	digest = digest_of(DIGEST_SHA256, str_view(&text));
	e->signer_path = arena_printf(
		&e->arena, "/SimpleNotificationService-%.32s.pem", digest_hex(&digest).text);
	return 0;
}

const char *signal_signing_certificate(struct signal_engine *e, const char *path)
{
	return streq(path, e->signer_path) ? e->signer_certificate : NULL;
}

/* ---- the message ---- */

struct notify {
	struct signal_engine *e;
	const struct task *t;
	struct arena *a;
	struct towpath_signal_notice n;
	struct towpath_signal_subscription s;
	struct towpath_signal_topic topic;
	bool wanted;
};

struct field {
	const char *name, *value;
};

/* What is signed, in the order of the names; a NULL value is left out. */
static size_t signed_fields(const struct notify *x, const char *subscribe_url, struct field *ret)
{
	bool notification = streq(x->n.type, TOPIC_NOTIFICATION);
	const struct field all[] = {
		{"Message", x->n.message},
		{"MessageId", x->n.message_id},
		{"Subject", notification ? x->n.subject : NULL},
		{"SubscribeURL", notification ? NULL : subscribe_url},
		{"Timestamp", arena_strdup(x->a, timefmt_iso_msec(x->n.time.usec).text)},
		{"Token", notification ? NULL : x->s.token},
		{"TopicArn", x->s.topic_arn},
		{"Type", x->n.type},
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].value)
			ret[n++] = all[i];
	return n;
}

static const char *action_url(struct notify *x, const char *action, const char *key1,
	const char *value1, const char *key2, const char *value2)
{
	struct str url CLEANUP_STR = STR_INIT;

	str_addf(&url, "%s/?Action=%s&%s=", x->e->cfg.endpoint, action, key1);
	form_encode(view_of(value1), false, &url);
	if (key2) {
		str_addf(&url, "&%s=", key2);
		form_encode(view_of(value2), false, &url);
	}
	return arena_strdup(x->a, str_text(&url));
}

/* The document that is sent: what is signed, the signature, and where to go. */
static int document(struct notify *x, struct str *out, struct err *err)
{
	const char *version = string_map_get(&x->topic.attributes, "SignatureVersion");
	const char *subscribe = action_url(x, "ConfirmSubscription", "TopicArn", x->s.topic_arn,
		"Token", x->s.token ? x->s.token : "");
	struct json_writer w = {.out = out};
	struct str text CLEANUP_STR = STR_INIT;
	struct str signature CLEANUP_STR = STR_INIT;
	struct field fields[8];
	size_t n = signed_fields(x, subscribe, fields);
	bool second = streq(version, "2");

	json_open(&w, '{');
	for (size_t i = 0; i < n; i++) {
		str_addf(&text, "%s\n%s\n", fields[i].name, fields[i].value);
		json_put_member(&w, fields[i].name, fields[i].value);
	}
	if (rsa_sign(x->e->signer_key, second ? DIGEST_SHA256 : DIGEST_SHA1, str_view(&text),
		    &signature, err) < 0)
		return -1;
	json_put_member(&w, "SignatureVersion", second ? "2" : "1");
	json_put_member(&w, "Signature", str_text(&signature));
	json_put_member(&w, "SigningCertURL",
		arena_printf(x->a, "%s%s", x->e->cfg.endpoint, x->e->signer_path));
	if (streq(x->n.type, TOPIC_NOTIFICATION))
		json_put_member(&w, "UnsubscribeURL",
			action_url(x, "Unsubscribe", "SubscriptionArn", x->s.subscription_arn, NULL,
				NULL));
	if (x->n.attributes) {
		json_key(&w, "MessageAttributes");
		json_put_raw(&w, view_of(x->n.attributes));
	}
	json_close(&w, '}');
	return 0;
}

/* ---- the delivery ---- */

static struct delivery_policy policy_of(struct notify *x)
{
	struct delivery_policy p;

	delivery_policy_read(string_map_get(&x->s.attributes, "DeliveryPolicy"),
		string_map_get(&x->topic.attributes, "DeliveryPolicy"), x->a, &p);
	return p;
}

static int post(struct notify *x, int *ret_status, struct err *err)
{
	struct http_client *client CLEANUP(http_client_freep) = http_client_new();
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct str body CLEANUP_STR = STR_INIT;
	bool notification = streq(x->n.type, TOPIC_NOTIFICATION);
	bool raw = notification &&
		   streq(string_map_get(&x->s.attributes, "RawMessageDelivery"), "true");
	struct delivery_policy policy = policy_of(x);
	const char *type = notification && policy.content_type ? policy.content_type
							       : "text/plain; charset=UTF-8";
	const char *headers[] = {
		arena_printf(x->a, "Content-Type: %s", type),
		"User-Agent: Amazon Simple Notification Service Agent",
		arena_printf(x->a, "x-amz-sns-message-type: %s", x->n.type),
		arena_printf(x->a, "x-amz-sns-message-id: %s", x->n.message_id),
		arena_printf(x->a, "x-amz-sns-topic-arn: %s", x->s.topic_arn),
		streq(x->n.type, TOPIC_CONFIRMATION)
			? NULL
			: arena_printf(
				  x->a, "x-amz-sns-subscription-arn: %s", x->s.subscription_arn),
		raw ? "x-amz-sns-rawdelivery: true" : NULL,
		NULL,
	};

	if (raw)
		str_add(&body, x->n.message);
	else if (document(x, &body, err) < 0)
		return -1;
	if (http_client_call(client,
		    &(struct http_call){.method = "POST",
			    .url = x->s.endpoint,
			    .headers = headers,
			    .body = str_view(&body),
			    .timeout_usec = TIMEOUT_USEC},
		    &answer, err) < 0)
		return -1;
	*ret_status = answer.status;
	return 0;
}

/* For people: the text, and how to end the subscription. */
static const char *plain_text(struct notify *x)
{
	if (!streq(x->n.type, TOPIC_NOTIFICATION))
		return arena_printf(x->a,
			"You have chosen to subscribe to the topic:\n%s\n\nTo confirm this "
			"subscription, visit the link below (if this was in error no action is "
			"necessary):\n%s\n",
			x->s.topic_arn,
			action_url(x, "ConfirmSubscription", "TopicArn", x->s.topic_arn, "Token",
				x->s.token));
	return arena_printf(x->a,
		"%s\n\n--\nIf you wish to stop receiving notifications from this topic, visit the "
		"link below to unsubscribe:\n%s\n",
		x->n.message,
		action_url(x, "Unsubscribe", "SubscriptionArn", x->s.subscription_arn, NULL, NULL));
}

static const char *mail_subject(const struct notify *x)
{
	if (!streq(x->n.type, TOPIC_NOTIFICATION))
		return "AWS Notification - Subscription Confirmation";
	return x->n.subject ? x->n.subject : "AWS Notification Message";
}

static int mail(struct notify *x, struct err *err)
{
	const char *name = string_map_get(&x->topic.attributes, "DisplayName");
	struct str body CLEANUP_STR = STR_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	struct letter letter = {
		.from_name = name && *name ? name : "Towpath Notifications",
		.from = x->e->cfg.mail_from,
		.to = x->s.endpoint,
		.subject = mail_subject(x),
		.message_id = x->n.message_id,
		.usec = x->n.time.usec,
		.json = streq(x->s.protocol, TOPIC_EMAIL_JSON),
	};

	if (!x->e->cfg.mail_server)
		return err_set(err, ERR_UNAVAILABLE, "no mail server is named (serve --smtp)");
	if (!letter.json)
		str_add(&body, plain_text(x));
	else if (document(x, &body, err) < 0)
		return -1;
	letter.body = str_text(&body);
	letter_text(&letter, &text);
	return mail_send(&(struct mail){.server = x->e->cfg.mail_server,
				 .from = letter.from,
				 .to = letter.to,
				 .text = str_view(&text),
				 .timeout_usec = TIMEOUT_USEC},
		err);
}

/* Statuses are HTTP's for both: 400 is what will not be tried again. */
static int deliver(struct notify *x, int *ret_status, struct err *err)
{
	if (!starts_with(x->s.protocol, TOPIC_EMAIL))
		return post(x, ret_status, err);
	if (mail(x, err) == 0)
		*ret_status = 200;
	else if (err_is(err, ERR_INVALID))
		*ret_status = 400;
	return *ret_status == 200 ? 0 : -1;
}

static int look(struct db_tx *tx, void *arg, struct err *err)
{
	struct notify *x = arg;
	int r = 1;

	if (x->n.subscription) /* one that has ended */
		x->s = *x->n.subscription;
	else
		r = store_document_get(tx, &STORE_SUBSCRIPTION, x->t->subject, x->a, &x->s, err);
	if (r > 0)
		r = store_document_get(tx, &STORE_TOPIC, x->s.topic_arn, x->a, &x->topic, err);
	x->wanted = r > 0;
	return r < 0 ? -1 : 0;
}

/* Seconds until the next try; -1: no more tries. */
static int64_t next_delay(struct notify *x)
{
	struct delivery_policy p = policy_of(x);

	return delivery_policy_delay(&p, wire_or(x->n.attempt, 0));
}

static int again_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct notify *x = arg;
	int tried = wire_or(x->n.attempt, 0);
	int64_t delay = next_delay(x);

	if (task_done(x->e->durable, tx, x->t, err) < 0)
		return -1;
	if (delay < 0) {
		log_warn("signal", "message %s to %s is given up after %d tries", x->n.message_id,
			x->s.subscription_arn, tried + 1);
		return 0;
	}
	x->n.attempt = WIRE_SET_INT(tried + 1);
	return topic_send(x->e, tx, x->s.subscription_arn, &x->n,
		durable_now(x->e->durable) + delay * USEC_PER_SEC, err);
}

/* Of mail a failure counts when it is the last one, of all else each failed try. */
static void count_try(struct notify *x, bool delivered, bool last)
{
	const struct tally_subject *topic = TALLY_OF(topic_name(x->s.topic_arn));

	if (!streq(x->n.type, TOPIC_NOTIFICATION))
		return;
	if (delivered)
		tally_count(x->e, TALLY_DELIVERED, topic, 1);
	else if (last || !starts_with(x->s.protocol, TOPIC_EMAIL))
		tally_count(x->e, TALLY_DELIVERY_FAILED, topic, 1);
}

int signal_notify_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct notify x = {.e = arg, .t = t, .a = &a};
	int status = 0;
	bool last;

	(void)d;
	if (wire_decode_json(&towpath_signal_notice_shape, view_of(t->payload), &a, &x.n, err) <
			0 ||
		signal_read(x.e, look, &x, err) < 0)
		return -1;
	if (!x.wanted)
		return 0;
	if (deliver(&x, &status, &why) < 0)
		log_info("signal", "message %s: %s", x.n.message_id, err_message(&why));
	if (status >= 200 && status < 300) {
		count_try(&x, true, true);
		return 0;
	}
	/* The endpoint does not want it: no second try, but when it is busy. */
	if (status >= 400 && status < 500 && status != 429) {
		log_warn("signal", "message %s is refused for good: %s, %d", x.n.message_id,
			x.s.endpoint, status);
		count_try(&x, false, true);
		return 0;
	}
	last = next_delay(&x) < 0;
	if (signal_write(x.e, again_step, &x, err) < 0)
		return -1;
	count_try(&x, false, last);
	return 0;
}

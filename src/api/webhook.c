/* SPDX-License-Identifier: Apache-2.0 */
/* What a host without the webhook's address and secret learns is that there is nothing for it; who
 * fails over and over waits. A delivery that proves itself never waits: hosts deliver for all their
 * users from the same addresses, also for those who mean harm. */
#include "api/webhook.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/json.h"

bool webhook_matches(const struct http_exchange *x)
{
	return starts_with(http_raw_path(x), BUILD_WEBHOOK_PATH);
}

static void reply(struct http_exchange *x, int status, const char *message,
	const struct build_delivered *done)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct json_writer w = {.out = &out};

	json_open(&w, '{');
	json_put_member(&w, "message", message);
	if (done) {
		json_key(&w, "builds");
		json_open(&w, '[');
		wire_foreach (id, &done->builds)
			json_put_text(&w, *id);
		json_close(&w, ']');
	}
	json_close(&w, '}');
	http_set_header(x, "Content-Type", "application/json");
	http_reply(x, status, str_view(&out));
}

static const char *first_of(const struct http_exchange *x, const char *const *names)
{
	for (; *names; names++)
		if (http_header(x, *names))
			return http_header(x, *names);
	return NULL;
}

static struct build_delivery delivery_of(const struct http_exchange *x, struct arena *a)
{
	static const char *const kinds[] = {
		"X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key", NULL};
	static const char *const ids[] = {
		"X-GitHub-Delivery", "Idempotency-Key", "X-Request-UUID", NULL};
	static const char *const signatures[] = {"X-Hub-Signature-256", "X-Hub-Signature", NULL};
	const char *name = http_raw_path(x) + strlen(BUILD_WEBHOOK_PATH);
	const char *slash = strchr(name, '/'), *type = http_header(x, "Content-Type");

	return (struct build_delivery){
		.project = arena_strndup(a, name, slash ? (size_t)(slash - name) : 0),
		.key = slash ? slash + 1 : "",
		.kind = first_of(x, kinds),
		.id = first_of(x, ids),
		.signature = first_of(x, signatures),
		.token = http_header(x, "X-Gitlab-Token"),
		.user_agent = http_header(x, "User-Agent"),
		.is_form = type && starts_with(type, "application/x-www-form-urlencoded"),
		.body = http_body(x),
	};
}

/* Faults are logged; who asks is told no more than that. */
static void fail(const struct webhook_front *f, struct http_exchange *x,
	const struct build_delivery *d, struct err *why)
{
	CLEANUP_ERR struct err often = ERR_INIT;

	if (err_is(why, ERR_NOT_FOUND) || err_is(why, ERR_DENIED)) {
		if (identity_failures_check(f->identity, "webhook", http_peer(x), &often) < 0) {
			reply(x, 429, err_message(&often), NULL);
			return;
		}
		identity_failures_note(f->identity, "webhook", http_peer(x));
		reply(x, err_is(why, ERR_DENIED) ? 403 : 404, err_message(why), NULL);
	} else if (err_is(why, ERR_INVALID) || err_is(why, ERR_MALFORMED) ||
		   err_is(why, ERR_SERVICE) || err_is(why, ERR_TOO_LARGE)) {
		reply(x, 400, err_message(why), NULL);
	} else {
		log_err("api", why, "a delivery to the webhook of %s", d->project);
		reply(x, 500, "the delivery could not be taken; try again", NULL);
	}
}

void webhook_handle(const struct webhook_front *f, struct http_exchange *x)
{
	struct arena *a = http_arena(x);
	struct build_delivery d = delivery_of(x, a);
	CLEANUP_ERR struct err err = ERR_INIT;
	struct build_delivered done;

	if (!streq(http_method(x), "POST"))
		reply(x, 405, "deliveries are posted", NULL);
	else if (build_deliver(f->build, &d, a, &done, &err) < 0)
		fail(f, x, &d, &err);
	else
		reply(x, 200, done.builds.n ? "builds were started" : "nothing to build", &done);
}

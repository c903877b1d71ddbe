/* SPDX-License-Identifier: Apache-2.0 */
/* Links in notifications. A token, or the random part of a subscription's ARN, is what proves that
 * the message was received; a subscription that was confirmed with authentication can only be ended
 * by a signed request. */
#include "api/snshttp.h"

#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "codec/form.h"
#include "codec/xml.h"

#define CERTIFICATE_PREFIX "/SimpleNotificationService-"
#define XMLNS "http://sns.amazonaws.com/doc/2010-03-31/"

bool snshttp_matches(const struct http_exchange *x)
{
	const char *query = http_raw_query(x);

	if (!streq(http_method(x), "GET") || http_header(x, "Authorization") ||
		strstr(query, "X-Amz-Signature"))
		return false;
	return starts_with(http_raw_path(x), CERTIFICATE_PREFIX) ||
	       (streq(http_raw_path(x), "/") && (strstr(query, "Action=ConfirmSubscription") ||
							strstr(query, "Action=Unsubscribe")));
}

static void reply_error(struct http_exchange *x, const struct err *why)
{
	struct str out CLEANUP_STR = STR_INIT;

	xml_open_ns(&out, "ErrorResponse", XMLNS);
	xml_open(&out, "Error");
	xml_element(&out, "Type", "Sender");
	xml_element(&out, "Code", "InvalidParameter");
	xml_element(&out, "Message", err_message(why));
	xml_close(&out, "Error");
	xml_element(&out, "RequestId", id_uuid().text);
	xml_close(&out, "ErrorResponse");
	http_set_header(x, "Content-Type", "text/xml");
	http_reply(x, 400, str_view(&out));
}

static void reply_done(struct http_exchange *x, const char *action, const char *subscription_arn)
{
	char *response = arena_printf(http_arena(x), "%sResponse", action);
	char *result = arena_printf(http_arena(x), "%sResult", action);
	struct str out CLEANUP_STR = STR_INIT;

	xml_open_ns(&out, response, XMLNS);
	if (subscription_arn) {
		xml_open(&out, result);
		xml_element(&out, "SubscriptionArn", subscription_arn);
		xml_close(&out, result);
	}
	xml_open(&out, "ResponseMetadata");
	xml_element(&out, "RequestId", id_uuid().text);
	xml_close(&out, "ResponseMetadata");
	xml_close(&out, response);
	http_set_header(x, "Content-Type", "text/xml");
	http_reply(x, 200, str_view(&out));
}

static void confirm(struct signal_engine *e, struct call *call, const struct form *form,
	struct http_exchange *x)
{
	struct sns_confirm_subscription_request req = {
		.topic_arn = form_get(form, "TopicArn"), .token = form_get(form, "Token")};
	struct sns_confirm_subscription_response resp = {0};
	struct err err CLEANUP_ERR = ERR_INIT;

	if (signal_sns_confirm_subscription(e, call, &req, &resp, &err) < 0)
		reply_error(x, &err);
	else
		reply_done(x, "ConfirmSubscription", resp.subscription_arn);
}

static void unsubscribe(struct signal_engine *e, const struct form *form, struct http_exchange *x)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	const char *arn = form_get(form, "SubscriptionArn");

	if (signal_unsubscribe_by_link(e, arn ? arn : "", &err) < 0)
		reply_error(x, &err);
	else
		reply_done(x, "Unsubscribe", NULL);
}

void snshttp_handle(
	struct signal_engine *e, const char *account, const char *region, struct http_exchange *x)
{
	const char *certificate = signal_signing_certificate(e, http_raw_path(x));
	struct call call = {.arena = http_arena(x), .account = account, .region = region};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct form form;

	if (certificate) {
		http_set_header(x, "Content-Type", "application/x-pem-file");
		http_reply(x, 200, view_of(certificate));
	} else if (!streq(http_raw_path(x), "/")) {
		http_reply(x, 404, VIEW("there is no such certificate\n"));
	} else if (form_parse(view_of(http_raw_query(x)), http_arena(x), &form, &err) < 0) {
		reply_error(x, &err);
	} else if (streq(form_get(&form, "Action"), "ConfirmSubscription")) {
		confirm(e, &call, &form, x);
	} else {
		unsubscribe(e, &form, x);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers as audit records show them: names begin with a small letter, times are
 * written out, and nothing that is secret or a body is in them. */
#include <ctype.h>
#include <strings.h>
#include <time.h>

#include "codec/json.h"
#include "wire/json_form.h"

#define MOST 100000 /* bytes; what is longer becomes null */

/* By its name, beside what the models call sensitive. */
static bool is_secret(const char *name)
{
	static const char *const words[] = {"secret", "password", "sessionToken", "privateKey",
		"authorizationToken", "credential"};
	static const char *const plain[] = {"secretId", "secretArn", "secretList", "credentials",
		"credentialId", "credentialsId"};
	bool found = false;

	if (strlen(name) < strlen("secret"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words) && !found; i++)
		found = strcasestr(name, words[i]);
	for (size_t i = 0; i < ARRAY_SIZE(plain) && found; i++)
		found = strcasecmp(name, plain[i]) != 0;
	return found;
}

/* Members that are structures and lists are looked into. */
static bool hides(const struct wire_shape *shape, const char *name, bool key)
{
	return shape->sensitive || ((key || shape->type == WIRE_STRING) && is_secret(name));
}

static bool takes(const struct wire_member *m, bool top)
{
	(void)top;
	return !m->streaming && m->shape->type != WIRE_BLOB;
}

/* Names of models need no escapes; "ARN" stays as it is. */
static void add_key(const struct wire_member *m, struct str *out)
{
	unsigned char first = (unsigned char)m->name[0];
	bool all = isupper(first) && isupper((unsigned char)m->name[1]);

	str_add_c(out, '"');
	str_add_c(out, (char)(all ? first : tolower(first)));
	str_add(out, m->name + 1);
	str_add_c(out, '"');
}

/* "Dec 14, 2016 6:19:14 PM" */
static void add_time(int64_t usec, struct str *out)
{
	time_t sec = (time_t)(usec / 1000000);
	struct tm tm;
	char text[64];

	gmtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%b %-d, %Y %-I:%M:%S %p", &tm);
	json_write_string(out, view_of(text));
}

static void add_blob(struct view bytes, struct str *out)
{
	(void)bytes;
	str_add(out, "null");
}

void wire_encode_redacted(const struct wire_shape *shape, const void *value, struct str *out)
{
	size_t start = out->len;
	const struct wire_json_form form = {
		.most = start + MOST,
		.takes = takes,
		.hides = hides,
		.add_key = add_key,
		.add_time = add_time,
		.add_blob = add_blob,
	};

	wire_encode_form(&form, shape, value, out);
	if (out->len - start > MOST) {
		str_truncate(out, start);
		str_add(out, "null");
	}
}

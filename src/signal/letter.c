/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a mail (RFC 5322): UTF-8, in base64, so that lines of any length and any script come
 * through. */
#include "signal/letter.h"

#include <string.h>

#include "base/timefmt.h"
#include "codec/base64.h"

#define LINE 76
/* A word of a header must not be longer than 75 characters with all around it. */
#define WORD_BYTES 42

/* A header's text: as it is when it is printable ASCII, else as encoded words (RFC 2047), which are
 * cut between characters. */
static void put_words(const char *text, struct str *out)
{
	struct view rest = view_of(text);

	if (strspn(text,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:-_/()") ==
		rest.len) {
		str_add(out, text);
		return;
	}
	for (const char *between = ""; rest.len; between = "\r\n ") {
		size_t n = MIN(rest.len, (size_t)WORD_BYTES);

		while (n > 1 && n < rest.len && ((unsigned char)rest.p[n] & 0xc0) == 0x80)
			n--;
		str_addf(out, "%s=?UTF-8?B?", between);
		base64_encode((struct view){rest.p, n}, out);
		str_add(out, "?=");
		rest.p += n;
		rest.len -= n;
	}
}

void letter_text(const struct letter *l, struct str *out)
{
	struct str body CLEANUP_STR = STR_INIT;
	struct view rest;

	str_add(out, "From: ");
	put_words(l->from_name, out);
	str_addf(out, " <%s>\r\nTo: <%s>\r\nSubject: ", l->from, l->to);
	put_words(l->subject, out);
	/* "Fri, 27 Nov 2026 22:17:52 GMT", the zone as a number. */
	str_addf(out,
		"\r\nDate: %.26s+0000\r\n"
		"Message-ID: <%s@towpath>\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: %s; charset=UTF-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		timefmt_http(l->usec).text, l->message_id,
		l->json ? "application/json" : "text/plain");
	base64_encode(view_of(l->body), &body);
	for (rest = str_view(&body); rest.len;) {
		size_t n = MIN(rest.len, (size_t)LINE);

		str_addf(out, "%.*s\r\n", (int)n, rest.p);
		rest.p += n;
		rest.len -= n;
	}
}

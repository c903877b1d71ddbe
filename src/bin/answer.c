/* SPDX-License-Identifier: Apache-2.0 */
/* What a command that did something answers. */
#include "bin/answer.h"

#include <stdio.h>

#include "base/str.h"
#include "codec/json.h"

void answer_print(
	const struct options *o, const struct answer_member *members, const char *fmt, ...)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &out};
	va_list ap;

	if (!option_flag(o, "json")) {
		va_start(ap, fmt);
		str_vaddf(&out, fmt, ap);
		va_end(ap);
	} else {
		json_open(&w, '{');
		for (; members->key; members++) {
			json_key(&w, members->key);
			if (members->text)
				json_put_text(&w, members->text);
			else
				json_put_int(&w, members->number);
		}
		json_close(&w, '}');
	}
	puts(str_text(&out));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Writing XML text. */
#include "base/utf8.h"
#include "codec/xml.h"

#define REPLACEMENT "\xef\xbf\xbd"

void xml_open(struct str *out, const char *name)
{
	xml_open_ns(out, name, NULL);
}

void xml_open_ns(struct str *out, const char *name, const char *xmlns)
{
	str_add_c(out, '<');
	str_add(out, name);
	if (xmlns) {
		str_add(out, " xmlns=\"");
		xml_text(out, view_of(xmlns));
		str_add_c(out, '"');
	}
	str_add_c(out, '>');
}

void xml_close(struct str *out, const char *name)
{
	str_add(out, "</");
	str_add(out, name);
	str_add_c(out, '>');
}

static const char *escape(unsigned char c)
{
	static const char *const escapes[256] = {
		['&'] = "&amp;",
		['<'] = "&lt;",
		['>'] = "&gt;",
		['"'] = "&quot;",
		['\r'] = "&#13;",
		['\n'] = "\n",
		['\t'] = "\t",
	};

	if (c < 0x20 && !escapes[c])
		return REPLACEMENT;
	return escapes[c];
}

void xml_text(struct str *out, struct view v)
{
	while (v.len) {
		size_t run = 0, n;

		while (run < v.len && !escape((unsigned char)v.p[run]) &&
			(n = utf8_sequence(v.p + run, v.len - run)))
			run += n;
		str_add_n(out, v.p, run);
		v.p += run;
		v.len -= run;
		if (!v.len)
			break;
		str_add(out,
			escape((unsigned char)*v.p) ? escape((unsigned char)*v.p) : REPLACEMENT);
		v.p++;
		v.len--;
	}
}

void xml_element(struct str *out, const char *name, const char *text)
{
	if (!text)
		return;
	xml_open(out, name);
	xml_text(out, view_of(text));
	xml_close(out, name);
}

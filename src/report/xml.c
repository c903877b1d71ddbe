/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of XML formats share. */
#include "report/xml.h"

#include <string.h>

static bool is_root(const struct report_xml *x, const char *name)
{
	for (const char *const *root = x->roots; *root; root++)
		if (streq(*root, name))
			return true;
	return false;
}

static int on_start(void *arg, const char *name, const struct xml_attributes *a, struct err *err)
{
	struct report_xml *x = arg;

	if (!x->depth && !is_root(x, name))
		return err_set(err, ERR_UNSUPPORTED, "the root element is %.60s, not %s", name,
			x->roots[0]);
	if (x->depth == x->open.n)
		vec_push(&x->open, STR_INIT);
	str_clear(&x->open.v[x->depth]);
	str_add(&x->open.v[x->depth++], name);
	return x->start(x, name, a, err);
}

static int on_end(void *arg, const char *name, const char *text, struct err *err)
{
	struct report_xml *x = arg;
	int r = x->end(x, name, text, err);

	x->depth--;
	return r;
}

static void release(struct report_xml *x)
{
	vec_foreach (name, &x->open)
		str_release(name);
	vec_foreach (name, &x->suites)
		str_release(name);
	vec_release(&x->open);
	vec_release(&x->suites);
	str_release(&x->name);
	str_release(&x->prefix);
	str_release(&x->suite);
	str_release(&x->message);
}

int report_xml_read(struct report_xml *x, int fd, struct err *err)
{
	const struct xml_handler handler = {.arg = x, .start = on_start, .end = on_end};
	int r = xml_stream_read(fd, LIMIT_REPORT_FILE, &handler, err);

	if (r < 0 && !x->open.n && err && err_is(err, ERR_MALFORMED))
		err->kind = ERR_UNSUPPORTED; /* it does not even begin as XML */
	release(x);
	return r;
}

const char *report_xml_parent(const struct report_xml *x, size_t levels)
{
	return x->depth > levels ? str_text(&x->open.v[x->depth - 1 - levels]) : "";
}

static void set(struct str *s, const char *text)
{
	str_clear(s);
	if (text)
		str_add(s, text);
}

void report_xml_suite(struct report_xml *x, const char *name)
{
	if (x->suite_depth == x->suites.n)
		vec_push(&x->suites, STR_INIT);
	set(&x->suites.v[x->suite_depth++], name);
}

void report_xml_suite_end(struct report_xml *x)
{
	x->suite_depth--;
}

const char *report_xml_suite_name(const struct report_xml *x)
{
	return x->suite_depth ? str_text(&x->suites.v[x->suite_depth - 1]) : "";
}

void report_xml_case(struct report_xml *x, const char *name, const char *prefix, const char *suite,
	enum report_case_status status, int64_t duration_nsec)
{
	set(&x->name, name);
	set(&x->prefix, prefix);
	set(&x->suite, suite);
	str_clear(&x->message);
	x->test = (struct report_case){.status = status, .duration_nsec = duration_nsec};
	x->in_case = true;
}

void report_xml_message(struct report_xml *x, const char *text)
{
	struct view v = view_trim(view_of(text));

	if (!x->in_case || !v.len || x->message.len > LIMIT_REPORT_MESSAGE * 4)
		return;
	if (x->message.len && memmem(v.p, v.len, x->message.p, x->message.len))
		str_clear(&x->message); /* a stack trace begins with the message */
	if (x->message.len)
		str_add_c(&x->message, '\n');
	str_add_view(&x->message, v);
}

void report_xml_case_end(struct report_xml *x)
{
	if (!x->in_case)
		return;
	x->test.name = str_text(&x->name);
	x->test.prefix = str_text(&x->prefix);
	x->test.suite = str_text(&x->suite);
	x->test.message = str_text(&x->message);
	report_add_case(x->r, &x->test);
	x->in_case = false;
}

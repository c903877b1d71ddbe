/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of XML formats share: the names of the open elements, the check of the root,
 * and the texts of the test case in hand. Private to report/. */
#ifndef TOWPATH_REPORT_XML_H
#define TOWPATH_REPORT_XML_H

#include "base/limits.h"
#include "base/str.h"
#include "codec/xml_stream.h"
#include "report/number.h"
#include "report/report.h"

struct report_xml {
	struct report *r;
	const char *const *roots; /* names that the root may have, up to NULL */
	int (*start)(struct report_xml *x, const char *name, const struct xml_attributes *a,
		struct err *err);
	int (*end)(struct report_xml *x, const char *name, const char *text, struct err *err);
	void *state; /* the format's own */
	/* kept while reading */
	VEC(struct str) open;	/* names of the open elements, the one in hand last */
	size_t depth;		/* of them in use */
	VEC(struct str) suites; /* names of the open suites */
	size_t suite_depth;	/* of them in use */
	/* the case in hand */
	bool in_case;
	struct report_case test;
	struct str name, prefix, suite, message;
};

/* Reads with these callbacks and releases what it kept. ERR_UNSUPPORTED: no XML, or another root.
 */
int report_xml_read(struct report_xml *x, int fd, struct err *err);
/* The name of the element that the one in hand is in, levels up (1: its parent); "" above. */
const char *report_xml_parent(const struct report_xml *x, size_t levels);

/* A suite begins (NULL: without a name) and ends; cases are in the innermost one that is open, ""
 * outside. */
void report_xml_suite(struct report_xml *x, const char *name);
void report_xml_suite_end(struct report_xml *x);
const char *report_xml_suite_name(const struct report_xml *x);

/* Begins a case; texts are copied, NULL is "". */
void report_xml_case(struct report_xml *x, const char *name, const char *prefix, const char *suite,
	enum report_case_status status, int64_t duration_nsec);
/* Adds a line to its message; NULL and "" add nothing, nor does what it says already. */
void report_xml_message(struct report_xml *x, const char *text);
/* Adds the case to the report. */
void report_xml_case_end(struct report_xml *x);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the table in format.c. Private to report/. */
#ifndef TOWPATH_REPORT_FORMATS_H
#define TOWPATH_REPORT_FORMATS_H

#include "codec/json.h"
#include "report/report.h"

int report_read_clover(struct report *r, int fd, struct err *err);
int report_read_cobertura(struct report *r, int fd, struct err *err);
int report_read_cucumber(struct report *r, int fd, struct err *err);
int report_read_jacoco(struct report *r, int fd, struct err *err);
int report_read_junit(struct report *r, int fd, struct err *err);
int report_read_lcov(struct report *r, int fd, struct err *err);
int report_read_nunit(struct report *r, int fd, struct err *err);
int report_read_nunit3(struct report *r, int fd, struct err *err);
int report_read_sarif(struct report *r, int fd, struct err *err);
int report_read_simplecov(struct report *r, int fd, struct err *err);
int report_read_testng(struct report *r, int fd, struct err *err);
int report_read_trx(struct report *r, int fd, struct err *err);

/* A JSON document of the open file. ERR_UNSUPPORTED: it does not begin as JSON. */
int report_json_read(int fd, struct arena *a, const struct json_node **ret, struct err *err);

#endif

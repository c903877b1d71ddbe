/* SPDX-License-Identifier: Apache-2.0 */
/* lcov's tracefiles (geninfo(1)): SF names a file, LH/LF and BRH/BRF its totals; without totals
 * its DA and BRDA lines are counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "report/formats.h"
#include "report/number.h"

struct lcov {
	struct report *r;
	char *path; /* of the record in hand, or NULL */
	size_t line;
	struct report_counts counted;
	int64_t total[4]; /* LF LH BRF BRH; -1: not told */
};

enum { LF, LH, BRF, BRH };

static const char *const totals[] = {"LF:", "LH:", "BRF:", "BRH:"};

/* DA:line,hits[,checksum] and BRDA:line,block,branch,taken ("-": never reached). */
static int add_hit(const char *text, int field, int64_t *covered, int64_t *missed, struct err *err)
{
	size_t n;

	for (int i = 0; i < field && text; i++) {
		text = strchr(text, ',');
		text = text ? text + 1 : NULL;
	}
	if (text && strcmp(text, "-") == 0) {
		++*missed;
		return 0;
	}
	n = text ? strspn(text, "0123456789") : 0;
	if (!n || (text[n] && text[n] != ','))
		return err_set(
			err, ERR_MALFORMED, "'%.40s' is not a count of hits", text ? text : "");
	++*(strspn(text, "0") >= n ? missed : covered);
	return 0;
}

static void begin(struct lcov *l, const char *path)
{
	free(l->path);
	l->path = xstrdup(path);
	l->counted = (struct report_counts){0};
	for (size_t i = 0; i < ARRAY_SIZE(l->total); i++)
		l->total[i] = -1;
}

static int end_record(struct lcov *l, struct err *err)
{
	struct report_counts c = l->counted;

	if (!l->path)
		return err_set(err, ERR_MALFORMED, "end_of_record without SF");
	if ((l->total[LF] >= 0 && l->total[LH] > l->total[LF]) ||
		(l->total[BRF] >= 0 && l->total[BRH] > l->total[BRF]))
		return err_set(err, ERR_MALFORMED, "more is covered than there is");
	if (l->total[LF] >= 0 && l->total[LH] >= 0) {
		c.lines_covered = l->total[LH];
		c.lines_missed = l->total[LF] - l->total[LH];
	}
	if (l->total[BRF] >= 0 && l->total[BRH] >= 0) {
		c.branches_covered = l->total[BRH];
		c.branches_missed = l->total[BRF] - l->total[BRH];
	}
	report_add_coverage(l->r, l->path, &c);
	free(l->path);
	l->path = NULL;
	return 0;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static int read_line(struct lcov *l, const char *text, struct err *err)
{
	struct report_counts *c = &l->counted;

	if (begins(text, "SF:")) {
		begin(l, text + 3);
		return 0;
	}
	if (streq(text, "end_of_record"))
		return end_record(l, err);
	if (begins(text, "DA:"))
		return add_hit(text + 3, 1, &c->lines_covered, &c->lines_missed, err);
	if (begins(text, "BRDA:"))
		return add_hit(text + 5, 3, &c->branches_covered, &c->branches_missed, err);
	for (size_t i = 0; i < ARRAY_SIZE(totals); i++)
		if (begins(text, totals[i]))
			return report_count(text + strlen(totals[i]), totals[i], &l->total[i], err);
	return 0; /* functions, versions, tests: of no use here */
}

static bool is_first_line(const char *text)
{
	return begins(text, "TN:") || begins(text, "SF:") || *text == '#';
}

static int read_all(struct lcov *l, FILE *in, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t cap = 0, bytes = 0;
	ssize_t n;

	while ((n = getline(&text, &cap, in)) >= 0) {
		bytes += (size_t)n;
		if (bytes > LIMIT_REPORT_FILE)
			return err_set(err, ERR_TOO_LARGE,
				"the file is over the limit of %zu bytes", LIMIT_REPORT_FILE);
		while (n > 0 && strchr("\r\n", text[n - 1]))
			text[--n] = '\0';
		if (!l->line++ && !is_first_line(text))
			return err_set(err, ERR_UNSUPPORTED, "the file is no lcov tracefile");
		if (read_line(l, text, err) < 0)
			return err_wrap(err, "line %zu", l->line);
	}
	if (!l->line)
		return err_set(err, ERR_UNSUPPORTED, "the file is empty");
	return l->path ? err_set(err, ERR_MALFORMED, "line %zu: the record of %.200s has no end",
				 l->line, l->path)
		       : 0;
}

int report_read_lcov(struct report *r, int fd, struct err *err)
{
	struct lcov l = {.r = r};
	int copy = dup(fd);
	FILE *in = copy >= 0 ? fdopen(copy, "r") : NULL;
	int ret;

	if (!in) {
		if (copy >= 0)
			close(copy);
		return err_set(err, ERR_IO, "the file cannot be read");
	}
	ret = read_all(&l, in, err);
	fclose(in);
	free(l.path);
	return ret;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics over sets of values. */
#include <stdlib.h>
#include <string.h>

#include "signal/internal.h"

static const struct {
	const char *name;
	enum signal_statistic kind;
} names[] = {
	{"SampleCount", SIGNAL_SAMPLE_COUNT},
	{"Sum", SIGNAL_SUM},
	{"Average", SIGNAL_AVERAGE},
	{"Minimum", SIGNAL_MINIMUM},
	{"Maximum", SIGNAL_MAXIMUM},
};

bool signal_stat_parse(const char *text, struct signal_stat *ret)
{
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i].name, text)) {
			*ret = (struct signal_stat){.kind = names[i].kind};
			return true;
		}
	if (!text || text[0] != 'p' || text[1] < '0' || text[1] > '9')
		return false;
	*ret = (struct signal_stat){.kind = SIGNAL_PERCENTILE, .percent = strtod(text + 1, &end)};
	return !*end && ret->percent <= 100;
}

struct pair {
	double value, count;
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct pair *)a)->value, y = ((const struct pair *)b)->value;

	return (x > y) - (x < y);
}

/* The smallest value that at least `percent` of the samples do not exceed. */
static bool percentile(double percent, const struct store_metric_set *sets, size_t n, double *ret)
{
	VEC(struct pair) all = {0};
	double total = 0, seen = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sets[i].n; k++) {
			vec_push(&all, ((struct pair){sets[i].values[k], sets[i].counts[k]}));
			total += sets[i].counts[k];
		}
	if (!all.n) {
		vec_release(&all);
		return false;
	}
	qsort(all.v, all.n, sizeof(*all.v), by_value);
	*ret = all.v[all.n - 1].value;
	vec_foreach (p, &all) {
		seen += p->count;
		if (seen >= total * percent / 100) {
			*ret = p->value;
			break;
		}
	}
	vec_release(&all);
	return true;
}

bool signal_stat_value(
	const struct signal_stat *stat, const struct store_metric_set *sets, size_t n, double *ret)
{
	double count = 0, sum = 0, min = 0, max = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || sets[i].min < min)
			min = sets[i].min;
		if (i == 0 || sets[i].max > max)
			max = sets[i].max;
		count += sets[i].count;
		sum += sets[i].sum;
	}
	if (count <= 0)
		return false;
	switch (stat->kind) {
	case SIGNAL_SAMPLE_COUNT:
		*ret = count;
		return true;
	case SIGNAL_SUM:
		*ret = sum;
		return true;
	case SIGNAL_AVERAGE:
		*ret = sum / count;
		return true;
	case SIGNAL_MINIMUM:
		*ret = min;
		return true;
	case SIGNAL_MAXIMUM:
		*ret = max;
		return true;
	case SIGNAL_PERCENTILE:
		return percentile(stat->percent, sets, n, ret);
	}
	BUG("statistic %d", (int)stat->kind);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics over sets of values. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static const struct {
	const char *word;
	enum signal_statistic kind;
} bounded[] = {
	{"tm", SIGNAL_TRIMMED_MEAN},
	{"tc", SIGNAL_TRIMMED_COUNT},
	{"ts", SIGNAL_TRIMMED_SUM},
	{"wm", SIGNAL_WINSORIZED_MEAN},
	{"pr", SIGNAL_PERCENTILE_RANK},
};

/* A bound, up to the sign that ends it; an empty one is as given. */
static bool parse_bound(const char **at, char end, double empty, double *ret, bool *ret_percent)
{
	char *stop;

	*ret = empty;
	*ret_percent = false;
	if (**at != end) {
		*ret = strtod(*at, &stop);
		if (stop == *at)
			return false;
		*at = stop;
		*ret_percent = **at == '%';
		*at += *ret_percent;
	}
	return *(*at)++ == end;
}

/* "(10%:90%)", "(:0.5)": both bounds in percent of the ranks, or both values. */
static bool parse_bounds(const char *text, struct signal_stat *ret)
{
	bool low_percent, high_percent;
	bool low_empty, high_empty;

	if (*text++ != '(')
		return false;
	low_empty = *text == ':';
	if (!parse_bound(&text, ':', -INFINITY, &ret->low, &low_percent))
		return false;
	high_empty = *text == ')';
	if (!parse_bound(&text, ')', INFINITY, &ret->high, &high_percent) || *text ||
		(low_empty && high_empty))
		return false;
	if (!low_empty && !high_empty && low_percent != high_percent)
		return false;
	ret->by_rank = low_percent || high_percent;
	if (ret->by_rank) {
		ret->low = low_empty ? 0 : ret->low;
		ret->high = high_empty ? 100 : ret->high;
	}
	return ret->low < ret->high &&
	       (!ret->by_rank ||
		       (ret->low >= 0 && ret->high <= 100 && ret->kind != SIGNAL_PERCENTILE_RANK));
}

/* tm99 is TM(0%:99%), IQM the mean between the quartiles. */
static bool parse_bounded(const char *text, struct signal_stat *ret)
{
	char *end;

	if (streq(text, "IQM")) {
		*ret = (struct signal_stat){
			.kind = SIGNAL_TRIMMED_MEAN, .low = 25, .high = 75, .by_rank = true};
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(bounded); i++) {
		if (strncasecmp(text, bounded[i].word, 2) != 0)
			continue;
		*ret = (struct signal_stat){.kind = bounded[i].kind};
		if (isupper((unsigned char)text[0]))
			return isupper((unsigned char)text[1]) && parse_bounds(text + 2, ret);
		if (!isdigit((unsigned char)text[2]) || ret->kind == SIGNAL_PERCENTILE_RANK)
			return false;
		ret->by_rank = true;
		ret->high = strtod(text + 2, &end);
		return !*end && ret->high > 0 && ret->high <= 100;
	}
	return false;
}

bool signal_stat_parse(const char *text, struct signal_stat *ret)
{
	char *end;

	if (!text)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i].name, text)) {
			*ret = (struct signal_stat){.kind = names[i].kind};
			return true;
		}
	if (text[0] != 'p' || !isdigit((unsigned char)text[1]))
		return parse_bounded(text, ret);
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

struct pairs {
	struct pair *v;
	size_t n, cap;
};

/* All values together, the smallest first; the number of samples. */
static double collect(const struct store_metric_set *sets, size_t n, struct pairs *ret)
{
	double total = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sets[i].n; k++) {
			vec_push(ret, ((struct pair){sets[i].values[k], sets[i].counts[k]}));
			total += sets[i].counts[k];
		}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_value);
	return total;
}

/* The smallest value that at least `percent` of the samples do not exceed. */
static double percentile(double percent, const struct pairs *all, double total)
{
	double seen = 0;

	vec_foreach (p, all) {
		seen += p->count;
		if (seen >= total * percent / 100)
			return p->value;
	}
	return all->v[all->n - 1].value;
}

/* What lies within the bounds, and beyond them. */
struct bounds {
	double count, sum, below, above, first, last;
};

static struct bounds within(const struct signal_stat *stat, const struct pairs *all, double total)
{
	struct bounds b = {0};
	double seen = 0;

	vec_foreach (p, all) {
		double from = seen, to = seen + p->count, in;

		seen = to;
		if (stat->by_rank)
			in = MIN(to, total * stat->high / 100) - MAX(from, total * stat->low / 100);
		else
			in = p->value > stat->low && p->value <= stat->high ? p->count : 0;
		in = MAX(in, 0);
		if (in > 0) {
			b.first = b.count > 0 ? b.first : p->value;
			b.last = p->value;
		}
		/* The rest of a value lies below as long as nothing lay within. */
		if (b.count > 0)
			b.above += p->count - in;
		else
			b.below += p->count - in;
		b.count += in;
		b.sum += in * p->value;
	}
	return b;
}

static bool bounded_value(
	const struct signal_stat *stat, const struct pairs *all, double total, double *ret)
{
	struct bounds b = within(stat, all, total);

	switch (stat->kind) {
	case SIGNAL_TRIMMED_COUNT:
		*ret = b.count;
		return true;
	case SIGNAL_TRIMMED_SUM:
		*ret = b.sum;
		return true;
	case SIGNAL_PERCENTILE_RANK:
		*ret = b.count * 100 / total;
		return true;
	case SIGNAL_WINSORIZED_MEAN:
		if (b.count > 0)
			*ret = (b.sum + b.below * b.first + b.above * b.last) / total;
		return b.count > 0;
	default:
		if (b.count > 0)
			*ret = b.sum / b.count;
		return b.count > 0;
	}
}

/* Statistics that need the values themselves; false when those are not known. */
static bool from_values(
	const struct signal_stat *stat, const struct store_metric_set *sets, size_t n, double *ret)
{
	struct pairs all = {0};
	double total = collect(sets, n, &all);
	bool found = all.n > 0;

	if (found && stat->kind == SIGNAL_PERCENTILE)
		*ret = percentile(stat->percent, &all, total);
	else if (found)
		found = bounded_value(stat, &all, total, ret);
	vec_release(&all);
	return found;
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
	default:
		return from_values(stat, sets, n, ret);
	}
}

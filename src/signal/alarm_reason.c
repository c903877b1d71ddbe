/* SPDX-License-Identifier: Apache-2.0 */
/* Why an alarm is in its state, in words and as data. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "signal/alarm.h"

/* 50.0, 99.5 */
static const char *number_text(struct arena *a, double v)
{
	if (v == floor(v) && fabs(v) < 1e15)
		return arena_printf(a, "%.1f", v);
	return arena_printf(a, "%.12g", v);
}

static const char *comparison_words(const char *comparison)
{
	static const struct {
		const char *name, *words;
	} table[] = {
		{CLOUDWATCH_COMPARISON_OPERATOR_GREATERTHANTHRESHOLD, "greater than"},
		{CLOUDWATCH_COMPARISON_OPERATOR_GREATERTHANOREQUALTOTHRESHOLD,
			"greater than or equal to"},
		{CLOUDWATCH_COMPARISON_OPERATOR_LESSTHANTHRESHOLD, "less than"},
		{CLOUDWATCH_COMPARISON_OPERATOR_LESSTHANOREQUALTOTHRESHOLD,
			"less than or equal to"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (streq(table[i].name, comparison))
			return table[i].words;
	return comparison;
}

static void datapoints_text(const struct alarm_evaluation *v, struct arena *a, struct str *out,
	size_t *ret_n, size_t *ret_breaching)
{
	*ret_n = *ret_breaching = 0;
	for (size_t i = v->series.n; i-- > 0 && *ret_n < v->rule.n;) {
		time_t at = (time_t)(v->from_sec + (int64_t)i * v->period);
		char when[32];
		struct tm tm;

		if (!v->series.present[i])
			continue;
		gmtime_r(&at, &tm);
		strftime(when, sizeof(when), "%d/%m/%y %H:%M:%S", &tm);
		str_addf(out, "%s%s (%s)", *ret_n ? ", " : "", number_text(a, v->series.values[i]),
			when);
		(*ret_n)++;
		*ret_breaching += alarm_breaches(&v->rule, v->series.values[i]);
	}
}

const char *alarm_reason_text(
	const struct alarm_evaluation *v, const char *from, const char *to, struct arena *a)
{
	struct str points CLEANUP_STR = STR_INIT;
	bool alarm = streq(to, ALARM_STATE_ALARM);
	size_t n, breaching, shown;

	datapoints_text(v, a, &points, &n, &breaching);
	if (streq(to, ALARM_STATE_NO_DATA))
		return arena_printf(a, "Insufficient Data: %zu datapoint%s unknown.", v->rule.n,
			v->rule.n == 1 ? " was" : "s were");
	if (n == 0)
		return arena_printf(a,
			"Threshold Crossed: no datapoints were received for %zu period%s and %zu "
			"missing datapoint%s treated as [%s].",
			v->rule.n, v->rule.n == 1 ? "" : "s", v->rule.n,
			v->rule.n == 1 ? " was" : "s were", alarm ? "Breaching" : "NonBreaching");
	shown = alarm ? breaching : n - breaching;
	return arena_printf(a,
		"Threshold Crossed: %zu out of the last %zu datapoint%s [%s] %s %s%s the threshold "
		"(%s) (minimum %zu datapoint%s for %s -> %s transition).",
		shown, n, n == 1 ? "" : "s", str_text(&points), shown == 1 ? "was" : "were",
		alarm ? "" : "not ", comparison_words(v->rule.comparison),
		number_text(a, v->rule.threshold), alarm ? v->rule.m : v->rule.n - v->rule.m + 1,
		(alarm ? v->rule.m : v->rule.n - v->rule.m + 1) == 1 ? "" : "s", from, to);
}

const char *alarm_date(struct arena *a, int64_t usec)
{
	time_t sec = (time_t)(usec / USEC_PER_SEC);
	char text[32];
	struct tm tm;

	gmtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return arena_printf(a, "%s.%03d+0000", text, (int)(usec / 1000 % 1000));
}

const char *alarm_reason_data(struct signal_engine *e, const struct alarm_evaluation *v,
	const struct cloudwatch_metric_alarm *alarm, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "version", "1.0");
	json_put_member(&w, "queryDate", alarm_date(a, durable_now(e->durable)));
	json_put_member(&w, "startDate", alarm_date(a, v->from_sec * USEC_PER_SEC));
	if (!alarm->metrics.n)
		json_put_member(&w, "statistic",
			alarm->statistic ? alarm->statistic : alarm->extended_statistic);
	json_key(&w, "period");
	json_put_int(&w, v->period);
	json_key(&w, "recentDatapoints");
	json_open(&w, '[');
	for (size_t i = 0; i < v->series.n; i++)
		if (v->series.present[i])
			json_put_real(&w, v->series.values[i]);
	json_close(&w, ']');
	json_key(&w, "threshold");
	json_put_real(&w, v->rule.threshold);
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

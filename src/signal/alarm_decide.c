/* SPDX-License-Identifier: Apache-2.0 */
/* Deciding an alarm's state from its datapoints: "M out of N", with the treatment of missing data
 * that CloudWatch documents. Older points replace gaps before fillers do. */
#include "signal/internal.h"

enum comparison { GT, GE, LT, LE };
static const struct {
	const char *name;
	enum comparison c;
} comparisons[] = {
	{CLOUDWATCH_COMPARISON_OPERATOR_GREATERTHANTHRESHOLD, GT},
	{CLOUDWATCH_COMPARISON_OPERATOR_GREATERTHANOREQUALTOTHRESHOLD, GE},
	{CLOUDWATCH_COMPARISON_OPERATOR_LESSTHANTHRESHOLD, LT},
	{CLOUDWATCH_COMPARISON_OPERATOR_LESSTHANOREQUALTOTHRESHOLD, LE},
};

bool alarm_breaches(const struct alarm_rule *rule, double value)
{
	for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++) {
		if (!streq(comparisons[i].name, rule->comparison))
			continue;
		switch (comparisons[i].c) {
		case GT:
			return value > rule->threshold;
		case GE:
			return value >= rule->threshold;
		case LT:
			return value < rule->threshold;
		case LE:
			return value <= rule->threshold;
		}
	}
	BUG("comparison '%s'", rule->comparison);
}

/* Only breaching points exist, too few of them: a lone one that is old enough counts. */
static enum alarm_outcome decide_lone(const struct alarm_rule *rule, const bool *present)
{
	size_t slots = rule->n + ALARM_EXTRA_SLOTS;

	for (size_t age = rule->n; age >= 1; age--)
		if (present[slots - age])
			return age >= rule->m ? ALARM_OUTCOME_ALARM : ALARM_OUTCOME_KEEP;
	return ALARM_OUTCOME_KEEP;
}

static enum alarm_outcome decide_none(enum alarm_missing missing)
{
	static const enum alarm_outcome outcomes[] = {
		[MISSING_MISSING] = ALARM_OUTCOME_NO_DATA,
		[MISSING_IGNORE] = ALARM_OUTCOME_KEEP,
		[MISSING_BREACHING] = ALARM_OUTCOME_ALARM,
		[MISSING_NOT_BREACHING] = ALARM_OUTCOME_OK,
	};

	return outcomes[missing];
}

enum alarm_outcome alarm_decide(
	const struct alarm_rule *rule, const double *values, const bool *present)
{
	size_t slots = rule->n + ALARM_EXTRA_SLOTS, real = 0, breaching = 0, fillers;

	for (size_t i = slots; i-- > 0 && real < rule->n;) {
		if (!present[i])
			continue;
		real++;
		breaching += alarm_breaches(rule, values[i]);
	}
	if (real == 0)
		return decide_none(rule->missing);
	fillers = rule->missing == MISSING_BREACHING ? rule->n - real : 0;
	if (breaching + fillers >= rule->m)
		return ALARM_OUTCOME_ALARM;
	if (real == rule->n || breaching < real || rule->missing == MISSING_BREACHING ||
		rule->missing == MISSING_NOT_BREACHING)
		return ALARM_OUTCOME_OK;
	return rule->missing == MISSING_IGNORE ? ALARM_OUTCOME_KEEP : decide_lone(rule, present);
}

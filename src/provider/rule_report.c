/* SPDX-License-Identifier: Apache-2.0 */
/* Rule / ReportGate (an addition): a number of the report that a build of this execution made
 * against a threshold, with the measured value in the message. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "provider/action_world.h"

static const struct action_key keys[] = {
	{"ReportGroup", true, false, "Name or ARN of the report group"},
	{"Metric", true, false,
		"LineCoverage, BranchCoverage or PassRate (at least the threshold, in percent); "
		"Errors, Warnings or Notes (findings or cases, at most the threshold)"},
	{"Threshold", true, false, "A number"},
};

#define DECLARATION "InvalidStageDeclarationException"

static double line_coverage(const struct codebuild_report *r)
{
	return wire_or(r->code_coverage_summary->line_coverage_percentage, 0);
}

static double branch_coverage(const struct codebuild_report *r)
{
	return wire_or(r->code_coverage_summary->branch_coverage_percentage, 0);
}

static double count(const struct codebuild_report *r, const char *status)
{
	wire_foreach (it, &r->test_summary->status_counts)
		if (streq(it->key, status))
			return wire_or(it->value, 0);
	return 0;
}

static double pass_rate(const struct codebuild_report *r)
{
	double total = wire_or(r->test_summary->total, 0);

	return total > 0 ? 100 * count(r, "SUCCEEDED") / total : 0;
}

static double errors(const struct codebuild_report *r)
{
	return count(r, "ERROR");
}

static double warnings(const struct codebuild_report *r)
{
	return count(r, "FAILED");
}

static double notes(const struct codebuild_report *r)
{
	return count(r, "UNKNOWN");
}

static const struct metric {
	const char *name, *says;
	bool of_coverage, at_most;
	double (*value)(const struct codebuild_report *r);
} metrics[] = {
	{"LineCoverage", "line coverage", true, false, line_coverage},
	{"BranchCoverage", "branch coverage", true, false, branch_coverage},
	{"PassRate", "pass rate", false, false, pass_rate},
	{"Errors", "error", false, true, errors},
	{"Warnings", "warning", false, true, warnings},
	{"Notes", "note", false, true, notes},
};

static const struct metric *metric_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(metrics); i++)
		if (streq(metrics[i].name, name))
			return &metrics[i];
	return NULL;
}

static bool read_threshold(const char *text, double *ret)
{
	char *end;

	*ret = text ? strtod(text, &end) : -1;
	return text && end != text && !*end && isfinite(*ret) && *ret >= 0;
}

static int validate(void *arg UNUSED, const struct codepipeline_action_declaration *action,
	struct arena *a UNUSED, struct err *err)
{
	const char *metric = action_setting(action, "Metric");
	const char *threshold = action_setting(action, "Threshold");
	double v;

	if (!action_value_is_variable(metric) && !metric_find(metric))
		return err_set_wire(err, DECLARATION,
			"Rule '%s': Metric '%s' is none of LineCoverage, BranchCoverage, PassRate, "
			"Errors, Warnings, Notes",
			action->name, metric);
	if (!action_value_is_variable(threshold) && !read_threshold(threshold, &v))
		return err_set_wire(err, DECLARATION, "Rule '%s': Threshold '%s' is not a number",
			action->name, threshold);
	return 0;
}

/* "line coverage 87.3% of shop-coverage is below 90%", "3 errors in shop-lint are more than 0" */
static const char *sentence(const struct action_run *run, const struct metric *m,
	const struct codebuild_report *r, double value, double threshold)
{
	bool holds = m->at_most ? value <= threshold : value >= threshold;

	if (m->at_most) {
		bool one = value > 0.5 && value < 1.5;

		return arena_printf(run->arena, "%g %s%s in %s %s %smore than %g", value, m->says,
			one ? "" : "s", r->name, one ? "is" : "are", holds ? "not " : "",
			threshold);
	}
	/* Cut, not rounded: 89.96 is not shown as 90. */
	return arena_printf(run->arena, "%s %.4g%% of %s is %s %g%%", m->says,
		floor(value * 10 + 1e-9) / 10, r->name, holds ? "at least" : "below", threshold);
}

static int decide(const struct action_run *run, struct action_result *ret, const struct metric *m,
	const struct codebuild_report *r, double threshold)
{
	double value;

	if (m->of_coverage ? !r->code_coverage_summary : !r->test_summary)
		return action_fail(run, ret, "ConfigurationError", "%s has no %s: it is of type %s",
			r->name, m->says, r->type);
	value = m->value(r);
	ret->summary = sentence(run, m, r, value, threshold);
	if (m->at_most ? value <= threshold : value >= threshold)
		ret->outcome = ACTION_SUCCEEDED;
	else
		action_fail(run, ret, "RuleFailed", "%s", ret->summary);
	return 0;
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const char *group = action_run_setting(run, "ReportGroup"), *message = "";
	const struct metric *m = metric_find(action_run_setting(run, "Metric"));
	struct codebuild_report report = {0};
	double threshold;
	int found;

	if (!m || !read_threshold(action_run_setting(run, "Threshold"), &threshold))
		return action_fail(run, ret, "ConfigurationError",
			"Metric or Threshold is not what a ReportGate takes");
	found = build_report_of_execution(
		w->build, group, run->execution_id, run->arena, &report, &message, err);
	if (found < 0)
		return -1;
	if (!found)
		return action_fail(run, ret, "RuleFailed",
			"no build of this execution made a report of group %s", group);
	if (streq(report.status, CODEBUILD_REPORT_STATUS_TYPE_INCOMPLETE))
		return action_fail(run, ret, "RuleFailed", "the report of %s is incomplete: %s",
			report.name, message);
	return decide(run, ret, m, &report, threshold);
}

const struct action_provider rule_report = {
	.category = CODEPIPELINE_RULE_CATEGORY_RULE,
	.provider = "ReportGate",
	ACTION_KEYS(keys),
	.validate = validate,
	.start = start,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Which deliveries build: a group of filters that all hold. */
#include <string.h>

#include "base/mem.h"
#include "build/engine.h"
#include "build/hook.h"
#include "wire/pattern.h"

#define EVENT CODEBUILD_WEBHOOK_FILTER_TYPE_EVENT

static const char *const events[] = {"PUSH", "PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED",
	"PULL_REQUEST_REOPENED", "PULL_REQUEST_MERGED", "PULL_REQUEST_CLOSED"};

/* The next name of a list parted by commas; empty: the end. */
static struct view next_event(struct view *list)
{
	return view_trim(view_cut(list, ','));
}

static bool names_event(const char *pattern, const char *event)
{
	struct view list = view_of(pattern);

	while (list.len)
		if (view_eq_str(next_event(&list), event))
			return true;
	return false;
}

/* ---- checking ---- */

static int check_events(const char *pattern, struct err *err)
{
	struct view list = view_of(pattern), name;

	while (list.len) {
		bool known = false;

		name = next_event(&list);
		for (size_t i = 0; i < ARRAY_SIZE(events); i++)
			known |= view_eq_str(name, events[i]);
		if (!known)
			return build_invalid(err,
				"Invalid filter: event " VIEW_FMT " is not offered by this server",
				VIEW_ARG(name));
	}
	return 0;
}

/* Files and messages that a host does not tell, nobody can look at. */
static int check_told(const struct build_host *host, const char *type, bool pulls, struct err *err)
{
	bool bitbucket = starts_with(host->type, "BITBUCKET");
	bool files = streq(type, CODEBUILD_WEBHOOK_FILTER_TYPE_FILE_PATH) && (pulls || bitbucket);
	bool message = streq(type, CODEBUILD_WEBHOOK_FILTER_TYPE_COMMIT_MESSAGE) && pulls &&
		       !starts_with(host->type, "GITLAB");

	if (files || message)
		return build_invalid(err,
			"Invalid filter: %s does not tell %s of %s, so %s cannot be used with them",
			host->label, files ? "the files" : "the commit's message",
			pulls ? "pull requests" : "pushes", type);
	return 0;
}

static int check_filter(const struct build_host *host, const struct codebuild_webhook_filter *f,
	bool pulls, struct err *err)
{
	static const char *const types[] = {CODEBUILD_WEBHOOK_FILTER_TYPE_BASE_REF,
		CODEBUILD_WEBHOOK_FILTER_TYPE_HEAD_REF,
		CODEBUILD_WEBHOOK_FILTER_TYPE_ACTOR_ACCOUNT_ID,
		CODEBUILD_WEBHOOK_FILTER_TYPE_FILE_PATH,
		CODEBUILD_WEBHOOK_FILTER_TYPE_COMMIT_MESSAGE};
	CLEANUP_ERR struct err why = ERR_INIT;
	bool known = false;

	if (streq(f->type, EVENT))
		return check_events(f->pattern, err);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		known |= streq(f->type, types[i]);
	if (!known)
		return build_invalid(
			err, "Invalid filter: type %s is not offered by this server", f->type);
	if (wire_pattern_search(f->pattern, "", &why) < 0)
		return build_invalid(err, "Invalid filter: %s is no regular expression: %s",
			f->pattern, err_message(&why));
	return check_told(host, f->type, pulls, err);
}

static int check_group(
	const struct build_host *host, const struct codebuild_filter_group *group, struct err *err)
{
	bool named = false, pulls = false;

	wire_foreach (f, group) {
		if (!streq(f->type, EVENT) || wire_or(f->exclude_matched_pattern, false))
			continue;
		named = true;
		pulls |= strstr(f->pattern, "PULL_REQUEST") != NULL;
	}
	if (!named)
		return build_invalid(
			err, "Invalid filter: each filter group needs a filter of type EVENT");
	wire_foreach (f, group)
		if (check_filter(host, f, pulls, err) < 0)
			return -1;
	return 0;
}

int build_hook_check(
	const struct build_host *host, const struct codebuild_webhook *w, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	if (w->branch_filter && *w->branch_filter && w->filter_groups.n)
		return build_invalid(
			err, "Invalid input: branchFilter and filterGroups exclude one another");
	if (w->branch_filter && wire_pattern_search(w->branch_filter, "", &why) < 0)
		return build_invalid(err,
			"Invalid input: branchFilter %s is no regular "
			"expression: %s",
			w->branch_filter, err_message(&why));
	wire_foreach (group, &w->filter_groups)
		if (check_group(host, group, err) < 0)
			return -1;
	return 0;
}

/* ---- deciding ---- */

static bool found(const char *pattern, const char *text)
{
	return text && wire_pattern_search(pattern, text, NULL) > 0;
}

static bool found_in_files(const char *pattern, const struct build_hook_event *e)
{
	for (size_t i = 0; i < e->files.n; i++)
		if (found(pattern, e->files.v[i]))
			return true;
	return false;
}

static bool holds(const struct codebuild_webhook_filter *f, const struct build_hook_event *e)
{
	const struct {
		const char *type, *text;
	} texts[] = {
		{CODEBUILD_WEBHOOK_FILTER_TYPE_HEAD_REF, e->head_ref},
		{CODEBUILD_WEBHOOK_FILTER_TYPE_BASE_REF, e->base_ref},
		{CODEBUILD_WEBHOOK_FILTER_TYPE_ACTOR_ACCOUNT_ID, e->actor},
		{CODEBUILD_WEBHOOK_FILTER_TYPE_COMMIT_MESSAGE, e->message},
	};
	bool match = streq(f->type, EVENT) ? names_event(f->pattern, e->event)
					   : found_in_files(f->pattern, e);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (streq(texts[i].type, f->type))
			match = found(f->pattern, texts[i].text);
	return match != wire_or(f->exclude_matched_pattern, false);
}

static bool all_hold(const struct codebuild_filter_group *group, const struct build_hook_event *e)
{
	wire_foreach (f, group)
		if (!holds(f, e))
			return false;
	return true;
}

/* Without groups: pushes, and pull requests that came or changed. */
static bool fits_by_default(const struct codebuild_webhook *w, const struct build_hook_event *e)
{
	const char *branch = starts_with(e->head_ref, "refs/heads/")
				     ? e->head_ref + strlen("refs/heads/")
				     : NULL;

	if (streq(e->event, "PULL_REQUEST_MERGED") || streq(e->event, "PULL_REQUEST_CLOSED"))
		return false;
	return !w->branch_filter || !*w->branch_filter || found(w->branch_filter, branch);
}

bool build_hook_fits(const struct codebuild_webhook *w, const struct build_hook_event *e)
{
	if (e->of_fork && !w->pull_request_build_policy)
		return false;
	if (!w->filter_groups.n)
		return fits_by_default(w, e);
	wire_foreach (group, &w->filter_groups)
		if (all_hold(group, e))
			return true;
	return false;
}

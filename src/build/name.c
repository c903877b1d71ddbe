/* SPDX-License-Identifier: Apache-2.0 */
/* Names, ids and ARNs of projects, builds, report groups and reports. */
#include <stdio.h>

#include "build/batch.h"

int build_invalid(struct err *err, const char *fmt, ...)
{
	CLEANUP_STR struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	return err_set_wire(err, "InvalidInputException", "%s", str_text(&text));
}

/* What follows the given type in an ARN of this service ("project/", "build/"), the text itself
 * when it is no ARN, NULL when it is another ARN. */
static const char *resource_of(const char *text, const char *type)
{
	const char *p = text;

	if (!starts_with(text, "arn:"))
		return text;
	for (int colons = 0; colons < 5; colons++) {
		p = strchr(p, ':');
		if (!p)
			return NULL;
		p++;
	}
	return starts_with(p, type) ? p + strlen(type) : NULL;
}

const char *build_project_name_of(const char *name_or_arn)
{
	return resource_of(name_or_arn, "project/");
}

static const char *uuid_of(const char *id_or_arn, const char *type)
{
	const char *id = resource_of(id_or_arn, type);
	const char *colon = id ? strrchr(id, ':') : NULL;

	if (!colon || strlen(colon + 1) != 36 || strspn(colon + 1, "0123456789abcdef-") != 36)
		return NULL;
	return colon + 1;
}

const char *build_uuid_of(const char *id_or_arn)
{
	return uuid_of(id_or_arn, "build/");
}

const char *batch_uuid_of(const char *id_or_arn)
{
	return uuid_of(id_or_arn, "build-batch/");
}

bool build_id_is_of(const char *id_or_arn, const char *owner)
{
	const char *name = starts_with(id_or_arn, "arn:") ? strrchr(id_or_arn, '/') : NULL;
	const char *colon;

	name = name ? name + 1 : id_or_arn;
	colon = strrchr(name, ':');
	return colon && (size_t)(colon - name) == strlen(owner) && starts_with(name, owner);
}

const char *build_report_group_of(const char *name_or_arn)
{
	const char *name = resource_of(name_or_arn, "report-group/");

	return name && *name && !strpbrk(name, ":/") ? name : NULL;
}

const char *build_report_id_of(const char *arn)
{
	const char *name = starts_with(arn, "arn:") ? resource_of(arn, "report/") : NULL;
	const char *colon = name ? strrchr(name, ':') : NULL;

	return colon && strlen(colon + 1) == 36 ? colon + 1 : NULL;
}

const char *build_report_group_arn(const struct build_engine *e, const char *name, struct arena *a)
{
	return arena_printf(
		a, "arn:aws:codebuild:%s:%s:report-group/%s", e->region, e->account, name);
}

const char *build_report_arn(
	const struct build_engine *e, const char *group, const char *id, struct arena *a)
{
	return arena_printf(
		a, "arn:aws:codebuild:%s:%s:report/%s:%s", e->region, e->account, group, id);
}

const char *build_project_arn(const struct build_engine *e, const char *name, struct arena *a)
{
	return arena_printf(a, "arn:aws:codebuild:%s:%s:project/%s", e->region, e->account, name);
}

const char *build_arn(
	const struct build_engine *e, const char *project, const char *uuid, struct arena *a)
{
	return arena_printf(
		a, "arn:aws:codebuild:%s:%s:build/%s:%s", e->region, e->account, project, uuid);
}

const char *batch_arn(
	const struct build_engine *e, const char *project, const char *uuid, struct arena *a)
{
	return arena_printf(a, "arn:aws:codebuild:%s:%s:build-batch/%s:%s", e->region, e->account,
		project, uuid);
}

const char *build_job_dir(const struct build_engine *e, const char *uuid, struct arena *a)
{
	return arena_printf(a, "%s/%s", e->builds_dir, uuid);
}

char *build_log_path(const struct build_engine *e, const char *id)
{
	const char *uuid = build_uuid_of(id);

	return uuid ? xasprintf("%s/%s/log", e->builds_dir, uuid) : NULL;
}

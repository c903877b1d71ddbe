/* SPDX-License-Identifier: Apache-2.0 */
#include "api/resource_tags.h"

#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "wire/value.h"

/* ---- how a service calls what an ARN names ---- */

typedef const char *(*name_fn)(const char *arn, struct arena *a);

static const char *arn_itself(const char *arn, struct arena *a)
{
	(void)a;
	return arn;
}

static const char *last_name(const char *arn, struct arena *a)
{
	const char *slash = strrchr(arn, '/');

	(void)a;
	return slash ? slash + 1 : arn;
}

/* Stages and actions have the tags of their pipeline. */
static const char *pipeline_of(const char *arn, struct arena *a)
{
	return arena_strndup(a, arn, strcspn(arn, "/"));
}

/* Groups are asked for as "...:log-stream:"; streams have no tags. */
static const char *group_of(const char *arn, struct arena *a)
{
	const char *end = strstr(arn, ":log-stream:");

	if (!end)
		return arn;
	return end[strlen(":log-stream:")] ? NULL : arena_strndup(a, arn, (size_t)(end - arn));
}

/* "/a/b" of ".../parameter/a/b"; a name of one level may have its slash or not. */
static const char *parameter_of(const char *arn, struct arena *a)
{
	const char *name = strstr(arn, ":parameter/") + strlen(":parameter");

	(void)a;
	return strchr(name + 1, '/') ? name : name + 1;
}

static const char *parameter_with_slash(const char *arn, struct arena *a)
{
	(void)a;
	return strstr(arn, ":parameter/") + strlen(":parameter");
}

/* By which operation a service tells tags, and what it calls the resource. */
static const struct teller {
	const char *service;  /* NULL: any */
	const char *resource; /* how what names it begins in the ARN, or NULL: any */
	const char *operation, *member;
	name_fn name;
	const char *type; /* of a member ResourceType, or NULL */
} tellers[] = {
	{"codebuild", "project/", "BatchGetProjects", "names", last_name, NULL},
	{"codebuild", "report-group/", "BatchGetReportGroups", "reportGroupArns", arn_itself, NULL},
	{"codepipeline", NULL, "ListTagsForResource", "resourceArn", pipeline_of, NULL},
	{"iam", "instance-profile/", "ListInstanceProfileTags", "InstanceProfileName", last_name,
		NULL},
	{"iam", "oidc-provider/", "ListOpenIDConnectProviderTags", "OpenIDConnectProviderArn",
		arn_itself, NULL},
	{"iam", "policy/", "ListPolicyTags", "PolicyArn", arn_itself, NULL},
	{"iam", "role/", "ListRoleTags", "RoleName", last_name, NULL},
	{"iam", "server-certificate/", "ListServerCertificateTags", "ServerCertificateName",
		last_name, NULL},
	{"iam", "user/", "ListUserTags", "UserName", last_name, NULL},
	{"logs", "log-group:", "ListTagsForResource", "resourceArn", group_of, NULL},
	{"secretsmanager", NULL, "DescribeSecret", "SecretId", arn_itself, NULL},
	{"ssm", "parameter/", "ListTagsForResource", "ResourceId", parameter_of, "Parameter"},
	{"ssm", "parameter/", "ListTagsForResource", "ResourceId", parameter_with_slash,
		"Parameter"},
	{NULL, NULL, "ListTagsForResource", "resourceArn", arn_itself, NULL},
	{NULL, NULL, "ListTagsForResource", "ResourceArn", arn_itself, NULL},
	{NULL, NULL, "ListTagsForResource", "ResourceARN", arn_itself, NULL},
};

struct question {
	struct call call;
	const char *arn;
	void (*tag)(void *to, const char *key, const char *value);
	void *to;
};

/* arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE */
static struct view service_of(const char *arn, const char **ret_resource)
{
	struct view rest = view_of(arn), service;

	view_cut(&rest, ':');
	view_cut(&rest, ':');
	service = view_cut(&rest, ':');
	view_cut(&rest, ':');
	view_cut(&rest, ':');
	*ret_resource = rest.p ? rest.p : "";
	return service;
}

static const char *text_in(const struct wire_shape *shape, const void *element, const char *name)
{
	const struct wire_member *m = wire_member_find(shape, view_of(name));

	return m ? *(const char *const *)((const char *)element + m->offset) : NULL;
}

/* Tags as a map, or as a list of structures with key and value. */
static void tell(struct question *q, const struct wire_shape *shape, const struct wire_list *tags)
{
	for (size_t i = 0; i < tags->n; i++) {
		const char *item = (const char *)tags->v + i * shape->stride, *key, *value;

		if (shape->type == WIRE_MAP) {
			key = *(const char *const *)item;
			value = *(const char *const *)(item + shape->value_offset);
		} else {
			key = text_in(shape->element, item, "key");
			value = text_in(shape->element, item, "value");
			key = key ? key : text_in(shape->element, item, "Key");
			value = value ? value : text_in(shape->element, item, "Value");
		}
		if (key)
			q->tag(q->to, key, value ? value : "");
	}
}

/* The tags of an answer, or of the first thing in its list. */
static void tell_answer(struct question *q, const struct wire_shape *shape, const void *answer)
{
	static const char *const names[] = {"tags", "Tags", "TagList"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct wire_member *m = wire_member_find(shape, view_of(names[i]));

		if (m) {
			tell(q, m->shape, (const void *)((const char *)answer + m->offset));
			return;
		}
	}
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const struct wire_list *list = (const void *)((const char *)answer + m->offset);

		if (m->shape->type != WIRE_LIST || m->shape->element->type != WIRE_STRUCT)
			continue;
		if (list->n)
			tell_answer(q, m->shape->element, list->v);
		return;
	}
}

static void put_name(void *input, const struct wire_member *m, const char *name, struct arena *a)
{
	const char **names = arena_new(a, const char *);
	struct wire_list list = {.v = names, .n = 1, .set = true};

	*names = name;
	if (m->shape->type == WIRE_LIST)
		memcpy((char *)input + m->offset, &list, sizeof(list));
	else
		memcpy((char *)input + m->offset, names, sizeof(*names));
}

/* Calls the operation as one of the server's own. False: it knows nothing of the resource. */
static bool ask(struct question *q, const struct call_service *s, const struct teller *t)
{
	const struct wire_operation *op = wire_operation_find(s->wire, view_of(t->operation));
	const struct wire_member *m =
		op && op->input ? wire_member_find(op->input, view_of(t->member)) : NULL;
	const char *name;
	void *input, *output;
	size_t index;

	if (!m || !s->handlers[index = (size_t)(op - s->wire->operations)])
		return false;
	name = t->name(q->arn, q->call.arena);
	if (!name)
		return true;
	input = arena_alloc(q->call.arena, op->input->size);
	output = arena_alloc(q->call.arena, op->output->size);
	put_name(input, m, name, q->call.arena);
	if (t->type)
		put_name(input, wire_member_find(op->input, VIEW("ResourceType")), t->type,
			q->call.arena);
	q->call.operation = op;
	if (s->handlers[index](s->engine, &q->call, input, output, NULL) != 0)
		return false;
	tell_answer(q, op->output, output);
	return true;
}

void api_resource_tags(void *arg, const char *arn, struct arena *a,
	void (*tag)(void *to, const char *key, const char *value), void *to)
{
	const struct api_config *c = api_config_of(arg);
	struct uuid_text id = id_uuid();
	struct question q = {
		.call = {.arena = a,
			.account = c->account,
			.region = c->region,
			.partition = "aws",
			.principal_arn = arena_printf(a, "arn:aws:iam::%s:root", c->account),
			.principal_id = c->account,
			.request_id = arena_strdup(a, id.text)},
		.arn = arn,
		.tag = tag,
		.to = to,
	};
	const char *resource;
	struct view service = service_of(arn, &resource);

	for (size_t i = 0; i < c->n_services; i++) {
		const struct call_service *s = c->services[i];
		const char *prefix = s->action_prefix ? s->action_prefix : s->wire->signing_name;

		if (!view_eq_str(service, prefix))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(tellers); k++) {
			const struct teller *t = &tellers[k];

			if ((!t->service || streq(t->service, s->wire->name)) &&
				(!t->resource || starts_with(resource, t->resource)) &&
				ask(&q, s, t))
				return;
		}
	}
}

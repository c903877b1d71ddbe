/* SPDX-License-Identifier: Apache-2.0 */
#include "api/resource_tags.h"

#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "wire/value.h"

/* By which operation a service tells tags, and what it calls the resource. */
static const struct teller {
	const char *service; /* NULL: any */
	const char *operation, *member;
	bool name; /* wants a list of names, not the ARN */
	bool part; /* stages and actions have the tags of their pipeline */
} tellers[] = {
	{"codebuild", "BatchGetProjects", "names", true, false},
	{"secretsmanager", "DescribeSecret", "SecretId", false, false},
	{"codepipeline", "ListTagsForResource", "resourceArn", false, true},
	{NULL, "ListTagsForResource", "resourceArn", false, false},
	{NULL, "ListTagsForResource", "ResourceArn", false, false},
	{NULL, "ListTagsForResource", "ResourceARN", false, false},
};

struct question {
	struct call call;
	const char *arn;
	void (*tag)(void *to, const char *key, const char *value);
	void *to;
};

static struct view service_of(const char *arn)
{
	struct view rest = view_of(arn);

	view_cut(&rest, ':');
	view_cut(&rest, ':');
	return view_cut(&rest, ':');
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
	static const char *const names[] = {"tags", "Tags"};

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

/* Calls the operation as one of the server's own. False: it is not the one. */
static bool ask(struct question *q, const struct call_service *s, const struct teller *t)
{
	const struct wire_operation *op = wire_operation_find(s->wire, view_of(t->operation));
	const struct wire_member *m =
		op && op->input ? wire_member_find(op->input, view_of(t->member)) : NULL;
	const char *name = strrchr(q->arn, '/');
	struct wire_list names = {.v = &name, .n = 1, .set = true};
	void *input, *output;
	size_t index;

	if (!m || !s->handlers[index = (size_t)(op - s->wire->operations)])
		return false;
	input = arena_alloc(q->call.arena, op->input->size);
	output = arena_alloc(q->call.arena, op->output->size);
	if (t->name) {
		if (!strstr(q->arn, ":project/"))
			return true;
		name++;
		memcpy((char *)input + m->offset, &names, sizeof(names));
	} else {
		*(const char **)((char *)input + m->offset) =
			t->part ? arena_strndup(q->call.arena, q->arn, strcspn(q->arn, "/"))
				: q->arn;
	}
	q->call.operation = op;
	if (s->handlers[index](s->engine, &q->call, input, output, NULL) == 0)
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
	struct view service = service_of(arn);

	for (size_t i = 0; i < c->n_services; i++) {
		const struct call_service *s = c->services[i];
		const char *prefix = s->action_prefix ? s->action_prefix : s->wire->signing_name;

		if (!view_eq_str(service, prefix))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(tellers); k++)
			if ((!tellers[k].service || streq(tellers[k].service, s->wire->name)) &&
				ask(&q, s, &tellers[k]))
				return;
	}
}

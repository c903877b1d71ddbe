/* SPDX-License-Identifier: Apache-2.0 */
/* Every service and every shape that its operations reach, and values made for them. */
#ifndef TOWPATH_TESTS_WIRE_ALL_SERVICES_H
#define TOWPATH_TESTS_WIRE_ALL_SERVICES_H

#include <stdio.h>

#include "autoscaling.gen.h"
#include "base/map.h"
#include "base/mem.h"
#include "cloudtrail.gen.h"
#include "cloudwatch.gen.h"
#include "codebuild.gen.h"
#include "codecommit.gen.h"
#include "codedeploy.gen.h"
#include "codedeploy_commands.gen.h"
#include "codepipeline.gen.h"
#include "ec2.gen.h"
#include "ecr.gen.h"
#include "ecs.gen.h"
#include "elbv2.gen.h"
#include "events.gen.h"
#include "iam.gen.h"
#include "logs.gen.h"
#include "s3.gen.h"
#include "secretsmanager.gen.h"
#include "sns.gen.h"
#include "ssm.gen.h"
#include "sts.gen.h"
#include "towpath.gen.h"

static const struct wire_service *const all_services[] = {
	&autoscaling_service,
	&cloudtrail_service,
	&cloudwatch_service,
	&codebuild_service,
	&codecommit_service,
	&codedeploy_commands_service,
	&codedeploy_service,
	&codepipeline_service,
	&ec2_service,
	&ecr_service,
	&ecs_service,
	&elbv2_service,
	&events_service,
	&iam_service,
	&logs_service,
	&s3_service,
	&secretsmanager_service,
	&sns_service,
	&ssm_service,
	&sts_service,
	&towpath_service,
};
static const size_t n_all_services = ARRAY_SIZE(all_services);

typedef void (*shape_fn)(const struct wire_shape *shape, void *arg);

static inline void visit_shape(
	const struct wire_shape *shape, struct map *seen, shape_fn fn, void *arg)
{
	char key[32];

	if (!shape)
		return;
	snprintf(key, sizeof(key), "%p", (const void *)shape);
	if (map_has(seen, key))
		return;
	map_set(seen, key, (void *)shape);
	fn(shape, arg);
	visit_shape(shape->element, seen, fn, arg);
	visit_shape(shape->key, seen, fn, arg);
	for (size_t i = 0; i < shape->n_members; i++)
		visit_shape(shape->members[i].shape, seen, fn, arg);
}

/* Calls fn once for each shape that the service's operations reach. */
static inline void each_shape(const struct wire_service *service, shape_fn fn, void *arg)
{
	CLEANUP_MAP struct map seen = MAP_INIT;

	for (size_t i = 0; i < service->n_operations; i++) {
		const struct wire_operation *op = &service->operations[i];

		visit_shape(op->input, &seen, fn, arg);
		visit_shape(op->output, &seen, fn, arg);
		for (size_t e = 0; e < op->n_errors; e++)
			visit_shape(op->errors[e], &seen, fn, arg);
	}
}

static inline void fill_slot(const struct wire_shape *shape, void *slot, bool in_place, int depth,
	unsigned *seed, struct arena *a);

static inline void fill_structure(
	const struct wire_shape *shape, void *structure, int depth, unsigned *seed, struct arena *a)
{
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];

		if (!shape->is_union || i == 0)
			fill_slot(m->shape, (char *)structure + m->offset, false, depth, seed, a);
	}
}

static inline void fill_elements(const struct wire_shape *shape, struct wire_list *list, int depth,
	unsigned *seed, struct arena *a)
{
	list->n = depth > 6 ? 0 : 2;
	list->set = true;
	list->v = arena_array(a, list->n, shape->stride);
	for (size_t i = 0; i < list->n; i++) {
		char *entry = (char *)list->v + i * shape->stride;

		if (shape->type == WIRE_MAP)
			*(char **)entry = arena_printf(a, "key-%zu", i);
		fill_slot(shape->element, entry + shape->value_offset, shape->type == WIRE_LIST,
			depth + 1, seed, a);
	}
}

static inline void fill_slot(const struct wire_shape *shape, void *slot, bool in_place, int depth,
	unsigned *seed, struct arena *a)
{
	unsigned n = (*seed)++;

	switch (shape->type) {
	case WIRE_STRING:
		*(const char **)slot = shape->enum_values
					       ? shape->enum_values[n % shape->n_enum_values]
					       : arena_printf(a, "t<%u>&\"\xc3\xa9\" x", n);
		return;
	case WIRE_BLOB:
		*(struct view *)slot = view_of(arena_printf(a, "\xff\x01 %u", n));
		return;
	case WIRE_BOOL:
		*(struct wire_bool *)slot = WIRE_SET_BOOL(n % 2);
		return;
	case WIRE_INT:
		*(struct wire_int *)slot = WIRE_SET_INT(n);
		return;
	case WIRE_LONG:
		*(struct wire_long *)slot = WIRE_SET_LONG(INT64_C(9000000000000000000) + n);
		return;
	case WIRE_DOUBLE:
		*(struct wire_double *)slot = WIRE_SET_DOUBLE(n / 3.0);
		return;
	case WIRE_TIMESTAMP:
		*(struct wire_time *)slot = WIRE_SET_TIME((INT64_C(1700000000) + n) * 1000000);
		return;
	case WIRE_LIST:
	case WIRE_MAP:
		fill_elements(shape, slot, depth, seed, a);
		return;
	case WIRE_STRUCT:
		if (!in_place && depth > 6)
			return;
		fill_structure(shape,
			in_place ? slot : (*(void **)slot = arena_alloc(a, shape->size)), depth + 1,
			seed, a);
		return;
	}
}

/* A value with every member filled; *arg is an unsigned that varies numbers and texts. */
static inline void *fill_value(const struct wire_shape *shape, void *arg, struct arena *a)
{
	void *value = arena_alloc(a, shape->size);

	fill_slot(shape, value, true, 0, arg, a);
	return value;
}

#endif

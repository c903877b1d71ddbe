/* SPDX-License-Identifier: Apache-2.0 */
/* Walks every generated table of every service. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "all_services.h"
#include "wire/cbor.h"
#include "base/mem.h"
#include "wire/pattern.h"

static void rows_are_sorted_and_found(const struct wire_shape *shape)
{
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const struct wire_member *found = wire_member_find(shape, view_of(m->wire_name));

		assert_non_null(found);
		assert_string_equal(found->wire_name, m->wire_name);
		assert_true(m->offset < shape->size);
		if (i)
			assert_true(strcmp(m[-1].wire_name, m->wire_name) <= 0);
	}
	assert_null(wire_member_find(shape, VIEW("")));
	assert_null(wire_member_find(shape, VIEW("\x7fnobody")));
}

static void constraints_make_sense(const struct wire_shape *shape)
{
	CLEANUP_ERR struct err err = ERR_INIT;

	if (shape->has_min && shape->has_max)
		assert_true(shape->min <= shape->max);
	if (shape->pattern && wire_pattern_match(shape->pattern, "", &err) < 0)
		fail_msg("%s: %s", shape->name, err_message(&err));
	for (size_t i = 1; i < shape->n_enum_values; i++)
		assert_true(strcmp(shape->enum_values[i - 1], shape->enum_values[i]) < 0);
	if (shape->is_error) {
		assert_non_null(shape->error_code);
		assert_in_range(shape->http_status, 300, 599);
	}
}

static void check_shape(const struct wire_shape *shape, void *arg)
{
	(void)arg;
	rows_are_sorted_and_found(shape);
	constraints_make_sense(shape);
}

static void tables_are_sound(void **state)
{
	(void)state;
	for (size_t s = 0; s < n_all_services; s++)
		each_shape(all_services[s], check_shape, NULL);
}

static void operations_are_found(void **state)
{
	(void)state;
	for (size_t s = 0; s < n_all_services; s++) {
		const struct wire_service *service = all_services[s];

		for (size_t i = 0; i < service->n_operations; i++)
			assert_ptr_equal(
				wire_operation_find(service, view_of(service->operations[i].name)),
				&service->operations[i]);
		assert_null(wire_operation_find(service, VIEW("Get")));
		assert_null(wire_operation_find(service, VIEW("GetNobodyNothing")));
		assert_null(wire_operation_find(service, VIEW("")));
	}
}

/* Structs -> JSON -> structs -> JSON: both texts are the same; so is that of a copy, and of what
 * went through CBOR. */
static void check_round_trip(const struct wire_shape *shape, void *arg)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str one = STR_INIT, two = STR_INIT, three = STR_INIT, cbor = STR_INIT;
	void *value, *again = arena_alloc(&a, shape->size);

	if (shape->type != WIRE_STRUCT)
		return;
	value = fill_value(shape, arg, &a);
	wire_encode_json(shape, value, &one);
	if (wire_decode_json(shape, str_view(&one), &a, again, &err) < 0)
		fail_msg("%s: %s: %s", shape->name, err_message(&err), str_text(&one));
	wire_encode_json(shape, again, &two);
	assert_string_equal(str_text(&one), str_text(&two));
	wire_encode_json(shape, wire_copy(shape, value, &a), &three);
	assert_string_equal(str_text(&one), str_text(&three));
	wire_encode_cbor(shape, value, &cbor);
	if (wire_decode_cbor(shape, str_view(&cbor), &a, again, &err) < 0)
		fail_msg("%s: %s", shape->name, err_message(&err));
	str_clear(&two);
	wire_encode_json(shape, again, &two);
	assert_string_equal(str_text(&one), str_text(&two));
	wire_validate(shape, value, &err); /* must not crash; the values are arbitrary */
}

static void every_shape_round_trips(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (size_t s = 0; s < n_all_services; s++)
		each_shape(all_services[s], check_round_trip, &seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_sound),
		cmocka_unit_test(operations_are_found),
		cmocka_unit_test(every_shape_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which images a lifecycle policy takes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "artifact/image_internal.h"

#define NOW (100 * IMAGE_DAY_USEC)
#define RULE(priority, status, more, count, number)                                         \
	"{\"rulePriority\":" #priority ",\"selection\":{\"tagStatus\":\"" status "\"," more \
	"\"countType\":\"" count "\",\"countNumber\":" #number "},"                         \
	"\"action\":{\"type\":\"expire\"}}"
#define POLICY(rules) "{\"rules\":[" rules "]}"
#define COUNT "imageCountMoreThan"
#define DAYS "\"countUnit\":\"days\","

static const char *v1[] = {"v1"}, *v2[] = {"v2"}, *prod[] = {"prod-1", "v3"};

/* Youngest first; pushed so many days ago. */
static struct image_candidate image(const char *digest, const char **tags, size_t n, int days)
{
	return (struct image_candidate){.digest = digest,
		.tags = tags,
		.n_tags = n,
		.pushed_usec = NOW - days * IMAGE_DAY_USEC - 1};
}

static void decide(const char *policy, struct image_candidate *images, size_t n, struct arena *a)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct image_lifecycle rules;

	if (image_lifecycle_parse(policy, a, &rules, &err) < 0)
		fail_msg("%s", err_message(&err));
	image_lifecycle_decide(&rules, images, n, NOW, a);
}

static void test_counts(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct image_candidate images[] = {
		image("a", NULL, 0, 5), image("b", NULL, 0, 1), image("c", NULL, 0, 3)};

	(void)state;
	decide(POLICY(RULE(7, "untagged", "", COUNT, 2)), images, 3, &a);
	assert_int_equal(images[0].priority, 7); /* the oldest */
	assert_int_equal(images[1].priority, 0);
	assert_int_equal(images[2].priority, 0);
}

static void test_ages(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct image_candidate images[] = {image("a", NULL, 0, 5), image("b", NULL, 0, 4)};

	(void)state;
	decide(POLICY(RULE(1, "any", DAYS, "sinceImagePushed", 5)), images, 2, &a);
	assert_int_equal(images[0].priority, 1);
	assert_int_equal(images[1].priority, 0);
	images[0].pulled_usec = NOW;
	decide(POLICY(RULE(1, "any", DAYS, "sinceImagePulled", 4)), images, 2, &a);
	assert_int_equal(images[0].priority, 0); /* old, but in use */
	assert_int_equal(images[1].priority, 1); /* never pulled: since its push */
}

static void test_an_image_is_one_rules_affair(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct image_candidate images[] = {
		image("a", v1, 1, 9), image("b", v2, 1, 8), image("c", prod, 2, 10)};

	(void)state;
	decide(POLICY(RULE(1, "tagged", "\"tagPrefixList\":[\"prod\"],", COUNT, 1) "," RULE(
		       2, "tagged", "\"tagPatternList\":[\"v*\"],", COUNT, 1)),
		images, 3, &a);
	assert_int_equal(
		images[2].priority, 0); /* kept by the first, though the second would not */
	assert_int_equal(images[1].priority, 0);
	assert_int_equal(images[0].priority, 2);
}

static void test_all_prefixes_must_fit(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct image_candidate images[] = {image("a", v1, 1, 9), image("c", prod, 2, 10)};

	(void)state;
	decide(POLICY(RULE(1, "tagged", "\"tagPrefixList\":[\"prod\",\"v\"]," DAYS,
		       "sinceImagePushed", 1)),
		images, 2, &a);
	assert_int_equal(images[0].priority, 0);
	assert_int_equal(images[1].priority, 1);
}

static void test_members_stay_with_their_index(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	size_t index = 0;
	struct image_candidate images[] = {image("a", v1, 1, 9), image("b", NULL, 0, 9)};

	(void)state;
	images[1].indexes = &index;
	images[1].n_indexes = 1;
	decide(POLICY(RULE(1, "untagged", DAYS, "sinceImagePushed", 1)), images, 2, &a);
	assert_int_equal(images[1].priority, 0);
	decide(POLICY(RULE(1, "any", DAYS, "sinceImagePushed", 1)), images, 2, &a);
	assert_int_equal(images[0].priority, 1);
	assert_int_equal(images[1].priority, 1);
	images[1].kept = true;
	decide(POLICY(RULE(1, "any", DAYS, "sinceImagePushed", 1)), images, 2, &a);
	assert_int_equal(images[1].priority, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_an_image_is_one_rules_affair),
		cmocka_unit_test(test_all_prefixes_must_fit),
		cmocka_unit_test(test_members_stay_with_their_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

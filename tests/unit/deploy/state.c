/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a deployment's status, phase and events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "deploy/lifecycle.h"
#include "deploy/state.h"

static void test_statuses(void **state)
{
	(void)state;
	for (int i = 0; i < DEPLOY_STATUSES; i++) {
		enum deploy_status s = (enum deploy_status)i, back;
		bool any = false;

		assert_true(deploy_status_parse(deploy_status_name(s), &back));
		assert_int_equal(back, s);
		for (int k = 0; k < DEPLOY_STATUSES; k++)
			any = any || deploy_status_may(s, (enum deploy_status)k);
		assert_int_equal(any, !deploy_status_is_final(s));
		assert_false(deploy_status_may(s, DEPLOY_CREATED));
		/* whatever goes on can fail and be stopped */
		if (any) {
			assert_true(deploy_status_may(s, DEPLOY_FAILED));
			assert_true(deploy_status_may(s, DEPLOY_STOPPED));
		}
	}
	assert_false(deploy_status_parse("Baking", &(enum deploy_status){0}));
	assert_false(deploy_status_may(DEPLOY_READY, DEPLOY_SUCCEEDED));
	assert_false(deploy_status_may(DEPLOY_CREATED, DEPLOY_SUCCEEDED));
}

static void test_phases(void **state)
{
	(void)state;
	for (int i = 0; i < DEPLOY_PHASES; i++) {
		enum deploy_phase p = (enum deploy_phase)i;

		assert_int_equal(deploy_phase_parse(deploy_phase_name(p)), p);
		assert_int_equal(deploy_phase_may(p, DEPLOY_PHASE_ENDED), p != DEPLOY_PHASE_ENDED);
		assert_false(deploy_phase_may(p, DEPLOY_PHASE_CREATED));
	}
	assert_null(deploy_phase_wave(DEPLOY_PHASE_INSTALLING, DEPLOY_KIND_IN_PLACE)->label);
	for (enum deploy_kind k = DEPLOY_KIND_BLUE_GREEN; k <= DEPLOY_KIND_SERVICE; k++) {
		const struct deploy_wave_row *row = deploy_phase_wave(DEPLOY_PHASE_INSTALLING, k);

		assert_string_equal(row->label, "Green");
		assert_int_equal(row->part, DEPLOY_WAVE_BEFORE_TRAFFIC);
		assert_int_equal(
			deploy_phase_wave(DEPLOY_PHASE_REROUTING, k)->part, DEPLOY_WAVE_TRAFFIC);
		assert_true(deploy_phase_wave(DEPLOY_PHASE_BLOCKING, k)->every_target_counts);
		assert_false(deploy_phase_wave(DEPLOY_PHASE_READY_WAIT, k)->is_wave);
	}
}

static void assert_track(enum deploy_track track, const char *const *names)
{
	size_t n;
	const struct deploy_event *const *events = deploy_track_events(track, &n);
	bool service = track >= DEPLOY_TRACK_SERVICE, back = track == DEPLOY_TRACK_SERVICE_BACK;

	for (size_t i = 0; i < n; i++) {
		assert_string_equal(events[i]->name, names[i]);
		assert_ptr_equal(service ? deploy_event_find_service(names[i], back)
					 : deploy_event_find(names[i]),
			events[i]);
	}
	assert_null(names[n]);
}

#define BLOCK "BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic"
#define INSTALL                                                                          \
	"ApplicationStop", "DownloadBundle", "BeforeInstall", "Install", "AfterInstall", \
		"ApplicationStart", "ValidateService"
#define ALLOW "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"

static void test_tracks(void **state)
{
	(void)state;
	assert_track(DEPLOY_TRACK_IN_PLACE, (const char *const[]){INSTALL, NULL});
	assert_track(
		DEPLOY_TRACK_IN_PLACE_BALANCED, (const char *const[]){BLOCK, INSTALL, ALLOW, NULL});
	assert_track(DEPLOY_TRACK_GREEN, (const char *const[]){INSTALL, ALLOW, NULL});
	assert_track(DEPLOY_TRACK_BLOCK, (const char *const[]){BLOCK, NULL});
	assert_track(DEPLOY_TRACK_ALLOW, (const char *const[]){ALLOW, NULL});
	assert_track(DEPLOY_TRACK_SERVICE,
		(const char *const[]){"BeforeInstall", "Install", "AfterInstall", ALLOW, NULL});
	assert_track(DEPLOY_TRACK_SERVICE_TESTED,
		(const char *const[]){"BeforeInstall", "Install", "AfterInstall",
			"AllowTestTraffic", "AfterAllowTestTraffic", ALLOW, NULL});
	assert_track(DEPLOY_TRACK_SERVICE_BACK, (const char *const[]){"AllowTraffic", NULL});
	assert_null(deploy_event_find_service("ApplicationStop", false));
	assert_null(deploy_event_find("Nothing"));
	assert_true(deploy_event_find("ApplicationStop")->failure_can_be_ignored);
	assert_false(deploy_event_find("ApplicationStart")->failure_can_be_ignored);
	assert_int_equal(deploy_event_find("AllowTraffic")->actor, DEPLOY_ALLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_tracks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
